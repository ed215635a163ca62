import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import bcrypt from 'bcryptjs';

const BIN = fileURLToPath(new URL('../../src/cli/stackyard.js', import.meta.url));

describe('the stackyard command', function () {
  this.timeout(20_000);
  let folder: string;

  const stackyard = (args: string[], env: Record<string, string> = {}, input = '') =>
    spawnSync(process.execPath, [BIN, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH, ...env },
      encoding: 'utf8',
      input,
    });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stackyard-cli-'));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('tells the version of package.json', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const { stdout, status } = stackyard(['--version']);
    assert.deepEqual([stdout, status], [`${version}\n`, 0]);
  });

  it('reads stackyard.yaml of the working directory and its environment', () => {
    writeFileSync(join(folder, 'stackyard.yaml'), 'server:\n  port: 7\n');
    const { stdout, status } = stackyard(['config', 'print'], { STACKYARD_LOG_LEVEL: 'warn' });
    assert.equal(status, 0);
    assert.match(stdout, /port: 7 # file stackyard\.yaml:2\n/);
    assert.match(stdout, /level: warn # env STACKYARD_LOG_LEVEL\n/);
  });

  it('ends with 2 and a line for a wrong configuration', () => {
    const { stderr, status } = stackyard(['config', 'check', '--config', folder]);
    assert.equal(status, 2);
    assert.equal(
      stderr,
      `stackyard: ${folder} (--config): it cannot be read (EISDIR); give a readable file\n`,
    );
  });

  it('reads a password from a pipe, and works on the store of the configuration', () => {
    const env = { STACKYARD_STORAGE_FILESYSTEM_ROOT: join(folder, 'data'), STACKYARD_AUTH_MODE: 'token' };
    const made = stackyard(['user', 'create', 'alice', '--password-stdin'], env, 'correct horse\r\nmore\n');
    assert.deepEqual([made.stderr, made.status], ['', 0]);
    const record = readFileSync(join(folder, 'data/stackyard/v1/auth/principals/alice'), 'utf8');
    const { password } = JSON.parse(record) as { password: string };
    assert.ok(bcrypt.compareSync('correct horse', password));
    const denied = stackyard(['policy', 'explain', 'alice', 'team/a', 'pull'], env);
    assert.deepEqual([denied.stdout, denied.stderr, denied.status], ['denied: no grant allows it\n', '', 3]);
    const none = stackyard(['user', 'create', 'bob', '--password-stdin'], env);
    assert.equal(none.status, 2);
    const memory = stackyard(['user', 'list'], { STACKYARD_STORAGE_DRIVER: 'memory' });
    assert.deepEqual([memory.stdout, memory.status], ['', 1]);
    assert.match(memory.stderr, /^stackyard: a memory store is its server's alone: .*\n$/);
  });

  it('works on the server of its environment, with the login of the profile file', () => {
    const profiles = join(folder, 'profiles.json');
    const env = { STACKYARD_SERVER: 'http://127.0.0.1:1', STACKYARD_PROFILES: profiles };
    const away = stackyard(['user', 'list'], env);
    assert.deepEqual([away.stdout, away.status], ['', 7]);
    assert.match(
      away.stderr,
      /^stackyard: cannot reach http:\/\/127\.0\.0\.1:1: nothing listens there; .*\n$/,
    );
    writeFileSync(profiles, '{"profiles":{}}', { mode: 0o644 });
    const open = stackyard(['user', 'list'], env);
    assert.equal(open.status, 2);
    assert.match(open.stderr, /^stackyard: \S+ may be read by others; run chmod 600 .*\n$/);
    const local = stackyard(['config', 'check'], env);
    assert.deepEqual([local.stdout, local.status], ['the configuration is valid\n', 0]);
  });
});
