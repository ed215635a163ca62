import type { Digest } from '../domain/digest.js';

const WORDS = 4;
const FIRST_SLOTS = 1024;

/**
 * The sizes of many blobs in 24 bytes a slot, at most half of the slots in use: two million take 96 MiB. A digest is
 * known by its first 128 bits.
 */
export class DigestSizes {
  private words = new Uint32Array(FIRST_SLOTS * WORDS);
  /** One more than the size; 0 for an empty slot. */
  private sizes = new Float64Array(FIRST_SLOTS);
  private used = 0;

  constructor(private readonly most: number) {}

  get isFull(): boolean {
    return this.used >= this.most;
  }

  get(digest: Digest): number | undefined {
    const stored = this.sizes[this.slotOf(wordsOf(digest))] ?? 0;
    return stored === 0 ? undefined : stored - 1;
  }

  /** Once for each digest. Not remembered where it is full. */
  set(digest: Digest, size: number): void {
    if (this.isFull) return;
    if ((this.used + 1) * 2 > this.sizes.length) this.grow();
    this.store(wordsOf(digest), size + 1);
    this.used += 1;
  }

  private store(words: Uint32Array, stored: number): void {
    const slot = this.slotOf(words);
    this.words.set(words, slot * WORDS);
    this.sizes[slot] = stored;
  }

  /** Where the digest is, or would be. */
  private slotOf(words: Uint32Array): number {
    const mask = this.sizes.length - 1;
    for (let slot = (words[0] ?? 0) & mask; ; slot = (slot + 1) & mask) {
      if (this.sizes[slot] === 0) return slot;
      if (words.every((word, at) => this.words[slot * WORDS + at] === word)) return slot;
    }
  }

  private grow(): void {
    const { words, sizes } = this;
    this.words = new Uint32Array(words.length * 2);
    this.sizes = new Float64Array(sizes.length * 2);
    sizes.forEach((stored, slot) => {
      if (stored !== 0) this.store(words.subarray(slot * WORDS, (slot + 1) * WORDS), stored);
    });
  }
}

function wordsOf({ hex }: Digest): Uint32Array {
  return Uint32Array.from({ length: WORDS }, (_, at) => parseInt(hex.slice(at * 8, at * 8 + 8), 16));
}
