import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Content, Image } from './image.js';
import type { RegistryClient } from './registry-client.js';

/** How a blob is uploaded: as docker does it, or in chunks that each may meet another server. */
export type PushMethod = 'patch' | 'chunks';

const ATTEMPTS = 5;
const PAUSE_MS = 300;
const CHUNK_BYTES = 700_000;

/** An answer by which a client knows that it may ask again. */
class NotNow extends Error {}

/** Pulls and pushes whole images as docker does: what failed is repeated up to five times, and each repeat is noted. */
export class RetryingClient {
  /** Why each request, or each upload, was repeated. */
  readonly retries: string[] = [];
  /** Bodies that broke off and were taken up again where they had broken off. */
  resumed = 0;

  constructor(private readonly client: RegistryClient) {}

  /** Compares every byte with what was pushed. `begun` is waited for after the first bytes of each layer. */
  async pull(
    repository: string,
    reference: string,
    image: Image,
    begun?: () => Promise<void>,
  ): Promise<void> {
    const manifest = await this.repeated(`manifest ${reference}`, async () => {
      const path = `/v2/${repository}/manifests/${reference}`;
      const answer = await this.expect('GET', path, 200, { headers: { accept: image.manifest.mediaType } });
      return Buffer.from(await answer.arrayBuffer());
    });
    assert.ok(manifest.equals(image.manifest.bytes), `${repository}:${reference}: the manifest differs`);
    await this.pullBlob(repository, image.config);
    await Promise.all(image.layers.map((blob) => this.pullBlob(repository, blob, begun)));
  }

  async push(repository: string, reference: string, image: Image, method: PushMethod): Promise<void> {
    for (const blob of [image.config, ...image.layers]) {
      await this.repeated(`upload by ${method}`, () => this.pushBlob(repository, blob, method));
    }
    const { mediaType, bytes } = image.manifest;
    await this.repeated('manifest PUT', () =>
      this.expect('PUT', `/v2/${repository}/manifests/${reference}`, 201, {
        headers: { 'content-type': mediaType },
        body: new Uint8Array(bytes),
      }),
    );
  }

  /** A body that breaks off is taken up again by Range; its digest is that of all parts. */
  private async pullBlob(
    repository: string,
    { digest, size }: Content,
    begun?: () => Promise<void>,
  ): Promise<void> {
    const hash = createHash('sha256');
    let received = 0;
    await this.repeated('blob', async () => {
      const resumes = received > 0;
      if (resumes) this.resumed += 1;
      const headers: Record<string, string> = resumes ? { range: `bytes=${received}-` } : {};
      const answer = await this.expect('GET', `/v2/${repository}/blobs/${digest}`, resumes ? 206 : 200, {
        headers,
      });
      assert.ok(answer.body);
      for await (const chunk of answer.body) {
        if (received === 0) await begun?.();
        hash.update(chunk as Uint8Array);
        received += (chunk as Uint8Array).byteLength;
      }
      if (received < size) throw new NotNow(`a body ended after ${received} of ${size} bytes`);
    });
    assert.equal(received, size);
    assert.equal(`sha256:${hash.digest('hex')}`, digest);
  }

  private async pushBlob(repository: string, { digest, bytes }: Content, method: PushMethod): Promise<void> {
    const opened = await this.expect('POST', `/v2/${repository}/blobs/uploads/`, 202);
    let location = opened.headers.get('location') ?? '';
    const step = method === 'patch' ? bytes.length : CHUNK_BYTES;
    for (let start = 0; start < bytes.length; start += step) {
      const chunk = bytes.subarray(start, start + step);
      const range = method === 'patch' ? {} : { 'content-range': `${start}-${start + chunk.byteLength - 1}` };
      const answer = await this.expect('PATCH', location, 202, {
        headers: { 'content-type': 'application/octet-stream', ...range },
        body: new Uint8Array(chunk),
      });
      location = answer.headers.get('location') ?? '';
    }
    const url = new URL(location, this.client.url);
    url.searchParams.set('digest', digest);
    await this.expect('PUT', url.href, 201);
  }

  private async expect(
    method: string,
    path: string,
    status: number,
    init: RequestInit = {},
  ): Promise<Response> {
    const answer = await this.client.request(method, path, init);
    if (answer.status === status) {
      if (method !== 'GET') await answer.arrayBuffer();
      return answer;
    }
    const text = (await answer.text()).slice(0, 200);
    if (answer.status >= 500) throw new NotNow(`${method}: ${answer.status} ${text}`);
    assert.fail(`${method} ${path} answered ${answer.status} instead of ${status}: ${text}`);
  }

  private async repeated<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        // fetch tells by a TypeError, its only way, that a connection or a body broke.
        if (!(error instanceof NotNow || error instanceof TypeError) || attempt === ATTEMPTS) throw error;
        const cause = error.cause instanceof Error ? `: ${error.cause.message}` : '';
        this.retries.push(`${what}: ${error.message}${cause}`);
        await delay(PAUSE_MS * attempt);
      }
    }
  }
}
