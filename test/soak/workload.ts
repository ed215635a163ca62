import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { content, makeImage, sha256, type Content, type Image } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { UPLOAD_METHODS } from './upload-methods.js';

const TAGS = ['latest', 'v1', 'v2', 'v3', 'edge'];

/** Blobs that all clients push, so that they race for the same ones. */
export function sharedBlobs(count: number): Content[] {
  return Array.from({ length: count }, (_, i) =>
    content('application/vnd.oci.image.layer.v1.tar+gzip', randomBytes(1000 * (i + 1) ** 3)),
  );
}

/**
 * One client with repositories of its own: it knows what each tag must hold, so every answer can be checked. Its blobs
 * are partly those of all other clients.
 */
export class Workload {
  readonly #client: RegistryClient;
  readonly #repositories: readonly string[];
  readonly #held = new Map<string, Map<string, Image>>();
  readonly counts = new Map<string, number>();

  constructor(
    url: string,
    readonly name: string,
    private readonly shared: readonly Content[],
  ) {
    this.#client = new RegistryClient(url);
    this.#repositories = [1, 2, 3].map((i) => `soak/${name}/app-${i}`);
    for (const repository of this.#repositories) this.#held.set(repository, new Map());
  }

  /** One random operation, its answers checked. */
  async step(): Promise<void> {
    const [name, operation] = pick(this.#operations);
    await operation();
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  /** Pulls every image that must be there, from a server that may be another one, and compares every byte. */
  async verify(url: string): Promise<number> {
    const client = new RegistryClient(url);
    let images = 0;
    for (const [repository, tags] of this.#held) {
      for (const [tag, image] of tags) {
        await client.assertHolds(repository, tag, image);
        images++;
      }
      if (tags.size > 0) assert.deepEqual(await client.tags(repository), [...tags.keys()].sort());
    }
    return images;
  }

  // Listed as often as they are wanted.
  readonly #operations: readonly (readonly [string, () => Promise<void>])[] = [
    ...Array<readonly [string, () => Promise<void>]>(8).fill(['push', () => this.#push()]),
    ...Array<readonly [string, () => Promise<void>]>(8).fill(['pull', () => this.#pull()]),
    ['delete manifest', () => this.#deleteManifest()],
    ['delete tag', () => this.#deleteTag()],
    ['list tags', () => this.#listTags()],
    ['wrong digest', () => this.#wrongDigest()],
  ];

  async #push(): Promise<void> {
    const repository = pick(this.#repositories);
    const image = makeImage({ format: 'oci', layers: randomInt(1, 4), layerBytes: 2 ** randomInt(8, 22) });
    const own: Content[] = [image.config, ...image.layers];
    const borrowed = pick(this.shared);
    for (const blob of [...own, borrowed]) await pick(UPLOAD_METHODS)(this.#client, repository, blob);
    const other = pick(this.#repositories);
    const mount = `/v2/${other}/blobs/uploads/?mount=${borrowed.digest}&from=${repository}`;
    assert.equal(await this.#client.status('POST', mount), 201);
    const tag = pick(TAGS);
    await this.#client.putManifest(repository, tag, image.manifest);
    this.#tagsOf(repository).set(tag, image);
  }

  async #pull(): Promise<void> {
    const [repository, tag, image] = this.#any() ?? [];
    if (repository === undefined || tag === undefined || image === undefined) return;
    await this.#client.assertHolds(repository, pick([tag, image.manifest.digest]), image);
  }

  async #deleteManifest(): Promise<void> {
    const [repository, , image] = this.#any() ?? [];
    if (repository === undefined || image === undefined) return;
    const { digest } = image.manifest;
    await this.#client.deleteManifest(repository, digest);
    const gone = [digest];
    for (const [tag, held] of this.#tagsOf(repository)) if (held.manifest.digest === digest) gone.push(tag);
    for (const reference of gone) {
      this.#tagsOf(repository).delete(reference);
      await this.#assertMissing(`/v2/${repository}/manifests/${reference}`);
    }
  }

  async #deleteTag(): Promise<void> {
    const [repository, tag, image] = this.#any() ?? [];
    if (repository === undefined || tag === undefined || image === undefined) return;
    await this.#client.deleteManifest(repository, tag);
    this.#tagsOf(repository).delete(tag);
    await this.#assertMissing(`/v2/${repository}/manifests/${tag}`);
    await this.#client.assertHolds(repository, image.manifest.digest, image);
  }

  async #listTags(): Promise<void> {
    const [repository] = this.#any() ?? [];
    if (repository === undefined) return;
    assert.deepEqual(await this.#client.tags(repository), [...this.#tagsOf(repository).keys()].sort());
  }

  async #wrongDigest(): Promise<void> {
    const repository = pick(this.#repositories);
    const bytes = randomBytes(10_000);
    const digest = sha256(randomBytes(32));
    await assert.rejects(this.#client.pushBlob(repository, { digest, bytes }), /answered 400/);
    for (const claimed of [digest, sha256(bytes)])
      await this.#assertMissing(`/v2/${repository}/blobs/${claimed}`);
  }

  async #assertMissing(path: string): Promise<void> {
    assert.equal(await this.#client.status('GET', path), 404, path);
  }

  #tagsOf(repository: string): Map<string, Image> {
    const tags = this.#held.get(repository);
    assert.ok(tags);
    return tags;
  }

  #any(): readonly [string, string, Image] | undefined {
    const all = [...this.#held].flatMap(([repository, tags]) =>
      [...tags].map(([tag, image]) => [repository, tag, image] as const),
    );
    return all.length === 0 ? undefined : pick(all);
  }
}

function pick<T>(from: readonly T[]): T {
  const picked = from[randomInt(from.length)];
  assert.ok(picked !== undefined, 'nothing to pick from');
  return picked;
}
