import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { ProblemBody } from '../../../src/api/problem.js';
import { TagPattern } from '../../../src/domain/tag-pattern.js';
import { everything, layoutOf, savedImage, tarArchive, bytesEntry } from '../../archive/archives.js';
import { onStore } from '../../support/in-process.js';
import type { Bench, NodeOptions, RegistryNode, StoreName } from '../../support/in-process.js';
import { requireTool } from '../../support/requirement.js';
import { temporaryDirectory } from '../../support/temporary.js';
import { runTool } from '../../support/tool.js';
import { basic } from '../access/logins.js';
import { Client } from '../client.js';
import type { Answer } from '../client.js';
import { EMPTY_JSON, bytesOf } from '../content.js';
import { AdminClient, AdminWorld, IMAGE, LAYER } from './admin-world.js';
import { BOUNDARY, FORM, fileOf, formOf, importInto } from './forms.js';
import type { Part } from './forms.js';

const STORES: readonly StoreName[] = ['memory', 'filesystem'];
const OPTIONS: NodeOptions = { logins: {}, admin: { archives: { maxBytes: 8 * 1024 * 1024 } } };
const SAVED = savedImage(['somebody/app:v1', 'somebody/app:v2']);
const saved = () => tarArchive(SAVED.entries);
const layout = () =>
  tarArchive(
    layoutOf([[IMAGE, { 'org.opencontainers.image.ref.name': 'v7' }]], [LAYER, EMPTY_JSON].map(bytesEntry)),
  );

interface Report {
  readonly images: readonly { readonly digest: string; readonly tags: readonly string[] }[];
  readonly bytes: number;
  readonly blobs: { readonly added: number; readonly known: number };
}

function send(
  node: RegistryNode,
  body: Buffer | readonly Buffer[],
  { headers = FORM, path = importInto() }: { headers?: object; path?: string } = {},
): Promise<Answer> {
  return new Client(node).call('POST', path, { headers: { ...basic('root'), ...headers }, body });
}

function assertCode(answer: Answer, status: number, code: string): void {
  assert.equal((answer.expect(status).json() as ProblemBody).code, code);
}

async function zstd(bytes: Buffer): Promise<Buffer> {
  const home = await temporaryDirectory('zstd');
  const [source, target] = [join(home.path, 'source'), join(home.path, 'target')];
  await writeFile(source, bytes);
  await runTool('zstd', ['-q', '-f', source, '-o', target]);
  const compressed = await readFile(target);
  await home.remove();
  return compressed;
}

const FIELD: Part = { name: 'note', bytes: 'hello' };
/** Forms that are not one file `archive`, around a good archive. */
const WRONG_FORMS: Readonly<Record<string, (archive: Buffer) => Buffer>> = {
  'nothing in it': () => formOf([]),
  'no byte': () => Buffer.alloc(0),
  'another name': (archive) => formOf([fileOf(archive, 'file')]),
  'no name': (archive) => formOf([{ filename: 'a.tar', bytes: archive }]),
  'no filename': (archive) => formOf([{ name: 'archive', type: 'application/octet-stream', bytes: archive }]),
  'a text instead of the file': (archive) => formOf([{ name: 'archive', bytes: archive.subarray(0, 100) }]),
  'two files': (archive) => formOf([fileOf(archive), fileOf(archive)]),
  'a second file of another name': (archive) => formOf([fileOf(archive), fileOf('x', 'other')]),
  'a field before the file': (archive) => formOf([FIELD, fileOf(archive)]),
  'a field after the file': (archive) => formOf([fileOf(archive), FIELD]),
  'an end in the middle of the file': (archive) => formOf([fileOf(archive)]).subarray(0, 10_000),
  'no end': (archive) => formOf([fileOf(archive)], ''),
  'half an end': (archive) => formOf([fileOf(archive)], `--${BOUNDARY}`),
  'an empty file': () => formOf([fileOf('')]),
};

describe('imports over HTTP', function () {
  this.timeout(20_000);
  for (const store of STORES) describe(`[${store}]`, () => onStore(store, suite, OPTIONS));
});

function suite(bench: () => Bench): void {
  const kept = () => everything(bench().node.driver);

  it('take what docker save writes', async () => {
    const { root } = await AdminWorld.make(bench());
    const archive = await saved();
    const report = (await send(bench().node, formOf([fileOf(archive)]))).expect(201).json() as Report;
    assert.deepEqual(
      report.images.map(({ tags }) => tags),
      [['v1', 'v2']],
    );
    assert.equal(report.bytes, archive.byteLength);
    assert.deepEqual(report.blobs, { added: 3, known: 0 });
    const tag = await root.value<{ digest: string }>('getTag', {
      params: { repository: 'team/new', tag: 'v2' },
    });
    assert.equal(tag.digest, report.images[0]?.digest);
  });

  it('take OCI layouts, plain and gzip, in one piece and in many', async () => {
    const { root } = await AdminWorld.make(bench());
    for (const archive of [await layout(), gzipSync(await layout())]) {
      const whole = formOf([fileOf(archive)]);
      const pieces = Array.from({ length: Math.ceil(whole.byteLength / 97) }, (_, index) =>
        whole.subarray(index * 97, (index + 1) * 97),
      );
      for (const body of [whole, pieces]) {
        const report = (await send(bench().node, body)).expect(201).json() as Report;
        assert.deepEqual(report.images, [{ digest: IMAGE.digest, mediaType: IMAGE.mediaType, tags: ['v7'] }]);
      }
    }
    const detail = await root.value<{ tags: number }>('getRepository', {
      params: { repository: 'team/new' },
    });
    assert.equal(detail.tags, 1);
  });

  it('take zstd', async function () {
    requireTool(this, 'zstd');
    await AdminWorld.make(bench());
    const body = formOf([fileOf(await zstd(await saved()))]);
    const report = (await send(bench().node, body)).expect(201).json() as Report;
    assert.deepEqual(report.images[0]?.tags, ['v1', 'v2']);
  });

  it('give other tags, one or several, and refuse what is no tag before they read', async () => {
    await AdminWorld.make(bench());
    const body = formOf([fileOf(await saved())]);
    for (const [query, tags] of [
      ['?tag=one', ['one']],
      ['?tag=two&tag=three', ['two', 'three']],
    ] as const) {
      const report = (await send(bench().node, body, { path: importInto('team/new', query) }))
        .expect(201)
        .json() as Report;
      assert.deepEqual(report.images[0]?.tags, tags);
    }
    const before = await kept();
    for (const query of ['?tag=no/tag', '?tag=', '?tag=a&tag=-', '?tags=a']) {
      const answer = await send(bench().node, body, { path: importInto('team/new', query) });
      assertCode(answer, 400, 'invalid-request');
    }
    assert.deepEqual(await kept(), before);
  });

  it('refuse every other form, and keep nothing of it', async () => {
    await AdminWorld.make(bench());
    const archive = await saved();
    const before = await kept();
    for (const [what, make] of Object.entries(WRONG_FORMS)) {
      const answer = await send(bench().node, make(archive));
      const isEmpty = what === 'an empty file';
      assert.equal(answer.status, isEmpty ? 422 : 400, `${what}: ${answer.body.toString()}`);
      assert.deepEqual(await kept(), before, what);
    }
    for (const type of [
      'multipart/form-data',
      'multipart/form-data; boundary=',
      'multipart/form-data; boundary=b',
    ])
      assertCode(
        await send(bench().node, formOf([fileOf(archive)]), { headers: { 'content-type': type } }),
        400,
        'invalid-request',
      );
    for (const type of ['application/x-tar', 'application/json', 'multipart/mixed; boundary=b'])
      assertCode(
        await send(bench().node, archive, { headers: { 'content-type': type } }),
        415,
        'wrong-media-type',
      );
    assert.deepEqual(await kept(), before);
    (await send(bench().node, formOf([fileOf(archive)]))).expect(201);
  });

  it('refuse archives that hold too much or nothing of use, and keep nothing of them', async () => {
    await AdminWorld.make(bench());
    const before = await kept();
    const large = await tarArchive([...SAVED.entries, ['large', bytesOf(9 * 1024 * 1024)]]);
    for (const archive of [large, gzipSync(large)])
      assertCode(await send(bench().node, formOf([fileOf(archive)])), 413, 'too-large');
    for (const archive of [
      Buffer.from('no archive'),
      await tarArchive([['a', 'b']]),
      gzipSync('x').subarray(0, 12),
    ])
      assertCode(await send(bench().node, formOf([fileOf(archive)])), 422, 'invalid-archive');
    assert.deepEqual(await kept(), before);
  });

  it('refuse to move an immutable tag, and change nothing', async () => {
    await AdminWorld.make(bench());
    const immutableTags = [TagPattern.parse('team/new:v*')];
    const node = await bench().another({ ...OPTIONS, immutableTags });
    (await send(node, formOf([fileOf(await saved())]))).expect(201);
    const before = await kept();
    const other = await tarArchive(savedImage(['a:v2', 'a:w'], [2_000_000], 9).entries);
    assertCode(await send(node, formOf([fileOf(other)])), 403, 'not-permitted');
    assert.deepEqual(await kept(), before);
    (await send(node, formOf([fileOf(await saved())]))).expect(201);
  });

  it('are refused while the registry is read-only', async () => {
    const { root } = await AdminWorld.make(bench());
    await root.value('setReadOnlyMode', { body: { readOnly: true, reason: 'maintenance' } });
    const before = await kept();
    const answer = await send(bench().node, formOf([fileOf(await saved())]));
    assertCode(answer, 403, 'not-permitted');
    assert.match((answer.json() as ProblemBody).detail, /maintenance/);
    assert.deepEqual(await kept(), before);
    await root.value('setReadOnlyMode', { body: { readOnly: false } });
    (await send(bench().node, formOf([fileOf(await saved())]))).expect(201);
  });

  it('leave deletions refused where the registry permits none', async () => {
    await AdminWorld.make(bench());
    const node = await bench().another({ ...OPTIONS, admin: { deletion: false } });
    const root = new AdminClient(node, basic('root'));
    const before = await kept();
    const app = { repository: 'team/app' };
    const answers = [
      await root.ask('deleteTag', { params: { ...app, tag: 'v1' } }),
      await root.ask('deleteManifest', { params: { ...app, reference: IMAGE.digest } }),
      await root.ask('deleteRepository', { params: app }),
    ];
    for (const answer of answers) assertCode(answer, 403, 'not-permitted');
    assert.deepEqual(await kept(), before);
  });
}
