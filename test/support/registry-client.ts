import assert from 'node:assert/strict';
import { MEDIA_TYPES, type Content, type Image } from './image.js';

const ACCEPT = Object.values(MEDIA_TYPES)
  .filter((type) => /manifest|index/.test(type))
  .join(', ');

/** The few calls of the distribution API that tests make by hand; each fails unless the answer is the expected one. */
export class RegistryClient {
  private authorization: string | undefined;

  constructor(
    readonly url: string,
    private readonly login?: { readonly username: string; readonly password: string },
  ) {}

  /** Gives what a challenge asks for, a token or the password, where there is a login. */
  async request(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    const answer = await this.send(method, path, init);
    const challenge = answer.headers.get('www-authenticate') ?? '';
    if (answer.status !== 401 || this.login === undefined || !/^(Bearer|Basic) /.test(challenge))
      return answer;
    await answer.arrayBuffer();
    this.authorization = challenge.startsWith('Basic ')
      ? basicOf(this.login)
      : `Bearer ${await this.tokenFor(challenge, this.login)}`;
    return this.send(method, path, init);
  }

  private async send(method: string, path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.authorization !== undefined) headers.set('authorization', this.authorization);
    return fetch(new URL(path, this.url), { ...init, method, headers });
  }

  private async tokenFor(
    challenge: string,
    login: { readonly username: string; readonly password: string },
  ): Promise<string> {
    const parameters = new Map(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
    );
    const realm = new URL(parameters.get('realm') ?? '');
    for (const name of ['service', 'scope']) {
      const value = parameters.get(name);
      if (value !== undefined) realm.searchParams.set(name, value);
    }
    const answer = await fetch(realm, { headers: { authorization: basicOf(login) } });
    await expectStatus(answer, 200);
    return ((await answer.json()) as { token: string }).token;
  }

  async pushBlob(repository: string, { digest, bytes }: Pick<Content, 'digest' | 'bytes'>): Promise<void> {
    const started = await this.request('POST', `/v2/${repository}/blobs/uploads/`);
    await expectStatus(started, 202);
    const location = started.headers.get('location');
    assert.ok(location, 'the upload has no Location');
    const session = new URL(location, this.url);
    session.searchParams.set('digest', digest);
    const done = await this.request('PUT', session.href, {
      headers: { 'content-type': 'application/octet-stream' },
      body: new Uint8Array(bytes),
    });
    await expectStatus(done, 201);
  }

  async putManifest(repository: string, reference: string, manifest: Content): Promise<Response> {
    const answer = await this.request('PUT', `/v2/${repository}/manifests/${reference}`, {
      headers: { 'content-type': manifest.mediaType },
      body: new Uint8Array(manifest.bytes),
    });
    await expectStatus(answer, 201);
    assert.equal(answer.headers.get('docker-content-digest'), manifest.digest);
    return answer;
  }

  /** Pushes blobs, then the manifest under a tag or, by default, its digest. */
  async pushImage(repository: string, image: Image, reference = image.manifest.digest): Promise<void> {
    for (const blob of [image.config, ...image.layers]) await this.pushBlob(repository, blob);
    await this.putManifest(repository, reference, image.manifest);
  }

  /** The bytes of a manifest, checked against the digest and length that the answer names. */
  async manifest(repository: string, reference: string): Promise<{ mediaType: string; bytes: Buffer }> {
    const answer = await this.request('GET', `/v2/${repository}/manifests/${reference}`, {
      headers: { accept: ACCEPT },
    });
    await expectStatus(answer, 200);
    const bytes = Buffer.from(await answer.arrayBuffer());
    assert.equal(answer.headers.get('content-length'), String(bytes.length));
    return { mediaType: answer.headers.get('content-type') ?? '', bytes };
  }

  async blob(repository: string, digest: string): Promise<Buffer> {
    const answer = await this.request('GET', `/v2/${repository}/blobs/${digest}`);
    await expectStatus(answer, 200);
    return Buffer.from(await answer.arrayBuffer());
  }

  async deleteManifest(repository: string, reference: string): Promise<void> {
    await expectStatus(await this.request('DELETE', `/v2/${repository}/manifests/${reference}`), 202);
  }

  async status(method: string, path: string): Promise<number> {
    const answer = await this.request(method, path, { headers: { accept: ACCEPT } });
    await answer.arrayBuffer();
    return answer.status;
  }

  async tags(repository: string): Promise<string[]> {
    const answer = await this.request('GET', `/v2/${repository}/tags/list`);
    await expectStatus(answer, 200);
    return ((await answer.json()) as { tags: string[] }).tags;
  }

  async catalog(): Promise<string[]> {
    const answer = await this.request('GET', '/v2/_catalog?n=100');
    await expectStatus(answer, 200);
    return ((await answer.json()) as { repositories: string[] }).repositories;
  }

  /** Pulls every byte of an image and compares it with what was pushed. */
  async assertHolds(repository: string, reference: string, image: Image): Promise<void> {
    const { mediaType, bytes } = await this.manifest(repository, reference);
    assert.equal(mediaType, image.manifest.mediaType);
    assert.ok(bytes.equals(image.manifest.bytes), `${repository}:${reference}: the manifest differs`);
    for (const { digest, bytes: expected } of [image.config, ...image.layers])
      assert.ok((await this.blob(repository, digest)).equals(expected), `${repository}@${digest} differs`);
  }
}

/** What shows a login by its password. */
export function basicOf(login: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}`;
}

/** Fails with what the answer says; reads its body to the end unless it is the expected one. */
async function expectStatus(answer: Response, status: number): Promise<void> {
  if (answer.status === status) {
    if (status !== 200) await answer.arrayBuffer();
    return;
  }
  const text = await answer.text();
  assert.fail(`${answer.url} answered ${answer.status} instead of ${status}: ${text.slice(0, 500)}`);
}
