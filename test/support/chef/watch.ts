import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ChefHost, Converge, ConvergeOptions } from './host.js';

const BETWEEN_MS = 10;
/** Where Chef keeps what it replaced, and what was refused. */
const KEPT = '/var/cache/chef-bed/backup /var/cache/chef-bed/failed_validations';

/**
 * Converges, and keeps all that could show a secret: what was printed, the nodes, the arguments of every process of the
 * host, Chef's copies of files.
 */
export class Watch {
  readonly #seen = new Set<string>();

  constructor(private readonly host: ChefHost) {}

  async converge(text: string, options?: ConvergeOptions): Promise<Converge> {
    const abandon = new AbortController();
    const watching = this.#watch(abandon.signal);
    try {
      const result = await this.host.converge(text, options);
      const copies = await this.host.run(
        'sh',
        '-c',
        `mkdir -p ${KEPT} && find ${KEPT} -type f -exec cat {} +`,
      );
      this.#seen.add(result.output).add(result.node).add(copies.stdout);
      return result;
    } finally {
      abandon.abort();
      await watching;
    }
  }

  /** Converges without a failure. */
  async converged(text: string, options?: ConvergeOptions): Promise<Converge> {
    const result = await this.converge(text, options);
    assert.equal(result.code, 0, result.output);
    return result;
  }

  /** What is declared has to be so already. */
  async changesNothing(text: string): Promise<void> {
    const { updated, output } = await this.converged(text);
    assert.equal(updated, 0, output);
  }

  /** Converges, which has to fail for the reason. */
  async fails(text: string, reason: RegExp): Promise<void> {
    const { code, failure, output } = await this.converge(text);
    assert.equal(code, 1, output);
    assert.match(failure ?? '', reason);
  }

  /** Converges twice: the first time has to change something, the second nothing. Answers the first. */
  async changesOnce(text: string, options?: ConvergeOptions): Promise<Converge> {
    const result = await this.converged(text, options);
    assert.ok(result.updated > 0, result.output);
    const again = await this.converge(text, options);
    assert.deepEqual([again.code, again.updated], [0, 0], again.output);
    return result;
  }

  /** All of it, as one text. @throws where no process of the converger was ever seen */
  text(): string {
    const text = [...this.#seen].join('\n');
    if (!text.includes('converge.rb')) throw new Error('the arguments of processes were not seen');
    return text;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const proc = this.host.path('/proc');
    while (!signal.aborted) {
      const processes = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
      const lines = await Promise.all(
        processes.map((id) => readFile(join(proc, id, 'cmdline'), 'utf8').catch(gone)),
      );
      for (const line of lines) this.#seen.add(line);
      await delay(BETWEEN_MS);
    }
  }
}

/** Processes end while they are read. */
function gone(error: unknown): string {
  if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
  throw error;
}
