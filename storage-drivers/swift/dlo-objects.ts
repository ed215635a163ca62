import type { Digest } from '../../src/domain/digest.js';
import { segmentOwnerKey } from '../../src/domain/keys.js';
import type { Key } from '../../src/domain/keys.js';
import type { Ids } from '../../src/ports/ids.js';
import type { LegacyObjects, ObjectFacts, SoundObject } from '../../src/ports/legacy-objects.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { requireKey } from '../../src/ports/storage-requirements.js';
import type { DloSegments } from './dlo-segments.js';
import type { ObjectNames } from './object-names.js';
import type { ObjectWriter } from './object-writer.js';
import { nested } from './slo-nesting.js';
import type { SloPart } from './slo.js';
import type { SloStore } from './slo-store.js';
import type { SwiftClient } from './swift-client.js';
import type { SwiftInfo } from './swift-info.js';

export interface DloObjectsParts {
  readonly client: SwiftClient;
  readonly names: ObjectNames;
  readonly segments: DloSegments;
  readonly slos: SloStore;
  readonly writer: ObjectWriter;
  readonly ids: Ids;
  /** Waits for the container. */
  ready(): Promise<SwiftInfo>;
}

interface Verified {
  readonly key: Key;
  readonly object: string;
  readonly digest: Digest;
  readonly segments: string;
  readonly parts: readonly SloPart[];
}

/** Dynamic large objects, as distribution's Swift driver writes them, made static ones over the same segments. */
export class DloObjects implements LegacyObjects {
  constructor(private readonly parts: DloObjectsParts) {}

  async inspect(key: Key): Promise<ObjectFacts> {
    const object = await this.objectOf(key);
    const { client } = this.parts;
    // Where the container of its segments is gone, only the manifest itself is there.
    const headers =
      (await client.headNewest(object)) ?? (await client.headNewest(object, 'multipart-manifest=get'));
    if (headers === undefined) throw new StorageError('NOT_FOUND', `${object} does not exist`);
    const size = Number(headers['content-length']);
    const manifest = headers['x-object-manifest'];
    if (typeof manifest === 'string') return { form: 'legacy', size, segments: unquoted(manifest) };
    return { form: headers['x-static-large-object'] === undefined ? 'plain' : 'large', size };
  }

  async verify(key: Key, digest: Digest): Promise<SoundObject> {
    const object = await this.objectOf(key);
    const { segments } = await this.inspect(key);
    if (segments === undefined) throw new StorageError('NOT_FOUND', `${object} is no dynamic large object`);
    const parts = await this.parts.segments.find(this.prefixOf(object, segments));
    const hex = await this.parts.segments.hash(parts, digest.algorithm);
    if (hex !== digest.hex) {
      const held = `its segments (${parts.length}, ${sizeOf(parts)} bytes)`;
      throw new StorageError('MISMATCH', `${held} hold another digest, ${digest.algorithm}:${hex}`);
    }
    // Swift may refuse an empty part.
    const filled = parts.filter((part) => part.size > 0);
    return { convert: () => this.convert({ key, object, digest, segments, parts: filled }) };
  }

  private async convert({ key, object, digest, segments, parts }: Verified): Promise<void> {
    const { slos, writer } = this.parts;
    const whole = await this.withinLimit(key, digest, parts);
    if ((await this.inspect(key)).segments !== segments) return;
    if (parts.length === 0) await writer.put(object, new Uint8Array());
    else await slos.put({ object, parts: whole, replace: true });
    await this.requireConverted(key, object, parts);
  }

  /** Manifests in between lie in a set of our own, where no listing takes them for a part of the legacy object. */
  private async withinLimit(
    key: Key,
    digest: Digest,
    parts: readonly SloPart[],
  ): Promise<readonly SloPart[]> {
    const { names, slos, writer, ids } = this.parts;
    const { sloParts } = await this.parts.ready();
    if (parts.length <= sloParts) return parts;
    const set = ids.unique();
    await writer.put(names.of(segmentOwnerKey(set, digest.hex)), Buffer.from(key));
    return nested(slos, parts, { limit: sloParts, name: () => names.segment(set, ids.unique()) });
  }

  /**
   * The manifest that Swift now has names the very segments that were read, by the etags that they had then: with
   * that, which Swift checks at each read, no byte need be read again.
   */
  private async requireConverted(key: Key, object: string, parts: readonly SloPart[]): Promise<void> {
    const { form, size } = await this.inspect(key);
    const ours = new Set(parts.map((part) => part.object));
    const held = (await this.parts.slos.treeOf(object)).filter((part) => ours.has(part.object));
    const isSame = held.length === parts.length && held.every(isLike(parts));
    if (form !== 'legacy' && size === sizeOf(parts) && isSame) return;
    throw new StorageError('UNAVAILABLE', `${object} is not what it was just replaced by`);
  }

  private prefixOf(object: string, segments: string): string {
    const { container } = this.parts.client.parts;
    const prefix = `${container}/`;
    if (segments.startsWith(prefix) && segments.length > prefix.length) return segments.slice(prefix.length);
    throw new StorageError('UNAVAILABLE', `the segments of ${object} are not in the container ${container}`);
  }

  private async objectOf(key: Key): Promise<string> {
    requireKey(key);
    await this.parts.ready();
    return this.parts.names.of(key);
  }
}

function sizeOf(parts: readonly SloPart[]): number {
  return parts.reduce((sum, { size }) => sum + size, 0);
}

function isLike(parts: readonly SloPart[]): (leaf: SloPart, index: number) => boolean {
  return ({ object, etag, size }, index) => {
    const part = parts[index];
    return part?.object === object && part.etag === etag && part.size === size;
  };
}

/** Swift takes the value for URL-encoded, also where it was written as it is. */
function unquoted(manifest: string): string {
  try {
    return decodeURIComponent(manifest);
  } catch {
    return manifest;
  }
}
