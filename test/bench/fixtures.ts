import { createHash } from 'node:crypto';
import type { Call, Content, Operation, Push } from './generator/jobs.js';
import type { LoadGenerator } from './generator/load-generator.js';
import { mustBeRight } from './scenario.js';
import type { Scale } from './storage/bench-storage.js';
import type { Subject } from './subject.js';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';

/** docker's own list, so that a server that negotiates has as much to do as in life. */
export const acceptManifests = [
  'application/vnd.docker.distribution.manifest.v2+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  manifestType,
  'application/vnd.oci.image.index.v1+json',
].join(', ');

export interface Blob {
  readonly content: Content;
  readonly digest: string;
}

export interface Manifest {
  readonly repository: string;
  readonly tag: string;
  readonly body: Buffer;
  /** Lower-case hex; the digest is `sha256:` + this. */
  readonly sha256: string;
}

const seedRepository = 'bench/seed';
const pullRepository = 'bench/pull';
const layersPerManifest = 4;
const setUpLanes = 8;

/** The data both servers are given, the same bytes to each, put there once and only when a scenario needs it. */
export class Fixtures {
  readonly repositories: readonly string[];
  readonly tags: readonly string[];
  readonly catalogRepositories: readonly string[];
  /** Where blobs are mounted from. */
  readonly seedRepository = seedRepository;
  private readonly done = new Set<string>();
  private readonly pullable = new Map<number, readonly Blob[]>();
  private seeds = Date.now() * 1000; // fresh contents in every invocation, none of which a disk has seen
  private labels = 0;
  private seedBlobs: readonly Blob[] = [];
  private images: readonly Manifest[] = [];

  constructor(
    private readonly generator: LoadGenerator,
    private readonly scale: Scale,
  ) {
    const number = (index: number): string => String(index).padStart(4, '0');
    const named = (count: number, prefix: string): string[] =>
      Array.from({ length: count }, (_, index) => prefix + number(index));
    this.repositories = named(scale.repositories, 'bench/images-');
    this.tags = named(scale.tags, 'v1.');
    this.catalogRepositories = named(scale.catalogRepositories, 'bench/catalog/r-');
  }

  /** Blobs that exist nowhere yet, their digests computed. */
  async freshBlobs(count: number, size: number): Promise<readonly Blob[]> {
    const contents = Array.from({ length: count }, () => ({ seed: this.seeds++, size }));
    const digests = await this.generator.digests(contents);
    return contents.map((content, index) => ({ content, digest: digests[index] ?? '' }));
  }

  /** A manifest nobody has seen; without other blobs, of those that every image repository holds. */
  freshManifest(
    repository: string,
    layers: readonly Blob[] = this.seedBlobs.slice(1),
    config: Blob | undefined = this.seedBlobs[0],
  ): Manifest {
    const label = `m${++this.labels}`;
    const descriptor = (blob: Blob, mediaType: string): object => ({
      mediaType,
      digest: blob.digest,
      size: blob.content.size,
    });
    if (!config) throw new Error('the seed blobs are not there yet');
    const body = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestType,
        config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
        layers: layers.map((layer) => descriptor(layer, 'application/vnd.oci.image.layer.v1.tar+gzip')),
        annotations: { 'org.opencontainers.image.ref.name': label },
      }),
    );
    return { repository, tag: label, body, sha256: createHash('sha256').update(body).digest('hex') };
  }

  putManifest({ repository, tag, body }: Manifest): Call {
    return {
      kind: 'call',
      method: 'PUT',
      path: `/v2/${repository}/manifests/${tag}`,
      headers: { 'Content-Type': manifestType },
      body,
      status: 201,
    };
  }

  getManifest({ repository, body, sha256 }: Manifest, reference: string): Call {
    return {
      kind: 'call',
      method: 'GET',
      path: `/v2/${repository}/manifests/${reference}`,
      headers: { Accept: acceptManifests },
      status: 200,
      length: body.length,
      sha256,
    };
  }

  push(repository: string, { content, digest }: Blob, mode: Push['mode']): Push {
    return { kind: 'push', mode, repository, content, digest };
  }

  /** A config and four layers in every image repository. */
  async seed(subject: Subject | undefined): Promise<readonly Blob[]> {
    if (this.seedBlobs.length === 0) this.seedBlobs = await this.freshBlobs(1 + layersPerManifest, 4096);
    await this.once(subject, 'seed', () => [
      this.seedBlobs.map((blob) => this.push(seedRepository, blob, 'monolithic')),
      this.repositories.flatMap((repository) => this.mounts(repository, this.seedBlobs)),
    ]);
    return this.seedBlobs;
  }

  /** Distinct manifests, each with a tag, in every image repository. */
  async manifests(subject: Subject | undefined): Promise<readonly Manifest[]> {
    await this.seed(subject);
    if (this.images.length === 0) {
      // repository by repository in turn, so that consecutive requests never stay in one
      const rounds = Array.from({ length: this.scale.manifestsPerRepository }, () => this.repositories);
      this.images = rounds.flatMap((names) => names.map((name) => this.freshManifest(name)));
    }
    await this.once(subject, 'manifests', () => [this.images.map((manifest) => this.putManifest(manifest))]);
    return this.images;
  }

  /** One repository whose every tag names one manifest. Returns its name. */
  async taggedRepository(subject: Subject | undefined): Promise<string> {
    await this.seed(subject);
    const repository = 'bench/tags';
    await this.once(subject, 'tags', () => {
      const manifest = this.freshManifest(repository);
      return [
        this.mounts(repository, this.seedBlobs),
        this.tags.map((tag) => this.putManifest({ ...manifest, tag })),
      ];
    });
    return repository;
  }

  /** Many small repositories. */
  async catalog(subject: Subject | undefined): Promise<void> {
    await this.seed(subject);
    await this.once(subject, 'catalog', () => [
      this.catalogRepositories.flatMap((name) => this.mounts(name, this.seedBlobs.slice(0, 1))),
      this.catalogRepositories.map((name) => this.putManifest(this.freshManifest(name, []))),
    ]);
  }

  /** Distinct blobs of one size to pull, 64 MiB of them or at least four, with their path. */
  async blobs(subject: Subject | undefined, size: number): Promise<readonly (Blob & { path: string })[]> {
    const count = Math.max(4, Math.floor((64 * 1024 * 1024) / size));
    const blobs = this.pullable.get(size) ?? (await this.freshBlobs(count, size));
    this.pullable.set(size, blobs);
    await this.once(subject, `blobs of ${size}`, () => [
      blobs.map((blob) => this.push(pullRepository, blob, 'monolithic')),
    ]);
    return blobs.map((blob) => ({ ...blob, path: `/v2/${pullRepository}/blobs/${blob.digest}` }));
  }

  private mounts(repository: string, blobs: readonly Blob[]): Call[] {
    return blobs.map(({ digest }) => ({
      kind: 'call',
      method: 'POST',
      path: `/v2/${repository}/blobs/uploads/?mount=${digest}&from=${seedRepository}`,
      headers: {},
      status: 201,
    }));
  }

  /** Each phase is finished before the next begins. Without a subject (the ceiling) nothing is uploaded. */
  private async once(subject: Subject | undefined, what: string, phases: () => Operation[][]): Promise<void> {
    const holder = subject?.source ?? subject;
    const key = `${holder?.name}: ${what}`;
    if (!holder || this.done.has(key)) return;
    for (const operations of phases()) {
      const job = { target: holder.target, lanes: setUpLanes, operations: holder.asked(operations) };
      mustBeRight(await this.generator.run({ ...job, lenient: false }), key);
    }
    this.done.add(key);
  }
}
