import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import type { AccessTokens } from '../../src/auth/access-tokens.js';
import { LocalBackend } from '../../src/auth/backends/local.js';
import { PasswordChecks } from '../../src/auth/password-checks.js';
import type { CommandContext } from '../../src/cli/command-context.js';
import { run } from '../../src/cli/program.js';
import { createAdminTools } from '../../src/composition/admin-tools.js';
import { createAuthStore } from '../../src/composition/auth.js';
import { loadConfig } from '../../src/config/index.js';
import type { Principal } from '../../src/ports/auth.js';
import type { PasswordHasher } from '../../src/ports/password-hasher.js';
import { openStore, type FakeClock, type TestStore } from '../support/in-process.js';

export interface Told {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

/** Quick, and keeps no password in plain. */
const hasher: PasswordHasher = {
  hash: async (password) => `hash:${createHash('sha256').update(password).digest('hex')}`,
  matches: async (password, hash) => hash === (await hasher.hash(password)),
};

/** A store in a directory, command lines upon it, and logins as a server of another process would see them. */
export class AdminWorld {
  private constructor(private readonly store: TestStore) {}

  static async open(): Promise<AdminWorld> {
    return new AdminWorld(await openStore('filesystem'));
  }

  get clock(): FakeClock {
    return this.store.clock;
  }

  /** Words are split at spaces. */
  async stackyard(line: string, given: { input?: string; env?: Record<string, string> } = {}): Promise<Told> {
    let out = '';
    let err = '';
    const unused = (): never => assert.fail('not asked for');
    const { clock, ids } = this.store;
    const env = { STACKYARD_AUTH_MODE: 'token', ...given.env };
    const context: CommandContext = {
      version: '1.2.3',
      out: (text) => (out += text),
      err: (text) => (err += text),
      readLine: async () => given.input ?? unused(),
      loadConfig: (configPath) => loadConfig({ env, cwd: '/', configPath, readFile: () => '' }),
      openStore: unused,
      openAdmin: async (config) => {
        const driver = this.store.driver();
        const tools = createAdminTools({ driver, clock, ids, hasher }, config.auth);
        return { ...tools, close: () => driver.close() };
      },
      examine: unused,
      serve: unused,
    };
    const code = await run(line.split(' '), context);
    return { out, err, code };
  }

  /** What the command prints with --json, once it has succeeded. */
  async json<T>(line: string, env?: Record<string, string>): Promise<T> {
    const { out, err, code } = await this.stackyard(`${line} --json`, env && { env });
    assert.deepEqual([err, code], ['', 0], line);
    return JSON.parse(out) as T;
  }

  async login(username: string, secret: string): Promise<Principal | undefined> {
    const { clock, ids } = this.store;
    const { principals, tokens } = createAuthStore({ driver: this.store.driver(), clock, ids });
    const passwords = new PasswordChecks(hasher, clock, ids);
    return new LocalBackend({ principals, tokens, passwords }).authenticate({ username, secret });
  }

  /** As one server holds them all the time. */
  tokens(): AccessTokens {
    const { clock, ids } = this.store;
    return createAuthStore({ driver: this.store.driver(), clock, ids }).tokens;
  }

  /** The stored files whose name or content matches. */
  async filesWith(text: string): Promise<string[]> {
    const entries = await readdir(this.store.root, { recursive: true, withFileTypes: true });
    const files = entries
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => join(parentPath, name));
    const contents = await Promise.all(files.map(async (file) => `${file}\n${await readFile(file, 'utf8')}`));
    return files.filter((_, index) => contents[index]?.includes(text));
  }

  remove(): Promise<void> {
    return this.store.remove();
  }
}
