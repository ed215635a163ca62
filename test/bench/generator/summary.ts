import type { Load } from './jobs.js';

const keptErrors = 5;

/** Collects latencies and errors of one load. */
export class Measurement {
  private readonly latencies: number[] = [];
  private readonly messages = new Set<string>();
  private readonly cpu = process.cpuUsage();
  private readonly began = performance.now();
  private bytes = 0;
  private errors = 0;

  done(milliseconds: number, bytes: number): void {
    this.latencies.push(milliseconds);
    this.bytes += bytes;
  }

  failed(error: unknown): void {
    this.errors += 1;
    if (this.messages.size < keptErrors)
      this.messages.add(error instanceof Error ? error.message : String(error));
  }

  finish(): Load {
    const seconds = (performance.now() - this.began) / 1000;
    const { user, system } = process.cpuUsage(this.cpu);
    const sorted = this.latencies.sort((a, b) => a - b);
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      operations: sorted.length,
      bytes: this.bytes,
      seconds,
      p50: at(0.5),
      p99: at(0.99),
      errors: this.errors,
      errorSamples: [...this.messages],
      generatorCpuSeconds: (user + system) / 1e6,
    };
  }
}
