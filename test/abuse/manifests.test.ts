import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { MEDIA_TYPES, content, descriptor, sha256, type Content } from '../support/image.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { call, configBlob, pushBlob, putManifest } from './api.js';
import { Wire, chunk, head } from './wire.js';

const MIB = 1024 * 1024;
const DEEP = 100_000;
const LIMIT = 4 * MIB;

describe('manifests that are none', function () {
  this.timeout(60_000);
  let server: ServerProcess;
  let config: Content;

  before(async () => {
    server = await startServer();
    config = configBlob();
    await pushBlob(server, 'm', config.bytes);
  });
  after(() => server.stop());

  const put = (bytes: Buffer, mediaType: string = MEDIA_TYPES.ociManifest) =>
    putManifest(server, 'm', sha256(bytes), { mediaType, digest: sha256(bytes), size: bytes.length, bytes });
  const start = (): string => `{"schemaVersion":2,"config":${JSON.stringify(descriptor(config))},"layers":[`;
  const image = (members: string): Buffer => Buffer.from(`${start()}]${members}}`);
  const of = (layer: string): Buffer => Buffer.from(`${start()}${layer}]}`);
  const hex = 'a'.repeat(64);

  it('accepts the one that the others are made from', async () => {
    assert.equal((await put(image(''))).status, 201);
  });

  const refused: Record<string, () => Buffer> = {
    'an empty body': () => Buffer.alloc(0),
    'a space': () => Buffer.from(' '),
    null: () => Buffer.from('null'),
    'a number': () => Buffer.from('2'),
    'a huge number': () => Buffer.from('9'.repeat(1_000_000)),
    'a text': () => Buffer.from('"manifest"'),
    'a list': () => Buffer.from('[]'),
    'a list of a manifest': () => Buffer.concat([Buffer.from('['), image(''), Buffer.from(']')]),
    'half an object': () => image('').subarray(0, -1),
    'two objects': () => Buffer.concat([image(''), image('')]),
    'deep lists': () => Buffer.from('['.repeat(DEEP) + ']'.repeat(DEEP)),
    'deep lists without an end': () => Buffer.from('['.repeat(DEEP)),
    'deep objects without an end': () => Buffer.from('{"a":'.repeat(DEEP)),
    'a deep config': () => Buffer.from(`{"schemaVersion":2,"config":${'['.repeat(DEEP)}${']'.repeat(DEEP)}}`),
    'a null layer': () => of('null'),
    'a layer that is a list': () => of('[]'),
    'an empty layer': () => of('{}'),
    'layers that are an object': () => Buffer.from('{"schemaVersion":2,"layers":{"length":1e9}}'),
    'layers that are a text': () => Buffer.from('{"schemaVersion":2,"layers":"x"}'),
    'a size beyond numbers': () => of(`{"digest":"sha256:${hex}","size":1e999}`),
    'a size beyond whole numbers': () => of(`{"digest":"sha256:${hex}","size":9007199254740993}`),
    'a negative size': () => of(`{"digest":"sha256:${hex}","size":-1}`),
    'a size with a fraction': () => of(`{"digest":"sha256:${hex}","size":1.5}`),
    'a size that is a text': () => of(`{"digest":"sha256:${hex}","size":"1"}`),
    'no size': () => of(`{"digest":"sha256:${hex}"}`),
    'a digest that leads out': () => of('{"digest":"sha256:../../../../etc/passwd","size":1}'),
    'a digest with a NUL': () => of(`{"digest":"sha256:${'a'.repeat(63)}\\u0000","size":1}`),
    'a digest that is too long': () => of(`{"digest":"sha256:${'a'.repeat(100_000)}","size":1}`),
    'a digest that is an object': () => of('{"digest":{"toString":"x"},"size":1}'),
    'a subject that is a text': () => image(',"subject":"x"'),
    'a mediaType that is a number': () => image(',"mediaType":1'),
    'annotations that are a list': () => image(',"annotations":[1]'),
    'annotations that are not texts': () => image(',"annotations":{"a":{}}'),
    'schemaVersion 1': () => Buffer.from('{"schemaVersion":1,"name":"x","tag":"x"}'),
    'schemaVersion as a text': () => Buffer.from('{"schemaVersion":"2"}'),
    'invalid UTF-8': () =>
      Buffer.concat([image(',"x":"').subarray(0, -1), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    'an overlong UTF-8 slash': () =>
      Buffer.concat([image(',"x":"').subarray(0, -1), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    'a byte order mark': () => Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), image('')]),
    'UTF-16': () => Buffer.from(image('').toString(), 'utf16le'),
    'a NUL at its end': () => Buffer.concat([image(''), Buffer.alloc(1)]),
    'a comment': () => Buffer.concat([Buffer.from('/* x */'), image('')]),
    gzip: () => Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]),
  };
  for (const [what, bytes] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      const answer = await put(bytes());
      assert.deepEqual([answer.status, answer.code], [400, 'MANIFEST_INVALID']);
      assert.equal((await call(server, 'GET', `/v2/m/manifests/${sha256(bytes())}`)).status, 404);
    });
  }

  const accepted: Record<string, () => Buffer> = {
    'a deep member that it does not know': () => image(`,"x":${'['.repeat(DEEP)}${']'.repeat(DEEP)}`),
    'deep objects in a member that it does not know': () =>
      image(`,"x":${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`),
    'a huge number in a member that it does not know': () => image(`,"x":${'9'.repeat(1_000_000)}`),
    'names of a prototype': () =>
      image(',"__proto__":{"layers":null},"constructor":1,"annotations":{"__proto__":"x"}'),
    'half a surrogate pair': () => image(',"annotations":{"a":"\\ud800"}'),
  };
  for (const [what, bytes] of Object.entries(accepted)) {
    it(`keeps ${what} byte for byte`, async () => {
      assert.equal((await put(bytes())).status, 201);
      const pulled = await call(server, 'GET', `/v2/m/manifests/${sha256(bytes())}`);
      assert.equal(pulled.status, 200);
      assert.ok(pulled.body.equals(bytes()));
    });
  }

  it('goes by the last of duplicate keys, as its clients do', async () => {
    const wanted = descriptor(config);
    const missing = JSON.stringify({ ...wanted, digest: sha256(randomBytes(8)) });
    assert.equal((await put(image(`,"config":${missing}`))).code, 'MANIFEST_BLOB_UNKNOWN');
    const good = Buffer.from(
      `{"config":${missing},"schemaVersion":1,"schemaVersion":2,"config":${JSON.stringify(wanted)}}`,
    );
    assert.equal((await put(good)).status, 201);
    assert.ok((await call(server, 'GET', `/v2/m/manifests/${sha256(good)}`)).body.equals(good));
  });

  it('refuses a media type that could not stand in a header', async () => {
    for (const mediaType of [
      'a/b\r\nX-Evil: 1',
      'text',
      'a/b/c',
      'a/é',
      `a/${'b'.repeat(1_000_000)}`,
      'a /b',
      '\u0000/x',
    ]) {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [] }));
      const answer = await call(server, 'PUT', '/v2/m/manifests/evil', { body: bytes });
      assert.deepEqual([answer.status, answer.code], [400, 'MANIFEST_INVALID'], mediaType.slice(0, 20));
    }
    assert.equal((await call(server, 'GET', '/v2/m/manifests/evil')).status, 404);
  });

  it('takes 4 MiB', async () => {
    const opening = image(',"x":""').subarray(0, -2);
    const bytes = Buffer.concat([opening, Buffer.alloc(LIMIT - opening.length - 2, 'x'), Buffer.from('"}')]);
    assert.equal(bytes.length, LIMIT);
    assert.equal((await put(bytes)).status, 201);
    assert.ok((await call(server, 'GET', `/v2/m/manifests/${sha256(bytes)}`)).body.equals(bytes));
  });

  it('answers 413 to 5 MiB, and the sender can read it', async () => {
    const body = Buffer.alloc(5 * MIB, ' ');
    for (let i = 0; i < 5; i++) {
      const answer = await call(server, 'PUT', '/v2/m/manifests/large', { body });
      assert.deepEqual([answer.status, answer.code], [413, 'MANIFEST_INVALID']);
    }
  });

  it('answers 413 to 5 MiB of chunks without a length, as soon as there are too many', async () => {
    const wire = await Wire.open(server);
    await wire.send(head('PUT', '/v2/m/manifests/large', { 'Transfer-Encoding': 'chunked' }));
    const piece = chunk(Buffer.alloc(MIB, ' '));
    for (let i = 0; i < 5; i++) await wire.send(piece);
    const answer = await wire.answer(); // the last chunk was never sent
    assert.equal(answer.status, 413);
    assert.equal(answer.headers.get('connection'), 'close');
    await wire.send('0\r\n\r\n');
    await wire.closed();
    assert.equal((await call(server, 'GET', '/v2/m/manifests/large')).status, 404);
  });

  it('checks an index of tens of thousands of children while others are served', async () => {
    const children: string[] = [];
    for (let bytes = 200; bytes < LIMIT - 300; bytes += (children.at(-1)?.length ?? 0) + 1)
      children.push(
        JSON.stringify({
          mediaType: MEDIA_TYPES.ociManifest,
          digest: sha256(Buffer.from(`${bytes}`)),
          size: 2,
        }),
      );
    assert.ok(children.length > 20_000, `${children.length} children`);
    const index = content(
      MEDIA_TYPES.ociIndex,
      Buffer.from(`{"schemaVersion":2,"manifests":[${children.join(',')}]}`),
    );
    let done = false;
    const pushing = putManifest(server, 'm', 'many', index).finally(() => (done = true));
    let served = 0;
    let slowest = 0;
    while (!done) {
      const began = performance.now();
      assert.equal((await call(server, 'GET', '/v2/')).status, 200);
      slowest = Math.max(slowest, performance.now() - began);
      served += 1;
    }
    const answer = await pushing;
    assert.deepEqual([answer.status, answer.code], [400, 'MANIFEST_BLOB_UNKNOWN']);
    assert.ok(
      served >= 3 && slowest < 3000,
      `${served} requests meanwhile, the slowest ${Math.round(slowest)} ms`,
    );
    assert.equal((await call(server, 'GET', '/v2/m/manifests/many')).status, 404);
  });
});
