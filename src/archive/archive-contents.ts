import { Readable } from 'node:stream';
import type { Digest, DigestAlgorithm } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import { RegistryError } from '../errors/registry-error.js';
import type { Registry } from '../registry/registry.js';
import { mapBounded } from '../registry/bounded.js';
import { Digester } from '../registry/digester.js';
import type { PrefixDigests } from '../registry/digester.js';
import type { StagedBlob } from '../registry/staged-blobs.js';
import type { UploadBody } from '../registry/upload-receiver.js';
import { ByteReader } from './byte-reader.js';
import { isGzip } from './decompressed.js';
import { blobName, digestOfName, entryName, isOfOldEngines, layerLinkTarget } from './entry-names.js';
import { malformed, quoted, tooLarge } from './invalid-archive.js';
import type { MemoryBudget } from './memory-budget.js';
import type { TarEntry } from './tar-reader.js';

/** Bytes of small files of one archive in memory; further ones are staged. */
const MEMORY_BYTES = 32 * 1024 * 1024;
/** What a file takes in memory beside its bytes. */
const FILE_BYTES = 1024;
/** Bytes; what is smaller costs a store far more than the sender. */
const TINY_BYTES = 64 * 1024;
const MOST_STAGED_TINY = 1000;
const DISCARDED_AT_ONCE = 8;
const GZIP_MAGIC_BYTES = 2;
const KINDS: Readonly<Record<string, string>> = {
  '1': 'a hard link',
  '3': 'a device',
  '4': 'a device',
  '6': 'a named pipe',
  S: 'a sparse file',
};

/** Where the bytes of a file are: `held` are those that the repository had before. */
type Content =
  | { readonly kind: 'memory'; readonly bytes: Buffer }
  | { readonly kind: 'staged'; readonly staged: StagedBlob }
  | { readonly kind: 'held' };

export interface ArchiveFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly digests: PrefixDigests;
  readonly isGzip: boolean;
  readonly content: Content;
}

/** The files of one archive: small ones in memory, others in the store under no name. Nothing of it can be read there. */
export class ArchiveContents {
  private readonly files = new Map<string, ArchiveFile>();
  private readonly links = new Map<string, string>();
  private readonly staged = new Set<StagedBlob>();
  private memory = 0;
  private stagedTiny = 0;

  constructor(
    private readonly registry: Pick<Registry, 'blobs' | 'uploads'>,
    private readonly name: RepositoryName,
    /** Bytes; what is larger is neither a manifest nor a configuration. */
    private readonly smallBytes: number,
    private readonly budget: MemoryBudget,
  ) {}

  /** Takes an entry in. @throws InvalidArchive; RegistryError, StorageError */
  async add(entry: TarEntry): Promise<void> {
    const name = entryName(entry.name);
    if (entry.type === '5') return;
    if (name === '') throw malformed('the archive has an entry without a name');
    if (entry.type === '0' && isOfOldEngines(name)) return;
    if (this.files.has(name) || this.links.has(name))
      throw malformed(`the archive holds ${quoted(name)} twice`);
    if (entry.type === '2') this.links.set(name, layerLinkTarget(name, entry.link));
    else if (entry.type === '0') this.files.set(name, await this.take(name, entry));
    else
      throw malformed(
        `the entry ${quoted(name)} is ${kindOf(entry.type)}, which archives of images do not have`,
      );
  }

  /** @throws InvalidArchive for a link that leads to no file */
  requireLinksLead(): void {
    for (const [name, target] of this.links) {
      if (!this.files.has(target))
        throw malformed(
          `the entry ${quoted(name)} is a link to ${quoted(target)}, which is no file of the archive`,
        );
    }
  }

  file(name: string): ArchiveFile | undefined {
    return this.files.get(this.links.get(name) ?? name);
  }

  blob(digest: Digest): ArchiveFile | undefined {
    return this.files.get(blobName(digest));
  }

  /** Whether it may be a manifest or a configuration. */
  isSmall({ size }: ArchiveFile): boolean {
    return size <= this.smallBytes;
  }

  /** Of a file that is to be a manifest or a configuration. @throws InvalidArchive for one that is too large */
  async bytesOf({ name, size, content }: ArchiveFile): Promise<Buffer> {
    if (content.kind === 'memory') return content.bytes;
    if (size > this.smallBytes || content.kind === 'held')
      throw tooLarge(`the file ${quoted(name)} is above the ${this.smallBytes} bytes of a manifest`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.registry.uploads.staged.read(content.staged))
      chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  /** @throws RegistryError where the purge may soon take what is staged */
  requireYoung(): void {
    const { staged } = this.registry.uploads;
    if (![...this.staged].every((blob) => staged.isYoung(blob)))
      throw new RegistryError('BLOB_UPLOAD_UNKNOWN', 'the import took too long; start it again');
  }

  /** Makes the file a blob of the repository. @throws RegistryError, StorageError */
  async commit(digest: Digest, { content }: ArchiveFile): Promise<void> {
    const { uploads } = this.registry;
    if (content.kind === 'held') {
      throw new RegistryError(
        'BLOB_UNKNOWN',
        `${digest.toString()} was deleted meanwhile; import the archive again`,
      );
    }
    if (content.kind === 'memory' && digest.algorithm === 'sha256')
      return uploads.putWhole(this.name, digest, bodyOf(content.bytes));
    const staged =
      content.kind === 'staged' ? content.staged : await this.stage(bodyOf(content.bytes), digest.algorithm);
    await uploads.staged.commit(this.name, digest, staged);
  }

  /** Removes what was staged and not committed, and gives the memory back. To be called once, at the end. */
  async discard(): Promise<void> {
    this.budget.give(this.memory);
    const { staged } = this.registry.uploads;
    await mapBounded([...this.staged], DISCARDED_AT_ONCE, (blob) => staged.discard(blob));
  }

  private async take(name: string, { body, size }: TarEntry): Promise<ArchiveFile> {
    const expected = digestOfName(name);
    const reader = new ByteReader(body);
    const head = await reader.exactly(GZIP_MAGIC_BYTES);
    const { digests, content } = await this.store(chained(head, reader.rest()), size, expected);
    if (expected !== undefined && digests[expected.algorithm]?.equals(expected) !== true)
      throw malformed(`the content of ${quoted(name)} has another digest than its name`);
    return { name, size, digests, isGzip: isGzip(head), content };
  }

  private async store(
    body: AsyncIterable<Uint8Array>,
    size: number,
    expected: Digest | undefined,
  ): Promise<Pick<ArchiveFile, 'digests' | 'content'>> {
    const isSmall = size <= this.smallBytes;
    const digester = Digester.start(expected?.algorithm ?? 'sha256');
    if (isSmall && this.hasRoom(size + FILE_BYTES)) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of digester.tap(body)) chunks.push(chunk);
      return { digests: digester.digests(), content: { kind: 'memory', bytes: Buffer.concat(chunks) } };
    }
    if (!isSmall && expected !== undefined && (await this.registry.blobs.has(this.name, expected))) {
      for await (const chunk of body) digester.update(chunk);
      return { digests: digester.digests(), content: { kind: 'held' } };
    }
    if (size <= TINY_BYTES) this.countStagedTiny();
    const staged = await this.stage(body, expected?.algorithm);
    return { digests: staged.digests, content: { kind: 'staged', staged } };
  }

  private hasRoom(bytes: number): boolean {
    if (this.memory + bytes > MEMORY_BYTES || !this.budget.take(bytes)) return false;
    this.memory += bytes;
    return true;
  }

  private countStagedTiny(): void {
    this.stagedTiny += 1;
    if (this.stagedTiny > MOST_STAGED_TINY)
      throw tooLarge(
        `the archive holds ${MOST_STAGED_TINY} small files more than fit in memory; import fewer images at once`,
      );
  }

  private async stage(body: AsyncIterable<Uint8Array>, algorithm?: DigestAlgorithm): Promise<StagedBlob> {
    const staged = await this.registry.uploads.staged.stage(
      body,
      algorithm === undefined ? {} : { algorithm },
    );
    this.staged.add(staged);
    return staged;
  }
}

function bodyOf(bytes: Buffer): UploadBody {
  return Object.assign(Readable.from([bytes], { objectMode: false }), {
    interrupted: false,
    length: bytes.byteLength,
  });
}

async function* chained(
  first: Buffer,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  if (first.byteLength > 0) yield first;
  yield* rest;
}

function kindOf(type: string): string {
  return KINDS[type] ?? `of type ${quoted(type)}`;
}
