import type { SwiftBed } from './swift-bed.js';
import type { SwiftAnswer } from './swift-client.js';

/** A container of the bed's v1 account, and where in it a store lies. */
export interface SwiftPlace {
  readonly container: string;
  readonly prefix: string;
}

/** What a HEAD tells of how Swift keeps a blob. */
export interface StoredForm {
  readonly form: 'plain' | 'SLO' | 'DLO';
  readonly size: number;
  readonly etag: string;
  /** Of a DLO: the container and what begins its segments' names. */
  readonly segments: string | undefined;
}

/** A store of distribution's layout as Swift itself has it, by requests of its own. */
export class SwiftObjects {
  constructor(
    private readonly bed: SwiftBed,
    readonly place: SwiftPlace,
    /** Begins the names of distribution's files. */
    private readonly files: string,
  ) {}

  blobName(digest: string): string {
    const hex = digest.slice('sha256:'.length);
    return this.fileName(`blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
  }

  fileName(path: string): string {
    return `${this.files}docker/registry/v2/${path}`;
  }

  async request(
    method: string,
    name: string,
    headers: Readonly<Record<string, string>> = {},
    body?: Uint8Array,
  ): Promise<SwiftAnswer> {
    const path = `/${this.place.container}/${name.split('/').map(encodeURIComponent).join('/')}`;
    return this.bed.request(method, path, headers, body);
  }

  async formOf(name: string): Promise<StoredForm> {
    const { status, headers } = await this.request('HEAD', name);
    if (status !== 200) throw new Error(`${status} to the HEAD of ${name}`);
    const segments = headers['x-object-manifest']?.toString();
    const large = headers['x-static-large-object'] === undefined ? 'plain' : 'SLO';
    return {
      form: segments === undefined ? large : 'DLO',
      size: Number(headers['content-length']),
      etag: (headers.etag ?? '').replaceAll('"', ''),
      segments,
    };
  }

  async names(prefix = ''): Promise<string[]> {
    const query = new URLSearchParams({ format: 'json', prefix });
    const answer = await this.bed.request('GET', `/${this.place.container}?${query.toString()}`);
    return (JSON.parse(answer.body.toString()) as { name: string }[]).map(({ name }) => name);
  }

  /** Writes a DLO as distribution's Swift driver does: numbered segments, then the manifest. Answers its prefix. */
  async putDlo(name: string, id: string, segments: readonly Uint8Array[]): Promise<string> {
    const prefix = `${this.files.replace(/files\/$/, '')}segments/2f6/${id}`;
    for (const [i, bytes] of segments.entries()) await this.put(segmentName(prefix, i + 1), bytes);
    await this.put(name, new Uint8Array(), { 'x-object-manifest': `${this.place.container}/${prefix}` });
    return prefix;
  }

  async put(name: string, bytes: Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    const { status } = await this.request('PUT', name, headers, bytes);
    if (status !== 201) throw new Error(`${status} to the PUT of ${name}`);
  }

  async delete(name: string): Promise<void> {
    const { status } = await this.request('DELETE', name);
    if (status !== 204) throw new Error(`${status} to the DELETE of ${name}`);
  }

  /** The names of a DLO's segments; what is none has none. */
  async segmentsOf({ segments }: StoredForm): Promise<string[]> {
    return segments === undefined ? [] : this.names(segments.slice(this.place.container.length + 1));
  }

  /** Deletes the container and all that it holds. */
  async remove(): Promise<void> {
    const { container } = this.place;
    const names = await this.names();
    const lines = names.map((name) => `/${container}/${name.split('/').map(encodeURIComponent).join('/')}\n`);
    const headers = { 'content-type': 'text/plain' };
    await this.bed.request('POST', '?bulk-delete', headers, Buffer.from(lines.join('')));
    await this.bed.request('DELETE', `/${container}`);
  }
}

export function segmentName(prefix: string, number: number): string {
  return `${prefix}/${String(number).padStart(16, '0')}`;
}
