import type { Digest } from '../../domain/digest.js';
import type { RepositoryName } from '../../domain/repository-name.js';
import { RegistryError } from '../../errors/registry-error.js';
import { StorageError } from '../../ports/storage-driver.js';
import { digestOf } from '../../registry/digester.js';
import type { Member } from '../../registry/membership.js';
import { FetchBeat } from './fetch-beat.js';
import { followFetch } from './fetch-follower.js';
import type { FetchParts } from './fetch-parts.js';
import type { FetchRecord } from './fetch-records.js';
import { GrowingBlob } from './growing-blob.js';
import { paced } from './paced-bytes.js';
import type { Remote } from '../remote.js';
import type { UpstreamAnswer } from '../upstream/upstream-access.js';
import { askForBlob, lengthOf, oneOf, otherDigest, unsizedBytes, upstreamBytes } from './upstream-bytes.js';
import { UpstreamError } from '../upstream/upstream-error.js';

/** A blob that a repository of the mirror lacked when it was asked for. */
export type Taking =
  | { readonly kind: 'stored'; readonly member: Member }
  | { readonly kind: 'growing'; readonly blob: GrowingBlob };

/** What a claim leads to; undefined where another took the blob and gave up. */
type Work = () => Promise<Member | undefined>;

const MOST_CLAIMS = 3;

/**
 * Takes one blob from its upstream into the store, or follows whoever of the same store takes it already. Goes on
 * though whoever reads it leaves.
 */
export class BlobFetch {
  /** Resolves as soon as it can be read. @throws UpstreamError, StorageError */
  readonly started: Promise<Taking>;
  /** Resolves once the repository holds it. @throws the same */
  readonly done: Promise<Member>;
  /** Whether the repository lacked it. */
  missed = false;
  private offer: (taking: Taking) => void = () => undefined;
  private growing: GrowingBlob | undefined;
  /** The attempt of another that shows no sign of life. */
  private dead: string | undefined;

  constructor(
    private readonly parts: FetchParts,
    private readonly name: RepositoryName,
    private readonly digest: Digest,
    private readonly remote: Remote,
    private readonly signal: AbortSignal,
    /** As a manifest that names it says. */
    private readonly size?: number,
  ) {
    const offered = new Promise<Taking>((resolve) => (this.offer = resolve));
    this.done = this.run();
    this.started = Promise.race([offered, this.done.then((member) => ({ kind: 'stored', member }) as const)]);
    this.started.catch(() => undefined); // told by `done`, too, to whoever waits for that
  }

  /** Nobody who asks now shall have its failure. */
  get hasFailed(): boolean {
    return this.growing?.failed !== undefined;
  }

  private async run(): Promise<Member> {
    const { parts, name, digest } = this;
    try {
      for (let claims = 1; claims <= MOST_CLAIMS; claims += 1) {
        const work = await parts.locker.alone(`mirror ${name}@${digest.toString()}`, () => this.claim());
        const member = await work();
        if (member !== undefined) return member;
      }
      throw new StorageError('UNAVAILABLE', `nobody comes to the end of taking ${digest.toString()}`);
    } catch (error) {
      this.growing?.fail(error as Error);
      throw error;
    }
  }

  /** While nobody else of this server does: who comes next finds the blob, or the record of who takes it. */
  private async claim(): Promise<Work> {
    const { parts, name, digest, size } = this;
    const member = await this.member();
    if (member !== undefined) return this.finished(member);
    this.miss();
    const beat = new FetchBeat(parts, name, digest);
    const isSmall = size !== undefined && size <= parts.limits.heldBytes;
    const record = isSmall ? undefined : await beat.claim(this.dead);
    if (record !== undefined) return () => this.follow(record);
    let answer: UpstreamAnswer | undefined;
    try {
      answer = await askForBlob(this.remote, digest, this.signal);
      return await this.workOn(answer, beat);
    } catch (error) {
      answer?.body.destroy();
      await beat.end('failed');
      throw error;
    }
  }

  private async workOn(answer: UpstreamAnswer, beat: FetchBeat): Promise<Work> {
    const { parts, digest, remote, size, signal } = this;
    const { heldBytes, windowBytes, maxBlobBytes: most } = parts.limits;
    const length = await lengthOf(remote, digest, answer, { size, most, signal });
    if (length === undefined || length <= heldBytes) {
      const taking = length === undefined ? this.takeUnsized(answer) : this.takeSmall(answer, length);
      const member = await taking;
      await beat.end('stored');
      return this.finished(member);
    }
    beat.isSized(length);
    const blob = this.grow(length, windowBytes);
    const taking = this.takeLarge(answer, blob, beat);
    taking.catch(() => undefined); // told by whoever waits for the work
    return () => taking;
  }

  /** Undefined where nothing came of it. Bytes of an attempt that failed are nobody's beginning of a whole. */
  private async follow(record: FetchRecord): Promise<Member | undefined> {
    const { parts, name, digest, signal } = this;
    const { windowBytes } = parts.limits;
    const grow = (size: number): GrowingBlob => this.grow(size, windowBytes);
    const end = await followFetch(parts, { name, digest, record, grow, signal });
    if (end !== 'stored') this.growing?.restart(windowBytes);
    if (end === 'silent') this.dead = record.id;
    const member = await this.member();
    return member && this.finish(member);
  }

  private miss(): void {
    if (!this.missed)
      this.parts.telemetry.mirrorEvent({ kind: 'miss', upstream: this.remote.upstream.name, object: 'blob' });
    this.missed = true;
  }

  private finished(member: Member): Work {
    return () => Promise.resolve(this.finish(member));
  }

  /** By one request of the store's, from memory. */
  private async takeSmall(answer: UpstreamAnswer, size: number): Promise<Member> {
    const { registry } = this.parts;
    if (size === 0 && !this.isOf(Buffer.alloc(0))) throw otherDigest(this.remote, this.digest);
    const blob = this.grow(size, size);
    const chunks: Buffer[] = [];
    for await (const chunk of this.bytes(answer, size)) {
      chunks.push(chunk);
      blob.push(chunk);
    }
    const bytes = Buffer.concat(chunks);
    if (!this.isOf(bytes)) throw otherDigest(this.remote, this.digest);
    blob.release();
    const body = { interrupted: false, length: size, [Symbol.asyncIterator]: () => oneOf(bytes) };
    await registry.uploads.putWhole(this.name, this.digest, body);
    return this.taken(size);
  }

  private async takeLarge(answer: UpstreamAnswer, blob: GrowingBlob, beat: FetchBeat): Promise<Member> {
    const { registry, driver, limits } = this.parts;
    const { staged } = registry.uploads;
    const { algorithm } = this.digest;
    try {
      const taken = await staged.stage(paced(this.bytes(answer, blob.size), blob, this.parts), {
        algorithm,
        pieceBytes: limits.pieceBytes,
        onHashed: (digests) => {
          if (digests[algorithm]?.equals(this.digest) !== true) throw otherDigest(this.remote, this.digest);
          blob.release();
        },
        onDurable: (set, segments) => {
          const bytes = segments.reduce((sum, segment) => sum + segment.size, 0);
          blob.store({ bytes, open: (from) => Promise.resolve(driver.segments.read(set, segments, from)) });
          beat.isDurable(set, segments);
        },
      });
      await staged.commit(this.name, this.digest, taken);
      const member = this.finish(await this.taken(blob.size));
      await beat.end('stored');
      return member;
    } catch (error) {
      blob.fail(error as Error);
      answer.body.destroy();
      await beat.end('failed');
      throw error;
    }
  }

  /** Where nothing tells how long it is: nobody reads it before it is stored. */
  private async takeUnsized(answer: UpstreamAnswer): Promise<Member> {
    const { registry, limits } = this.parts;
    const { staged } = registry.uploads;
    const { algorithm } = this.digest;
    const body = unsizedBytes(this.remote, this.digest, answer, limits.maxBlobBytes);
    const taken = await staged.stage(body, {
      algorithm,
      pieceBytes: limits.pieceBytes,
      onHashed: (digests) => {
        if (digests[algorithm]?.equals(this.digest) !== true) throw otherDigest(this.remote, this.digest);
      },
    });
    await staged.commit(this.name, this.digest, taken);
    return this.taken(taken.size);
  }

  private bytes(answer: UpstreamAnswer, size: number): AsyncGenerator<Buffer, void, void> {
    return upstreamBytes(this.remote, this.digest, size, answer, this.signal);
  }

  /** Of an earlier attempt it is taken once more from its beginning. */
  private grow(size: number, window: number): GrowingBlob {
    const blob = this.growing ?? new GrowingBlob(size, window);
    if (this.growing !== undefined && this.growing.size !== size)
      throw new UpstreamError(
        'dishonest',
        `${this.remote.upstream.name} changes the size of ${this.digest.toString()}`,
      );
    if (this.growing !== undefined) blob.restart(window);
    this.growing = blob;
    this.offer({ kind: 'growing', blob });
    return blob;
  }

  /** Who reads it goes on with what the store has. */
  private finish(member: Member): Member {
    const { registry } = this.parts;
    const { size } = member;
    const open = (start: number) =>
      registry.blobs.open(this.name, this.digest, member, { start, end: size - 1 });
    this.growing?.store({ bytes: size, lent: true, open });
    this.growing?.release();
    return member;
  }

  private async taken(bytes: number): Promise<Member> {
    const { parts, name, digest, remote } = this;
    const fetched = { object: 'blob', repository: name, digest: digest.toString(), bytes } as const;
    parts.telemetry.mirrorEvent({ kind: 'fetched', upstream: remote.upstream.name, ...fetched });
    return parts.registry.blobs.stat(name, digest);
  }

  /** Undefined for a damaged one, too: taking it mends it. */
  private async member(): Promise<Member | undefined> {
    const { registry } = this.parts;
    try {
      return await registry.blobs.stat(this.name, this.digest, { forPush: true });
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'BLOB_UNKNOWN') return undefined;
      throw error;
    }
  }

  private isOf(bytes: Buffer): boolean {
    return digestOf(bytes, this.digest.algorithm).equals(this.digest);
  }
}
