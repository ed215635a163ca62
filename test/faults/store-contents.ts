import { createHash } from 'node:crypto';
import type { SwiftBed } from '../support/swift-bed.js';

const CONTAINER = 'stackyard-tests';

interface StoredSegment {
  readonly name: string;
}

/** The objects of one store, as Swift itself has them. */
export class StoreContents {
  constructor(
    private readonly bed: SwiftBed,
    private readonly prefix: string,
  ) {}

  /** The names without the store's prefix, in order. */
  async names(): Promise<string[]> {
    const names: string[] = [];
    for (let marker = ''; ;) {
      const query = new URLSearchParams({ prefix: `${this.prefix}/`, marker });
      const { status, body } = await this.bed.request('GET', `/${CONTAINER}?${query.toString()}`);
      if (status !== 200 && status !== 204) throw new Error(`the listing of ${CONTAINER} answered ${status}`);
      const page = body.toString().split('\n').filter(Boolean);
      const last = page.at(-1);
      if (last === undefined) return names;
      names.push(...page.map((name) => name.slice(this.prefix.length + 1)));
      marker = last;
    }
  }

  /** Blobs that are not those of their digest; those of `known` digests are passed over. */
  async faults(known: ReadonlySet<string> = new Set()): Promise<readonly string[]> {
    const faults: string[] = [];
    for (const name of await this.names()) {
      const [, hex] = /\/blobs\/sha256\/..\/([0-9a-f]{64})\/data$/.exec(name) ?? [];
      if (hex === undefined || known.has(`sha256:${hex}`)) continue;
      const { status, body } = await this.request('GET', name);
      const held = createHash('sha256').update(body).digest('hex');
      if (status !== 200 || held !== hex) faults.push(`${name}: ${status}, sha256 ${held}`);
    }
    return faults;
  }

  /** Objects of uploads that no blob needs: segments in no manifest, steps, owner records of nothing. */
  async garbage(): Promise<readonly string[]> {
    const names = await this.names();
    const needed = new Set<string>();
    for (const name of names.filter((each) => each.endsWith('/data'))) await this.collect(name, needed);
    const sets = new Set([...needed].map((segment) => segment.split('/')[2]));
    return names.filter((name) => {
      if (name.startsWith('segments/stackyard/')) return !needed.has(name);
      const [, set] = /^stackyard\/v1\/segments\/([^/]+)\//.exec(name) ?? [];
      return set === undefined ? /^stackyard\/v1\/(uploads|damaged)\//.test(name) : !sets.has(set);
    });
  }

  /** The rows of Swift's listing. */
  async rows(prefix: string): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
    const query = new URLSearchParams({ format: 'json', prefix: `${this.prefix}/${prefix}` });
    const { body } = await this.bed.request('GET', `/${CONTAINER}?${query.toString()}`);
    return JSON.parse(body.toString()) as { name: string; bytes: number }[];
  }

  async request(method: string, name: string): ReturnType<SwiftBed['request']> {
    return this.bed.request(method, `/${CONTAINER}/${this.prefix}/${encodeURI(name)}`);
  }

  async remove(): Promise<void> {
    const names = (await this.names()).map((name) => `/${CONTAINER}/${this.prefix}/${encodeURI(name)}`);
    const headers = { 'content-type': 'text/plain', accept: 'application/json' };
    for (let from = 0; from < names.length; from += 1000) {
      const batch = Buffer.from(names.slice(from, from + 1000).join('\n'));
      await this.bed.request('POST', '?bulk-delete', headers, batch);
    }
  }

  /** The segments of a blob, in order; none of a plain object. */
  async segmentsOf(digest: string): Promise<readonly string[]> {
    const hex = digest.slice('sha256:'.length);
    return this.parts(`files/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`);
  }

  /** Adds the segments that a large object names, those of nested manifests too. */
  private async collect(name: string, into: Set<string>): Promise<void> {
    for (const segment of await this.parts(name)) {
      into.add(segment);
      await this.collect(segment, into);
    }
  }

  private async parts(name: string): Promise<readonly string[]> {
    const path = `/${CONTAINER}/${this.prefix}/${encodeURI(name)}?multipart-manifest=get`;
    const { status, headers, body } = await this.bed.request('GET', path);
    if (status !== 200 || headers['x-static-large-object'] === undefined) return [];
    const below = `/${CONTAINER}/${this.prefix}/`.length;
    return (JSON.parse(body.toString()) as StoredSegment[]).map((segment) => segment.name.slice(below));
  }
}
