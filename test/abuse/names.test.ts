import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileDigests } from '../support/directories.js';
import { MEDIA_TYPES, sha256, type Content } from '../support/image.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { call, configBlob, manifestOf, openUpload, pushBlob, putManifest } from './api.js';
import { exchange, head } from './wire.js';

const SECRET = 'this lies outside the root';

/** Ways to write a name that is none. */
const NAMES = [
  '..',
  '../..',
  '.',
  './a',
  'a/..',
  'a/../b',
  '../secret',
  '../../../../etc/passwd',
  '%2e%2e',
  '%2e%2e/secret',
  '%2e%2e%2fsecret',
  '%252e%252e',
  '%252e%252e%252fsecret',
  '..%2f..%2fsecret',
  '..%252fsecret',
  '..%5c..%5csecret',
  '..%c0%afsecret',
  '%c0%ae%c0%ae',
  '%u002e%u002e',
  'a%2fb',
  'a%2Fb',
  'a%252fb',
  '%61',
  'a%00',
  '%00',
  'a%0a',
  'a%0d%0ab',
  'a%20b',
  'a%',
  'a%zz',
  '/a',
  'a//b',
  'a/',
  '//',
  'A',
  'a/B',
  'a_',
  '_a',
  'a..b',
  'a___b',
  '-a',
  'a-',
  '.a',
  'a.',
  'a/_layers',
  '_layers',
  'a/_manifests/tags',
  '_uploads',
  'a!b',
  'a~b',
  'a@b',
  'a:b',
  'a;b',
  'a,b',
  'a b',
  'a*',
  '%C3%A9',
  'a%ef%bc%8fb',
  'stackyard!v1',
  `${'a/'.repeat(200)}a`,
  'a'.repeat(256),
  'a'.repeat(8000),
];

/** Targets with a tag or a digest that is none. */
const REFERENCES = [
  '..',
  '.',
  '%2e%2e',
  '%2e',
  '..%2fx',
  '%2e%2e%2f%2e%2e',
  '%2fetc%2fpasswd',
  '%252e%252e',
  '%00',
  'a%00',
  'a%0d%0aX-Evil:%201',
  '-a',
  '.a',
  'a'.repeat(129),
  '%C3%A9',
  'sha256:..',
  'sha256:%2e%2e%2f',
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(65)}`,
  `SHA256:${'a'.repeat(64)}`,
  'sha256:',
  ':',
  'sha256%3a',
  '%',
  'a%',
  '__proto__:x',
  `md5:${'a'.repeat(32)}`,
  `sha256:${'a'.repeat(64)}%00`,
  `sha256:${'a'.repeat(20_000)}`,
];

/** Deletions that failed are written down. */
const AUDIT = 'data/stackyard/v1/audit/';

describe('names and encodings', () => {
  let home: TemporaryDirectory;
  let server: ServerProcess;
  let config: Content;
  let manifest: Content;

  before(async () => {
    home = await temporaryDirectory('names');
    await mkdir(join(home.path, 'data'));
    await writeFile(join(home.path, 'secret'), SECRET);
    server = await startServer({ root: join(home.path, 'data') });
    config = configBlob();
    manifest = manifestOf(config, 'names');
    await pushBlob(server, 'a', config.bytes);
    assert.equal((await putManifest(server, 'a', 'good', manifest)).status, 201);
  });
  after(async () => {
    await server.stop();
    await home.remove();
  });

  /** Sends the target as it is, without any client's normalisation, and expects a clear refusal. */
  async function refused(method: string, target: string, body = ''): Promise<void> {
    const text =
      head(method, target, { Connection: 'close', ...(body !== '' && { 'Content-Length': body.length }) }) +
      body;
    const { status, body: answer } = await exchange(server, Buffer.from(text, 'latin1'));
    const what = `${method} ${target.slice(0, 100)}`;
    assert.ok(status >= 400 && status < 500, `${what} is answered ${status}`);
    assert.ok(!answer.includes(SECRET) && !answer.includes('root:'), `${what} answers a file`);
    if (answer.length > 0)
      assert.ok(Array.isArray((JSON.parse(answer.toString()) as { errors: unknown }).errors), what);
  }

  /** Nothing outside the root changed, and in it only what the good names make. */
  async function assertUntouched(work: () => Promise<void>): Promise<void> {
    const files = async (): Promise<unknown> =>
      [...(await fileDigests(home.path))].filter(([file]) => !file.startsWith(AUDIT));
    const before = await files();
    await work();
    assert.deepEqual(await files(), before);
    assert.deepEqual((await readdir(home.path)).sort(), ['data', 'secret']);
    assert.deepEqual((await readdir(server.root)).sort(), ['docker', 'stackyard']);
    assert.deepEqual(await readdir(join(server.root, 'docker/registry/v2/repositories')), ['a']);
  }

  it('refuses names of repositories that are none, for every endpoint', async () => {
    await assertUntouched(async () => {
      for (const name of NAMES) {
        await refused('POST', `/v2/${name}/blobs/uploads/`);
        await refused('POST', `/v2/${name}/blobs/uploads/?digest=${sha256(Buffer.from('x'))}`, 'x');
        await refused('PUT', `/v2/${name}/manifests/t`, manifest.bytes.toString());
        await refused('GET', `/v2/${name}/manifests/good`);
        await refused('GET', `/v2/${name}/blobs/${config.digest}`);
        await refused('DELETE', `/v2/${name}/blobs/${config.digest}`);
        await refused('GET', `/v2/${name}/tags/list`);
        await refused('GET', `/v2/${name}/referrers/${config.digest}`);
      }
    });
  });

  it('refuses references that are none', async () => {
    await assertUntouched(async () => {
      for (const reference of REFERENCES) {
        for (const method of ['GET', 'DELETE']) {
          await refused(method, `/v2/a/manifests/${reference}`);
          await refused(method, `/v2/a/blobs/${reference}`);
        }
        await refused('PUT', `/v2/a/manifests/${reference}`, manifest.bytes.toString());
        await refused('GET', `/v2/a/referrers/${reference}`);
        await refused('PATCH', `/v2/a/blobs/uploads/${reference}`, 'x');
        await refused('PUT', `/v2/a/blobs/uploads/${reference}?digest=${config.digest}`, 'x');
      }
    });
  });

  it('refuses them in parameters', async () => {
    const location = await openUpload(server, 'a');
    await assertUntouched(async () => {
      for (const digest of REFERENCES.filter((text) => !text.startsWith('md5'))) {
        await refused('PUT', `${location}&digest=${digest}`, 'x');
        await refused('POST', `/v2/a/blobs/uploads/?digest=${digest}`, 'x');
        await refused('POST', `/v2/a/blobs/uploads/?mount=${digest}&from=a`);
        await refused('POST', `/v2/a/blobs/uploads/?digest-algorithm=${digest}`);
      }
      for (const tag of ['..', '%2e%2e%2fx', 'a%2fb', '%00', '', 'a'.repeat(129)])
        await refused(
          'PUT',
          `/v2/a/manifests/${manifest.digest}?tag=fine&tag=${tag}`,
          manifest.bytes.toString(),
        );
      for (const n of ['-1', '1e9', '0x10', 'NaN', '%00', '1%2f2', '9'.repeat(30), '+1', '1.5']) {
        await refused('GET', `/v2/a/tags/list?n=${n}`);
        await refused('GET', `/v2/_catalog?n=${n}`);
      }
    });
  });

  it('opens a session where a mount names a repository that is none', async () => {
    await assertUntouched(async () => {
      for (const from of NAMES.filter((name) => !name.includes(' '))) {
        const target = `/v2/a/blobs/uploads/?mount=${config.digest}&from=${encodeURIComponent(from)}`;
        assert.equal((await exchange(server, head('POST', target))).status, 202, from.slice(0, 100));
      }
    });
  });

  it('takes `last` for what it is, a place in a list', async () => {
    for (const last of ['..', '%2e%2e%2f%2e%2e', '%00', '/', '%ff', 'a%2f..%2f..', '~', 'z'.repeat(10_000)]) {
      const tags = await exchange(server, head('GET', `/v2/a/tags/list?n=5&last=${last}`));
      assert.equal(tags.status, 200, last.slice(0, 20));
      const catalog = await exchange(server, head('GET', `/v2/_catalog?n=5&last=${last}`));
      assert.ok(catalog.status < 500, `_catalog?last=${last.slice(0, 20)} is answered ${catalog.status}`);
      assert.ok(!catalog.body.includes('secret'));
    }
  });

  it('finds no file by paths that are not of the API', async () => {
    await assertUntouched(async () => {
      for (const path of [
        '/../secret',
        '/%2e%2e/secret',
        '/..%2fsecret',
        '/v2/../secret',
        '/v2/../../secret',
        '//secret',
        '/v2//',
        '/v2/%2e%2e/',
        '/v2/..',
        '/%',
        '/%ff',
        '/%00',
        '/v2%2f',
        '/V2/',
        '/v2/_catalog/',
        '/v2/_catalog/..',
        '//v2/',
        '/./v2/',
        '/v2/a/_layers',
        '/v2/a/blobs',
        '/v2/a/manifests',
        '/v2/a/manifests/',
        '/v2/a/blobs/',
        '/v2/a/tags/',
        '/v2/a/uploads/',
        '/v2/%5f%63atalog',
        '*',
        'secret',
        '../secret',
        'file:///etc/passwd',
        'http://x',
        'http://x/../secret',
        'http://user@x/v2/..',
        `/${'a/'.repeat(10_000)}`,
        '\\v2\\',
        '/v2/\u00e9/tags/list',
      ]) {
        await refused('GET', path);
      }
    });
  });

  it('takes a target in absolute form, as RFC 9112 demands', async () => {
    for (const authority of ['http://registry.test', 'http://other.test:81', 'HTTPS://x']) {
      assert.equal((await exchange(server, head('GET', `${authority}/v2/`))).status, 200);
      const pulled = await exchange(server, head('GET', `${authority}/v2/a/manifests/good`));
      assert.ok(pulled.body.equals(manifest.bytes));
    }
  });

  it('takes percent-encoding where it changes nothing', async () => {
    const encoded = config.digest.replace(':', '%3A');
    assert.ok((await exchange(server, head('GET', `/v2/a/blobs/${encoded}`))).body.equals(config.bytes));
    const pulled = await call(server, 'GET', '/v2/a/manifests/%67ood', {
      headers: { accept: MEDIA_TYPES.ociManifest },
    });
    assert.ok(pulled.body.equals(manifest.bytes));
  });

  it('holds repositories that are named like its own parts', async () => {
    for (const name of [
      'blobs/uploads',
      'a/blobs/uploads',
      'tags/list',
      'manifests/manifests',
      'v2',
      'a/tags/list',
      'referrers/blobs',
    ]) {
      const digest = await pushBlob(server, name, config.bytes);
      assert.ok((await call(server, 'GET', `/v2/${name}/blobs/${digest}`)).body.equals(config.bytes));
      assert.equal((await putManifest(server, name, 'uploads', manifest)).status, 201);
      assert.ok((await call(server, 'GET', `/v2/${name}/manifests/uploads`)).body.equals(manifest.bytes));
      assert.equal((await call(server, 'GET', `/v2/${name}/tags/list`)).status, 200);
    }
  });
});
