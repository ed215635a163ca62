import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, unlink, utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

// A copy of a link would be the checkout itself.
const SCRIPTS = realpathSync(join(process.cwd(), 'scripts'));

const FAKE_NPM = `#!/usr/bin/env node
const fs = require('node:fs');
fs.appendFileSync('npm.log', process.argv.slice(2).join(' ') + '\\n');
if (fs.existsSync('npm-fails')) { console.log('npm: no network'); process.exit(7); }
fs.rmSync('node_modules', { recursive: true, force: true });
fs.mkdirSync('node_modules/typescript/bin', { recursive: true });
fs.copyFileSync('fake-tsc.cjs', 'node_modules/typescript/bin/tsc');
fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;
const FAKE_TSC = `
const fs = require('node:fs');
fs.appendFileSync('tsc.log', process.argv.slice(2).join(' ') + '\\n');
const build = () => {
  for (const name of fs.readdirSync('src')) {
    fs.mkdirSync('dist/src', { recursive: true });
    fs.copyFileSync('src/' + name, 'dist/src/' + name.replace(/ts$/, 'js'));
  }
};
if (fs.existsSync('tsc-hangs')) setInterval(() => {}, 1000); else build();
`;

class Checkout {
  constructor(readonly root: string) {}

  static async make(): Promise<Checkout> {
    const checkout = new Checkout(await mkdtemp(join(tmpdir(), 'stackyard-prepare-')));
    await cp(SCRIPTS, checkout.path('scripts'), { recursive: true });
    await checkout.write('src/a.ts', 'a');
    await checkout.write('tsconfig.json', '{}');
    await checkout.write('package-lock.json', '{"packages":{"":{},"node_modules/x":{"version":"1.0.0"}}}');
    await checkout.write('fake-tsc.cjs', FAKE_TSC);
    await checkout.write('bin/npm', FAKE_NPM);
    await checkout.write('package.json', '{}');
    return checkout;
  }

  path(name: string): string {
    return join(this.root, name);
  }

  async write(name: string, text: string): Promise<void> {
    await mkdir(join(this.path(name), '..'), { recursive: true });
    await writeFile(this.path(name), text, { mode: 0o755 });
  }

  /** The lines that the fake of a tool has logged. */
  async calls(tool: 'npm' | 'tsc'): Promise<string[]> {
    if (!existsSync(this.path(`${tool}.log`))) return [];
    return (await readFile(this.path(`${tool}.log`), 'utf8')).trimEnd().split('\n');
  }

  start(env: Record<string, string> = {}): Run {
    const path = `${this.path('bin')}${delimiter}${process.env.PATH}`;
    const child = spawn(process.execPath, [this.path('scripts/prepare.mjs')], {
      cwd: this.root,
      env: { ...process.env, npm_execpath: '', NODE_ENV: '', ...env, PATH: path },
    });
    return new Run(child);
  }

  async prepare(env: Record<string, string> = {}): Promise<Run> {
    const run = this.start(env);
    await run.ended;
    return run;
  }
}

class Run {
  stderr = '';
  readonly ended: Promise<number | null>;

  constructor(readonly child: ChildProcess) {
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.ended = new Promise((resolve) => child.once('close', (code) => resolve(code)));
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('scripts/prepare.mjs', function () {
  this.timeout(30_000);
  let checkout: Checkout;

  beforeEach(async () => {
    checkout = await Checkout.make();
  });

  afterEach(async () => {
    await rm(checkout.root, { recursive: true, force: true });
  });

  it('installs and builds a fresh checkout, tells each in a line, and does nothing the next time', async () => {
    const first = await checkout.prepare();
    assert.equal(first.stderr, 'stackyard: installing dependencies…\nstackyard: building…\n');
    assert.equal(await first.ended, 0);
    assert.equal(await readFile(checkout.path('dist/src/a.js'), 'utf8'), 'a');
    const second = await checkout.prepare();
    assert.equal(second.stderr, '');
    assert.equal((await checkout.calls('npm')).length, 1);
    assert.equal((await checkout.calls('tsc')).length, 1);
    assert.deepEqual(await readdir(checkout.path('.cache')), []);
  });

  it('asks npm for the development dependencies, whatever NODE_ENV says', async () => {
    await checkout.prepare({ NODE_ENV: 'production' });
    assert.deepEqual(await checkout.calls('npm'), ['ci --no-audit --no-fund --include=dev']);
  });

  it('builds again when a source changed and removes the output of a source that is gone', async () => {
    await checkout.prepare();
    await checkout.write('src/b.ts', 'b');
    await unlink(checkout.path('src/a.ts'));
    assert.equal((await checkout.prepare()).stderr, 'stackyard: building…\n');
    assert.deepEqual(await readdir(checkout.path('dist/src')), ['b.js']);
  });

  it('builds again when an output is missing, without the incremental state', async () => {
    await checkout.prepare();
    await checkout.write('dist/.tsbuildinfo', '{}');
    await unlink(checkout.path('dist/src/a.js'));
    await checkout.prepare();
    assert.ok(existsSync(checkout.path('dist/src/a.js')));
    assert.ok(!existsSync(checkout.path('dist/.tsbuildinfo')));
  });

  it('installs again when package-lock.json changed', async () => {
    await checkout.prepare();
    await checkout.write('package-lock.json', '{"packages":{"":{},"node_modules/x":{"version":"1.0.1"}}}');
    assert.match((await checkout.prepare()).stderr, /installing/);
    assert.equal((await checkout.calls('npm')).length, 2);
  });

  it('is content with what a user installed, but not with a part of it', async () => {
    await checkout.prepare();
    await unlink(checkout.path('node_modules/.stackyard-lock'));
    await checkout.prepare();
    assert.equal((await checkout.calls('npm')).length, 1);
    await checkout.write('node_modules/.package-lock.json', '{"packages":{}}');
    await checkout.prepare();
    assert.equal((await checkout.calls('npm')).length, 2);
  });

  it('shows the output of a failing npm with one line, and tries again at the next start', async () => {
    await checkout.write('npm-fails', '');
    const failed = await checkout.prepare();
    assert.equal(await failed.ended, 1);
    assert.match(failed.stderr, /npm: no network\nstackyard: npm ci failed; correct .*\n$/);
    await unlink(checkout.path('npm-fails'));
    assert.equal(await (await checkout.prepare()).ended, 0);
  });

  it('leaves a packed package alone', async () => {
    await rm(checkout.path('src'), { recursive: true });
    await unlink(checkout.path('tsconfig.json'));
    const run = await checkout.prepare();
    assert.equal(await run.ended, 0);
    assert.equal(run.stderr, '');
    assert.deepEqual(await checkout.calls('npm'), []);
  });

  it('lets one of several starts work while the others wait', async () => {
    const runs = await Promise.all([checkout.prepare(), checkout.prepare(), checkout.prepare()]);
    for (const run of runs) assert.equal(await run.ended, 0, run.stderr);
    assert.equal((await checkout.calls('npm')).length, 1);
    assert.equal((await checkout.calls('tsc')).length, 1);
    assert.deepEqual(await readdir(checkout.path('.cache')), []);
  });

  it('waits for the owner of the lock as long as it lives', async () => {
    const lock = checkout.path(`.cache/prepare.lock/${process.pid}@${hostname()}@test`);
    await checkout.write(`.cache/prepare.lock/${process.pid}@${hostname()}@test`, '');
    const run = checkout.start();
    await until(() => run.stderr !== '');
    assert.match(run.stderr, /^stackyard: waiting for another start/);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.deepEqual(await checkout.calls('npm'), []);
    await unlink(lock);
    assert.equal(await run.ended, 0);
    assert.equal((await checkout.calls('npm')).length, 1);
  });

  it('takes the lock of a process that is dead', async () => {
    const dead = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => dead.once('close', resolve));
    await checkout.write(`.cache/prepare.lock/${dead.pid}@${hostname()}@test`, '');
    await checkout.write(`.cache/prepare.lock.${dead.pid}@${hostname()}@waiter/x`, '');
    assert.equal(await (await checkout.prepare()).ended, 0);
    assert.deepEqual(await readdir(checkout.path('.cache')), []);
  });

  it('takes the lock of another host that has given no sign of life', async () => {
    const lock = '.cache/prepare.lock/1@elsewhere@test';
    await checkout.write(lock, '');
    const past = new Date(Date.now() - 60_000);
    await utimes(checkout.path(lock), past, past);
    assert.equal(await (await checkout.prepare()).ended, 0);
  });

  it('ends the build and gives the lock back on SIGTERM', async () => {
    await checkout.write('tsc-hangs', '');
    const run = checkout.start();
    await until(() => existsSync(checkout.path('tsc.log')));
    run.child.kill('SIGTERM');
    assert.equal(await run.ended, 1);
    assert.match(run.stderr, /stackyard: stopped by SIGTERM\n$/);
    assert.deepEqual(await readdir(checkout.path('.cache')), []);
  });

  it('refuses an old Node.js in one line', async () => {
    const url = JSON.stringify(`file://${checkout.path('scripts/prepare.mjs')}`);
    const script = `const m = await import(${url}); for (const v of ['22.0.0', '20.19.0']) m.checkNode(v);
      try { m.checkNode('20.18.3'); } catch (error) { m.exitOnPrepareError(error); }`;
    const run = new Run(spawn(process.execPath, ['--input-type=module', '-e', script]));
    assert.equal(await run.ended, 1);
    assert.equal(
      run.stderr,
      'stackyard: Node.js 20.19 or newer is needed, this is 20.18.3: install a newer one\n',
    );
  });
});
