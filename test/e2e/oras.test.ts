import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { requireGoTool } from '../support/go-tools.js';
import { sha256 } from '../support/image.js';
import { RegistryClient } from '../support/registry-client.js';
import { clientConfig, startTarget, type RegistryTarget } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool } from '../support/tool.js';

interface Referrer {
  readonly digest: string;
  readonly artifactType: string;
}

describe('oras', function () {
  this.timeout(120_000);
  let program: string;
  let target: RegistryTarget;
  let home: TemporaryDirectory;

  before(async function () {
    this.timeout(900_000);
    program = await requireGoTool(this, 'oras');
    home = await temporaryDirectory('oras');
    target = await startTarget(this);
    await writeFile(join(home.path, 'config.json'), clientConfig(target));
  });

  after(async () => {
    await (target as RegistryTarget | undefined)?.stop();
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  const options = () => ({ cwd: home.path, env: { DOCKER_CONFIG: home.path, ORAS_CACHE: '' } });
  const name = (reference: string) => `${target.authority}/${reference}`;
  const oras = async (...args: string[]) => (await runTool(program, args, options())).stdout.trim();

  async function file(path: string, size = 10_000): Promise<Buffer> {
    const bytes = randomBytes(size);
    await writeFile(join(home.path, path), bytes);
    return bytes;
  }

  async function push(reference: string, ...files: string[]): Promise<string> {
    const type = ['--artifact-type', 'application/vnd.example.report'];
    const layers = files.map((path) => `${path}:application/octet-stream`);
    const output = await oras(
      'push',
      '--plain-http',
      '--format',
      'json',
      ...type,
      name(reference),
      ...layers,
    );
    return (JSON.parse(output) as { digest: string }).digest;
  }

  async function attach(reference: string, type: string, path: string): Promise<string> {
    await file(path);
    const kind = ['--artifact-type', type, name(reference), `${path}:text/plain`];
    const output = await oras('attach', '--plain-http', '--format', 'json', ...kind);
    return (JSON.parse(output) as { digest: string }).digest;
  }

  async function discover(reference: string, ...filter: string[]): Promise<Referrer[]> {
    const depth = ['--distribution-spec', 'v1.1-referrers-api']; // never the fallback tag
    const output = await oras(
      'discover',
      '--plain-http',
      '--format',
      'json',
      ...depth,
      ...filter,
      name(reference),
    );
    const answer = JSON.parse(output) as { manifests?: Referrer[]; referrers?: Referrer[] };
    return answer.referrers ?? answer.manifests ?? [];
  }

  it('pushes an artifact of two files and pulls them unchanged', async () => {
    const files = { 'one.bin': await file('one.bin', 200_000), 'two.txt': await file('two.txt') };
    await push('artifact/app:v1', ...Object.keys(files));
    const back = join(home.path, 'back');
    await mkdir(back);
    await oras('pull', '--plain-http', '-o', back, name('artifact/app:v1'));
    for (const [path, bytes] of Object.entries(files))
      assert.ok((await readFile(join(back, path))).equals(bytes), path);
  });

  it('attaches artifacts to an image and discovers them, filtered by type too', async () => {
    await file('subject');
    await push('attach/app:v1', 'subject');
    const sbom = await attach('attach/app:v1', 'application/vnd.example.sbom', 'sbom');
    const signature = await attach('attach/app:v1', 'application/vnd.example.signature', 'signature');
    const all = await discover('attach/app:v1');
    assert.deepEqual(all.map(({ digest }) => digest).sort(), [sbom, signature].sort());
    const filtered = await discover('attach/app:v1', '--artifact-type', 'application/vnd.example.sbom');
    assert.deepEqual(
      filtered.map(({ digest, artifactType }) => [digest, artifactType]),
      [[sbom, 'application/vnd.example.sbom']],
    );
    const tags = await new RegistryClient(target.url, target.login).tags('attach/app');
    assert.deepEqual(tags, ['v1'], 'a fallback tag was written');
  });

  it('copies an artifact with everything attached to it', async () => {
    await file('copied');
    await push('copy/source:v1', 'copied');
    const attached = await attach('copy/source:v1', 'application/vnd.example.sbom', 'copied-sbom');
    const plain = ['--from-plain-http', '--to-plain-http'];
    await oras('cp', '-r', ...plain, name('copy/source:v1'), name('copy/target:v1'));
    assert.deepEqual(
      (await discover('copy/target:v1')).map(({ digest }) => digest),
      [attached],
    );
  });

  it('forgets an attached artifact that was deleted', async () => {
    await file('kept');
    await push('forget/app:v1', 'kept');
    const attached = await attach('forget/app:v1', 'application/vnd.example.sbom', 'forgotten');
    assert.equal((await discover('forget/app:v1')).length, 1);
    await oras('manifest', 'delete', '--plain-http', '--force', name(`forget/app@${attached}`));
    assert.deepEqual(await discover('forget/app:v1'), []);
  });

  it('pushes and fetches a blob', async () => {
    const bytes = await file('blob.bin', 3_000_000);
    await oras('blob', 'push', '--plain-http', name('blob/app'), 'blob.bin');
    const output = join(home.path, 'blob.back');
    await oras('blob', 'fetch', '--plain-http', '--output', output, name(`blob/app@${sha256(bytes)}`));
    assert.ok((await readFile(output)).equals(bytes));
  });

  it('fetches a manifest, tags it, and lists tags and repositories', async () => {
    await file('listed');
    const digest = await push('list/app:v1', 'listed');
    const manifest = await oras('manifest', 'fetch', '--plain-http', name('list/app:v1'));
    assert.equal(sha256(Buffer.from(manifest)), digest);
    await oras('tag', '--plain-http', name('list/app:v1'), 'v2', 'v3');
    assert.equal(await oras('repo', 'tags', '--plain-http', name('list/app')), 'v1\nv2\nv3');
    assert.match(await oras('repo', 'ls', '--plain-http', target.authority), /^list\/app$/m);
  });

  it('deletes a manifest, which is then not found', async () => {
    await file('deleted');
    await push('delete/app:v1', 'deleted');
    await oras('manifest', 'delete', '--plain-http', '--force', name('delete/app:v1'));
    const answer = await tryTool(
      program,
      ['manifest', 'fetch', '--plain-http', name('delete/app:v1')],
      options(),
    );
    assert.notEqual(answer.code, 0);
    assert.match(answer.stderr, /not found/);
  });
});
