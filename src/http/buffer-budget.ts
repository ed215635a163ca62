import { RegistryError } from '../errors/registry-error.js';

/** Bounds the memory that bodies held whole (manifests) take together. */
export class BufferBudget {
  private taken = 0;

  /** Bytes. */
  constructor(private readonly limit: number) {}

  /** @throws RegistryError UNAVAILABLE when there is no room now */
  take(bytes: number): void {
    if (this.taken + bytes > this.limit) {
      const headers = { 'Retry-After': '1' };
      throw new RegistryError('UNAVAILABLE', 'too many manifests are being pushed; try again', { headers });
    }
    this.taken += bytes;
  }

  give(bytes: number): void {
    this.taken -= bytes;
  }
}
