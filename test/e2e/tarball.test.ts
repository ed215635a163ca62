import assert from 'node:assert/strict';
import { chmod, chown, mkdir, readFile, readdir, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { HEAP_FLAGS } from '../../src/composition/workers.js';
import { startChild, Tail, type OwnedChild } from '../support/child.js';
import { makeImage } from '../support/image.js';
import { projectRoot } from '../support/project.js';
import { RegistryClient } from '../support/registry-client.js';
import { requireTool } from '../support/requirement.js';
import { cleanEnvironment } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, ToolError } from '../support/tool.js';

const MB = 1_000_000;
const TARBALL_LIMIT = 8 * MB;
const INSTALLED_LIMIT = 35 * MB;
const NOBODY = 65534;
/** The SDKs of pkgcloud that a login never loads. */
const STAND_INS = ['@google-cloud/storage', 'aws-sdk', 'liboneandone'];
/** What only a checkout needs, or comes with those. */
const UNWANTED = ['@google-cloud/common', 'mocha', 'typescript', 'undici-types'];

interface InstalledFile {
  readonly path: string;
  readonly size: number;
}

describe('the npm package', function () {
  this.timeout(240_000);
  let home: TemporaryDirectory;
  let npm: string;
  let tarball: string;
  let files: readonly InstalledFile[];

  const at = (...parts: string[]): string => join(home.path, ...parts);
  const installed = (...parts: string[]): string => at('app', 'node_modules', 'stackyard', ...parts);
  // Root installs; nobody runs it.
  const runner = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

  before(async function () {
    npm = requireTool(this, 'npm');
    home = await temporaryDirectory('tarball');
    await chmod(home.path, 0o755);
    for (const folder of ['app', 'opt', 'data', 'cwd']) await mkdir(at(folder));
    if ('uid' in runner) for (const folder of ['data', 'cwd']) await chown(at(folder), NOBODY, NOBODY);
    // Nobody answers there: whatever asks a registry fails.
    const env = { npm_config_registry: 'http://127.0.0.1:9/', npm_config_cache: at('cache') };
    // What `prepack` makes is there: this file is part of it.
    const packing = ['pack', '--ignore-scripts', '--json', '--pack-destination', home.path];
    const { stdout } = await runTool(npm, packing, { cwd: projectRoot, env });
    const [packed] = Object.values(JSON.parse(stdout) as Record<string, { filename: string }>);
    assert.ok(packed);
    tarball = at(packed.filename);
    await runTool(npm, ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: at('app'), env });
    files = await filesBelow(installed());
  });
  after(() => (home as TemporaryDirectory | undefined)?.remove());

  it('is small, and holds neither unused SDKs nor native add-ons, tests or source maps', async () => {
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const { size } = await stat(tarball);
    console.log(
      `      ${(size / MB).toFixed(1)} MB packed, ${(bytes / MB).toFixed(1)} MB in ${files.length} files`,
    );
    assert.ok(size < TARBALL_LIMIT, `${size} bytes packed`);
    assert.ok(bytes < INSTALLED_LIMIT, `${bytes} bytes installed`);
    const modules = files.filter(({ path }) => /node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path));
    const names = await Promise.all(
      modules.map(async ({ path }) => (JSON.parse(await readFile(path, 'utf8')) as { name: string }).name),
    );
    assert.ok(names.includes('pkgcloud') && names.includes('express'));
    assert.deepEqual(
      names.filter((name) => UNWANTED.includes(name) || name.startsWith('@types/')),
      [],
    );
    for (const name of STAND_INS)
      assert.deepEqual(await readdir(installed('node_modules', name)), ['package.json'], name);
    const unwanted = /\.node$|stackyard\/dist\/(test|conformance)\/|stackyard\/dist\/.*\.map$/;
    assert.deepEqual(
      files.filter(({ path }) => unwanted.test(path)),
      [],
    );
    await readFile(installed('deploy', 'stackyard.service'));
  });

  it('holds every document that the README leads to', async () => {
    const readme = await readFile(installed('README.md'), 'utf8');
    const documents = [...readme.matchAll(/\]\((docs\/[^)#]+)/g)].map(([, path = '']) => path);
    assert.ok(documents.length > 10);
    for (const path of documents) await stat(installed(path));
  });

  it('satisfies every dependency, else the next thing that npm installs beside it would fetch the SDKs', async () => {
    await runTool(npm, ['ls', '--all', '--offline'], { cwd: at('app') });
  });

  it('is installed where no registry answers, and serves login, push and pull to others than its owner', async () => {
    const command = at('app', 'node_modules', '.bin', 'stackyard');
    const { child, url } = await serve(command, ['serve']);
    try {
      const image = makeImage({ format: 'oci', layers: 2 });
      const stranger = new RegistryClient(url);
      assert.equal(await stranger.status('GET', '/v2/'), 401);
      const client = new RegistryClient(url, ADMIN);
      await client.pushImage('team/app', image, 'v1');
      await client.assertHolds('team/app', 'v1', image);
    } finally {
      const { code, forced } = await child.stop(30_000);
      assert.deepEqual({ code, forced }, { code: 0, forced: false });
    }
    assert.match(await said(command, ['doctor']), /\nok {4}write /);
    assert.match(await said(command, ['--version']), /^\d+\.\d+\.\d+\n$/);
  });

  it('logs in to Keystone by what is left of pkgcloud', async () => {
    const program = installed('dist/storage-drivers/swift/pkgcloud-identity.js');
    const script = `const { sendLogin } = await import(${JSON.stringify(program)}); console.log(typeof sendLogin);`;
    assert.equal(await said(process.execPath, ['--input-type=module', '-e', script]), 'function\n');
  });

  it('also runs where it was only unpacked by tar', async () => {
    await runTool('tar', ['-xzf', tarball, '--strip-components=1', '-C', at('opt')]);
    const program = at('opt', 'dist/src/cli/stackyard.js');
    const { child, url } = await serve(process.execPath, [...HEAP_FLAGS, program, 'serve']);
    try {
      const client = new RegistryClient(url, ADMIN);
      assert.deepEqual(await client.tags('team/app'), ['v1']);
    } finally {
      await child.stop(30_000);
    }
  });

  const environment = (): NodeJS.ProcessEnv => ({
    ...cleanEnvironment(),
    ...WITH_LOGINS,
    PORT: '0',
    STACKYARD_STORAGE_FILESYSTEM_ROOT: at('data'),
  });

  /** What a command prints on standard output; it must end with 0. */
  async function said(command: string, args: readonly string[]): Promise<string> {
    const options = { cwd: at('cwd'), env: environment(), ...runner };
    const child = await startChild(command, args, options);
    let out = '';
    const tail = new Tail();
    child.process.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.process.stderr?.on('data', (chunk: Buffer) => tail.add(chunk.toString()));
    const { code } = await child.ended;
    if (code !== 0) throw new ToolError([command, ...args].join(' '), `exit ${code}`, out, tail.text());
    return out;
  }

  async function serve(
    command: string,
    args: readonly string[],
  ): Promise<{ child: OwnedChild; url: string }> {
    const options = { cwd: at('cwd'), env: environment(), ...runner };
    const child = await startChild(command, args, options);
    const { stdout, stderr } = child.process;
    assert.ok(stdout && stderr);
    const tail = new Tail();
    stderr.on('data', (chunk: Buffer) => tail.add(chunk.toString()));
    for await (const line of createInterface({ input: stdout })) {
      tail.add(`${line}\n`);
      const { msg, port } = JSON.parse(line) as { msg: string; port?: number };
      if (msg !== 'listening') continue;
      stdout.resume();
      return { child, url: `http://127.0.0.1:${port}` };
    }
    throw new Error(`it ended before it listened: ${tail.oneLine()}`);
  }
});

async function filesBelow(folder: string): Promise<InstalledFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const path = join(entry.parentPath, entry.name);
        return { path, size: (await stat(path)).size };
      }),
  );
}
