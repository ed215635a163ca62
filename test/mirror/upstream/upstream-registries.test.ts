import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import bcrypt from 'bcryptjs';
import { parseRepositoryName } from '../../../src/domain/repository-name.js';
import type { UpstreamClient } from '../../../src/mirror/upstream/upstream-client.js';
import { makeImage } from '../../support/image.js';
import { startPeer } from '../../support/peer.js';
import { RegistryClient } from '../../support/registry-client.js';
import { requireTool } from '../../support/requirement.js';
import { startServer } from '../../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../../support/target.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { passwordLogin, textOf, withUpstreamBed } from './upstream-bed.js';

const REPOSITORY = parseRepositoryName('team/app');

describe('Upstream client of a real registry', function () {
  this.timeout(60_000);
  const bed = withUpstreamBed();
  const image = makeImage({ format: 'oci' });

  const takesTheImage = async (client: UpstreamClient): Promise<void> => {
    const accept = image.manifest.mediaType;
    const at = { repository: REPOSITORY, accept } as const;
    const head = await client.ask({ ...at, method: 'HEAD', path: 'manifests/v1' });
    assert.deepEqual([head.digest, head.length], [image.manifest.digest, image.manifest.bytes.length]);
    const manifest = await client.ask({ ...at, method: 'GET', path: 'manifests/v1' });
    assert.equal(await textOf(manifest.body), image.manifest.bytes.toString());
    assert.equal(manifest.contentType, accept);
    for (const { digest, bytes } of [image.config, ...image.layers]) {
      const { body, length } = await client.ask({ ...at, method: 'GET', path: `blobs/${digest}` });
      assert.equal(await textOf(body), bytes.toString());
      assert.equal(length, bytes.length);
      const rest = await client.ask({ ...at, method: 'GET', path: `blobs/${digest}`, from: 100 });
      assert.equal(await textOf(rest.body), bytes.subarray(100).toString());
    }
    const tags = await client.ask({ ...at, method: 'GET', path: 'tags/list' });
    assert.deepEqual(JSON.parse(await textOf(tags.body)), { name: REPOSITORY, tags: ['v1'] });
    const error = await bed().failure(client.ask({ ...at, method: 'GET', path: 'manifests/none' }));
    assert.equal(error.failure, 'absent');
  };

  it('takes an image from another Stackyard by tokens', async () => {
    const server = await startServer({ env: WITH_LOGINS });
    try {
      await new RegistryClient(server.url, ADMIN).pushImage(REPOSITORY, image, 'v1');
      const { username, password } = ADMIN;
      await takesTheImage(
        bed().client({ url: server.url, logins: [passwordLogin('**', username, password)] }),
      );
      const stranger = bed().client({ url: server.url });
      const question = { method: 'GET', repository: REPOSITORY, path: 'manifests/v1' } as const;
      assert.equal((await bed().failure(stranger.ask(question))).failure, 'denied');
      assert.doesNotMatch(bed().said(), new RegExp(password));
    } finally {
      await server.stop();
    }
  });

  it('takes an image from docker-registry by a password', async function () {
    const program = requireTool(this, 'docker-registry');
    const home = await temporaryDirectory('htpasswd');
    const path = join(home.path, 'htpasswd');
    const { username, password } = ADMIN;
    await writeFile(path, `${username}:${await bcrypt.hash(password, 4)}\n`);
    const peer = await startPeer({ program, auth: { htpasswd: { realm: 'the, realm', path } } });
    try {
      const basic = Buffer.from(`${username}:${password}`).toString('base64');
      await pushByPassword(peer.url, `Basic ${basic}`);
      await takesTheImage(bed().client({ url: peer.url, logins: [passwordLogin('**', username, password)] }));
      assert.doesNotMatch(bed().said(), new RegExp(`${password}|${basic}`));
    } finally {
      await peer.stop();
      await home.remove();
    }
  });

  const pushByPassword = async (url: string, authorization: string): Promise<void> => {
    const send = async (method: string, at: string | URL, init: RequestInit = {}): Promise<Response> => {
      const headers = { ...init.headers, authorization };
      const answer = await fetch(at, { ...init, method, headers });
      assert.ok(answer.ok, `${method} was answered with ${answer.status}`);
      return answer;
    };
    for (const { digest, bytes } of [image.config, ...image.layers]) {
      const started = await send('POST', `${url}/v2/${REPOSITORY}/blobs/uploads/`);
      const session = new URL(started.headers.get('location') ?? '', url);
      session.searchParams.set('digest', digest);
      const type = { 'content-type': 'application/octet-stream' };
      await send('PUT', session, { body: new Uint8Array(bytes), headers: type });
    }
    const { bytes, mediaType } = image.manifest;
    const headers = { 'content-type': mediaType };
    await send('PUT', `${url}/v2/${REPOSITORY}/manifests/v1`, { body: new Uint8Array(bytes), headers });
  };
});
