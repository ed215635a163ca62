import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import type { AdminConnection } from '../../src/api/admin-connection.js';
import type { OperationId } from '../../src/api/operations.js';
import type { AccessTokens } from '../../src/auth/access-tokens.js';
import { LocalBackend } from '../../src/auth/backends/local.js';
import { PasswordChecks } from '../../src/auth/password-checks.js';
import type { CommandContext } from '../../src/cli/command-context.js';
import { createAuthStore } from '../../src/composition/auth.js';
import { localAdmin } from '../../src/composition/local-admin.js';
import { connectTo, credentialsOf, openRemoteAdmin } from '../../src/composition/remote-admin.js';
import { loadConfig, type Config } from '../../src/config/index.js';
import type { Principal } from '../../src/ports/auth.js';
import { openStore, type FakeClock, type TestStore } from '../support/in-process.js';
import { adminParts, hasher } from './admin-parts.js';
import { startAdminServer, type AdminServer } from './admin-server.js';
import { told, type Told } from './test-context.js';

export type { Told } from './test-context.js';

/** Upon the store itself, or by the admin API of a server over it. */
export type Way = 'local' | 'remote';
export const WAYS: readonly Way[] = ['local', 'remote'];

export interface GivenWorld {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  readonly stdout?: Writable;
  readonly context?: Partial<CommandContext>;
}

/** A store in a directory, command lines upon it, and logins as a server of another process would see them. */
export class AdminWorld {
  /** The operations of the admin API that commands asked for. */
  readonly asked = new Set<OperationId>();

  private constructor(
    readonly store: TestStore,
    private readonly way: Way,
  ) {}

  static async open(way: Way = 'local'): Promise<AdminWorld> {
    return new AdminWorld(await openStore('filesystem'), way);
  }

  get clock(): FakeClock {
    return this.store.clock;
  }

  /** A server that lets in those who log in. */
  serve(env: Readonly<Record<string, string>> = {}): Promise<AdminServer> {
    const config = configOf(env);
    return startAdminServer(adminParts(this.store, config), config, true);
  }

  /** Words are split at spaces; by the world's way unless the line tells otherwise. */
  async stackyard(line: string, given: GivenWorld = {}): Promise<Told> {
    if (this.way === 'local' || line.includes('--server')) return this.run(line, given);
    const config = configOf(given.env);
    const server = await startAdminServer(adminParts(this.store, config), config, false);
    try {
      return await this.run(line, { ...given, context: { server: server.url, ...given.context } });
    } finally {
      await server.close();
    }
  }

  private run(line: string, { input, env = {}, stdin, stdout, context }: GivenWorld): Promise<Told> {
    const profiles = { find: async () => undefined };
    return told(line.split(' '), {
      readLine: async () => input ?? assert.fail('no line is given'),
      stdin: () => Readable.from([stdin ?? assert.fail('no input is given')]),
      stdout: { stream: () => stdout ?? assert.fail('no output is given'), isTerminal: false },
      now: () => this.clock.now(),
      loadConfig: (configPath) => configOf(env, configPath),
      openAdmin: async (target) => {
        const warn = (message: string): never => assert.fail(message);
        if (!('config' in target))
          return this.watched(await openRemoteAdmin(target, { env, profiles, warn }));
        const { services, trail, close } = adminParts(this.store, target.config);
        return this.watched(localAdmin(services, trail, close));
      },
      connect: async (target, login) =>
        connectTo(target, credentialsOf(login), (message) => assert.fail(message)),
      ...context,
    });
  }

  private watched(api: AdminConnection): AdminConnection {
    return {
      name: api.name,
      call: (id, given) => (this.asked.add(id), api.call(id, given)),
      upload: (id, given, archive) => (this.asked.add(id), api.upload(id, given, archive)),
      download: (id, given) => (this.asked.add(id), api.download(id, given)),
      close: () => api.close(),
    };
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

function configOf(env: Readonly<Record<string, string>> = {}, configPath?: string): Config {
  return loadConfig({
    env: { STACKYARD_AUTH_MODE: 'token', ...env },
    cwd: '/',
    configPath,
    readFile: () => '',
  });
}
