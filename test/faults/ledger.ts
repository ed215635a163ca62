import assert from 'node:assert/strict';
import { digestOf } from '../http/client.js';
import type { PatientClient } from './patient-client.js';

/** What was acknowledged, and must be readable ever after. */
export class Ledger {
  private readonly blobs = new Map<string, string>();
  private readonly manifests = new Map<string, string>();
  private readonly tags = new Map<string, string>();

  blob(name: string, digest: string): void {
    this.blobs.set(`/v2/${name}/blobs/${digest}`, digest);
  }

  manifest(name: string, digest: string): void {
    this.manifests.set(`/v2/${name}/manifests/${digest}`, digest);
  }

  tag(name: string, tag: string, digest: string): void {
    this.tags.set(`/v2/${name}/manifests/${tag}`, digest);
  }

  /** The client took it back. */
  forget(name: string, reference: string): void {
    this.manifests.delete(`/v2/${name}/manifests/${reference}`);
    this.tags.delete(`/v2/${name}/manifests/${reference}`);
  }

  get size(): number {
    return this.blobs.size + this.manifests.size + this.tags.size;
  }

  /** The digests of blobs. */
  get digests(): ReadonlySet<string> {
    return new Set(this.blobs.values());
  }

  /** What cannot be read back byte for byte. */
  async lost(witness: PatientClient): Promise<readonly string[]> {
    const lost: string[] = [];
    for (const [path, digest] of [...this.blobs, ...this.manifests, ...this.tags]) {
      const answer = await witness.get(path);
      const held = digestOf(answer.body);
      if (answer.status !== 200 || held !== digest) lost.push(`${path}: ${answer.status} ${held}`);
    }
    return lost;
  }

  async assertHeld(witness: PatientClient): Promise<void> {
    assert.deepEqual(await this.lost(witness), []);
  }
}
