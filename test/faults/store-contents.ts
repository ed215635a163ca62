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

  /** What contradicts itself: blobs under another digest than theirs, and large objects with a segment missing. */
  async faults(): Promise<readonly string[]> {
    const faults: string[] = [];
    for (const name of await this.names()) {
      const [, hex] = /\/blobs\/sha256\/..\/([0-9a-f]{64})\/data$/.exec(name) ?? [];
      if (hex === undefined) continue;
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

  /** The segments that a large object names, those of nested manifests too. */
  private async collect(name: string, into: Set<string>): Promise<void> {
    const query = '?multipart-manifest=get';
    const { status, headers, body } = await this.bed.request(
      'GET',
      `/${CONTAINER}/${this.prefix}/${encodeURI(name)}${query}`,
    );
    if (status !== 200 || headers['x-static-large-object'] === undefined) return;
    for (const { name: path } of JSON.parse(body.toString()) as StoredSegment[]) {
      const segment = path.slice(`/${CONTAINER}/${this.prefix}/`.length);
      into.add(segment);
      await this.collect(segment, into);
    }
  }
}
