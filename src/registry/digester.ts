import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { Digest } from '../domain/digest.js';
import type { DigestAlgorithm } from '../domain/digest.js';

/** The digest of bytes that are all in memory. */
export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return Digest.of(algorithm, createHash(algorithm).update(bytes).digest('hex'));
}

/** Hashes bytes as they pass, always in sha256 and in one more algorithm if it was announced. */
export class Digester {
  private constructor(
    private readonly hashes: ReadonlyMap<DigestAlgorithm, Hash>,
    private bytes: number,
  ) {}

  static start(announced: DigestAlgorithm): Digester {
    const algorithms = new Set<DigestAlgorithm>(['sha256', announced]);
    return new Digester(new Map([...algorithms].map((name) => [name, createHash(name)])), 0);
  }

  /** Bytes hashed. */
  get size(): number {
    return this.bytes;
  }

  update(chunk: Uint8Array): void {
    for (const hash of this.hashes.values()) hash.update(chunk);
    this.bytes += chunk.byteLength;
  }

  /** Digests of everything so far; more may follow. */
  digests(): PrefixDigests {
    const sha256 = this.hexOf('sha256');
    const sha512 = this.hashes.has('sha512') ? this.hexOf('sha512') : undefined;
    return {
      sha256: Digest.of('sha256', sha256),
      ...(sha512 !== undefined && { sha512: Digest.of('sha512', sha512) }),
    };
  }

  copy(): Digester {
    return new Digester(new Map([...this.hashes].map(([name, hash]) => [name, hash.copy()])), this.bytes);
  }

  async *tap(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.update(chunk);
      yield chunk;
    }
  }

  private hexOf(algorithm: DigestAlgorithm): string {
    const hash = this.hashes.get(algorithm);
    if (hash === undefined) throw new Error(`no ${algorithm} was announced`);
    return hash.copy().digest('hex');
  }
}

/** What is known of the bytes of an upload session so far. */
export interface PrefixDigests {
  readonly sha256: Digest;
  readonly sha512?: Digest;
}
