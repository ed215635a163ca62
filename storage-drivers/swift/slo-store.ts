import type { Segment } from '../../src/ports/storage-driver.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import { Backoff } from './backoff.js';
import { OVERTAKEN, lastModifiedOf, overtaken } from './object-writer.js';
import { bareEtag, decodeSlo, encodeSlo, sloEtag } from './slo.js';
import type { SloPart } from './slo.js';
import type { SwiftClient } from './swift-client.js';
import { isPassing, swiftFailure } from './swift-failure.js';

/** From this many parts on Swift may take longer for its checks than a quiet connection lives. */
const HEARTBEAT_PARTS = 100;
/** How often a refused manifest is sent: a part may have been written a moment ago, a byte been changed on the way. */
const LOOKS = 3;

export interface SloPut {
  readonly object: string;
  readonly parts: readonly SloPart[];
  /** Overwrites what is there. */
  readonly replace: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The manifests of static large objects. */
export class SloStore {
  constructor(private readonly client: SwiftClient) {}

  /** @throws StorageError EXISTS; MISMATCH where a part is gone or differs */
  async put({ object, parts, replace, signal }: SloPut): Promise<Date> {
    const { clock, ids, times, container } = this.client.parts;
    const backoff = new Backoff(clock, ids, times.retry);
    const heartbeat = parts.length >= HEARTBEAT_PARTS ? '&heartbeat=on' : '';
    for (let looks = 1; ; looks++) {
      const { status, headers, text } = await this.client.sendForText({
        method: 'PUT',
        object,
        query: `multipart-manifest=put${heartbeat}`,
        headers: {
          'Content-Type': 'application/octet-stream',
          Accept: 'application/json',
          ...(!replace && { 'If-None-Match': '*' }),
        },
        body: encodeSlo(container, parts),
        signal,
      });
      const answer =
        heartbeat !== '' && status === 202
          ? resultOf(text)
          : { status, etag: bareEtag(headers.etag), errors: text };
      if (answer.status === 201) {
        if (answer.etag === sloEtag(parts)) return lastModifiedOf(headers);
        throw new StorageError('UNAVAILABLE', `Swift made something else of ${object} than its segments`);
      }
      if (answer.status === OVERTAKEN && replace) {
        if (await backoff.again(signal)) continue;
        throw overtaken(object);
      }
      if (answer.status === 412 || answer.status === OVERTAKEN)
        throw new StorageError('EXISTS', `${object} exists`);
      const faults = answer.status === 400 ? faultsOf(answer.errors) : undefined;
      const error = this.failure(object, answer.status, faults);
      const isWorthAnotherLook = isPassing(answer.status) || (faults !== undefined && looks < LOOKS);
      if (!isWorthAnotherLook || !(await backoff.again(signal))) throw error;
    }
  }

  /**
   * Every object that a manifest needs, the manifests within it included, as they are now; empty where the object is
   * gone or is no manifest. @throws StorageError UNAVAILABLE for a manifest that cannot be read
   */
  async treeOf(object: string): Promise<readonly SloPart[]> {
    const headers = await this.client.headNewest(object);
    if (headers?.['x-static-large-object'] === undefined) return [];
    const tree = await this.treeBelow(object);
    const held = tree.reduce((sum, { isManifest, size }) => (isManifest ? sum : sum + size), 0);
    if (held === Number(headers['content-length'])) return tree;
    // The purge would take for dead what is not told.
    throw new StorageError('UNAVAILABLE', `the manifest of ${object} does not tell all its parts`);
  }

  /** Whether a part of the object is proven to be gone or changed. */
  async isDamaged(object: string): Promise<boolean> {
    for (const part of await this.treeOf(object)) if (!(await this.isThere(part))) return true;
    return false;
  }

  /** The sizes of the plain objects that make up what is known to be a manifest, in order. */
  async leafSizes(object: string): Promise<number[]> {
    const tree = await this.treeBelow(object);
    return tree.filter(({ isManifest }) => !isManifest).map(({ size }) => size);
  }

  private async isThere({ object, etag, size }: SloPart): Promise<boolean> {
    const headers = await this.client.headNewest(object);
    if (headers === undefined) return false;
    return bareEtag(headers.etag) === etag && Number(headers['content-length']) === size;
  }

  private async treeBelow(object: string): Promise<readonly SloPart[]> {
    const { status, text } = await this.client.sendForText({
      method: 'GET',
      object,
      query: 'multipart-manifest=get',
      headers: { 'X-Newest': 'true' },
    });
    if (status !== 200) throw swiftFailure(this.client.nameOf({ method: 'GET', object }), status);
    const tree: SloPart[] = [];
    for (const part of this.decode(object, text)) {
      tree.push(part);
      if (part.isManifest) tree.push(...(await this.treeBelow(part.object)));
    }
    return tree;
  }

  private decode(object: string, text: Buffer): SloPart[] {
    try {
      return decodeSlo(this.client.parts.container, text);
    } catch (error) {
      throw new StorageError('UNAVAILABLE', `the manifest of ${object} is unreadable`, { cause: error });
    }
  }

  private failure(object: string, status: number, faults: readonly Fault[] | undefined): StorageError {
    if (faults === undefined) return swiftFailure(this.client.nameOf({ method: 'PUT', object }), status);
    const [first] = faults;
    const told = first === undefined ? 'bad request' : `${first[0]}: ${first[1]}`;
    if (faults.some((fault) => isAbsence(fault) || isDifference(fault)))
      return new StorageError(
        'MISMATCH',
        `the segments of ${object} are not those that were written: ${told}`,
      );
    return new StorageError('UNAVAILABLE', `Swift refused the manifest of ${object}: ${told}`);
  }
}

/** As a segment of an upload. */
export function partOf(object: string, { etag, size }: Segment): SloPart {
  return { object, etag, size, isManifest: false };
}

type Fault = readonly [path: string, reason: string];

function isAbsence([, reason]: Fault): boolean {
  return reason.startsWith('404');
}

function isDifference([, reason]: Fault): boolean {
  return /Mismatch/.test(reason);
}

/** `{"Errors": [[path, reason], …]}`, also where the answer came by heartbeat. */
function faultsOf(text: Buffer): Fault[] {
  try {
    const { Errors: errors } = JSON.parse(text.toString()) as { Errors?: Fault[] };
    return errors ?? [];
  } catch {
    return [['', text.toString().replace(/\s+/g, ' ').trim().slice(0, 200)]];
  }
}

/** The real result of a PUT that was answered 202 at once: it stands in the body. */
function resultOf(text: Buffer): { status: number; etag: string; errors: Buffer } {
  const json = text.toString().trim();
  try {
    const result = JSON.parse(json) as { 'Response Status'?: string; Etag?: string };
    return {
      status: Number.parseInt(result['Response Status'] ?? '502', 10),
      etag: bareEtag(result.Etag),
      errors: Buffer.from(json),
    };
  } catch {
    return { status: 502, etag: '', errors: Buffer.from(json) };
  }
}
