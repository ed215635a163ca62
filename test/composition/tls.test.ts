import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, rm, symlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { readTls, watchTls } from '../../src/composition/tls.js';
import type { Config } from '../../src/config/index.js';
import { certificateNameOf, createHttpServer, drainServer } from '../../src/http/server.js';
import type { Logger } from '../../src/ports/logger.js';
import { load } from '../config/load.js';
import { Authority } from '../support/authority.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';

const TIMEOUTS = { headers: 60_000, keepAlive: 95_000, bodyIdle: 120_000 };

describe('composition/tls', function () {
  this.timeout(30_000);
  let home: TemporaryDirectory;
  let authority: Authority;
  let config: Config;
  let server: Server | undefined;
  let look = (): void => undefined;
  let lines: string[] = [];

  before(async function () {
    home = await temporaryDirectory('tls');
    authority = await Authority.create(this, home.path);
  });
  after(() => home.remove());

  beforeEach(async () => {
    lines = [];
    await authority.issue('server', 'first');
    config = load({
      yaml: `server: {tls: {certificate: ${at('server.pem')}, key: ${at('server.key')}, clientCa: ${at('ca.pem')}}}`,
    });
  });
  afterEach(async () => {
    if (server !== undefined) await drainServer(server, 100);
    server = undefined;
  });

  const at = (name: string): string => join(home.path, name);
  const log = {
    info: (_: object, text: string) => lines.push(text),
    error: (_: object, text: string) => lines.push(text),
  } as unknown as Logger;
  const clock = {
    now: () => 0,
    every: (_: number, callback: () => void) => {
      look = callback;
      return () => undefined;
    },
  };

  async function start(): Promise<number> {
    server = createHttpServer(
      (req, res) => res.end(certificateNameOf(req) ?? 'nobody'),
      TIMEOUTS,
      readTls(config),
    );
    watchTls(server, config, clock, log);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** The names of both ends, as the other sees them. */
  async function call(port: number, client?: string): Promise<{ server: string; client: string }> {
    const identity = client && {
      cert: await readFile(at(`${client}.pem`)),
      key: await readFile(at(`${client}.key`)),
    };
    const ca = await readFile(at('ca.pem'));
    const req = request({ host: '127.0.0.1', port, ca, agent: false, ...identity });
    req.end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    const { subject } = (res.socket as TLSSocket).getPeerCertificate();
    let text = '';
    for await (const chunk of res) text += String(chunk);
    return { server: String(subject.CN), client: text };
  }

  it('serves with a certificate, and knows clients by theirs', async () => {
    await authority.issue('client', 'alice');
    const port = await start();
    assert.deepEqual(await call(port), { server: 'first', client: 'nobody' });
    assert.deepEqual(await call(port, 'client'), { server: 'first', client: 'alice' });
  });

  it('takes a client certificate of another authority for none', async () => {
    const other = await temporaryDirectory('tls-other');
    try {
      const stranger = await Authority.create(undefined, other.path);
      await stranger.issue('stranger', 'admin');
      for (const end of ['pem', 'key'])
        await writeFile(at(`stranger.${end}`), await readFile(join(other.path, `stranger.${end}`)));
      assert.equal((await call(await start(), 'stranger')).client, 'nobody');
    } finally {
      await other.remove();
    }
  });

  it('takes over a changed certificate, and keeps the old one while the new one is unusable', async () => {
    const port = await start();
    look();
    assert.deepEqual(lines, []);
    await writeFile(at('server.pem'), 'no certificate');
    look();
    assert.match(lines[0] ?? '', /unusable/);
    assert.equal((await call(port)).server, 'first');
    await authority.issue('server', 'second');
    look();
    assert.match(lines[1] ?? '', /took over/);
    assert.equal((await call(port)).server, 'second');
  });

  it('trusts nobody but the authorities that it is given, also while their file is empty or unreadable', async () => {
    await authority.issue('client', 'alice');
    const port = await start();
    const pem = await readFile(at('ca.pem'));
    try {
      for (const text of [
        '',
        'no certificate',
        '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n',
      ]) {
        await writeFile(at('ca.pem'), text);
        assert.throws(() => readTls(config), /server\.tls\.clientCa: .*ca\.pem holds no certificate/, text);
      }
      look();
      assert.match(lines.at(-1) ?? '', /unusable/);
      await rm(at('ca.pem'));
      await symlink('ca.pem', at('ca.pem'));
      look();
      assert.match(lines.at(-1) ?? '', /unusable/);
    } finally {
      await rm(at('ca.pem'), { force: true });
      await writeFile(at('ca.pem'), pem);
    }
    assert.equal((await call(port, 'client')).client, 'alice');
  });

  it('does not start with files that are missing, or not of one another', async () => {
    await authority.issue('other', 'other');
    for (const [key, told] of [
      ['missing.key', /server\.tls\.key: .*missing\.key cannot be read \(ENOENT\)/],
      ['other.key', /do not go together/],
      ['server.pem', /do not go together or are no PEM/],
    ] as const) {
      const broken = load({ yaml: `server: {tls: {certificate: ${at('server.pem')}, key: ${at(key)}}}` });
      assert.throws(() => readTls(broken), told);
    }
  });

  it('ends connections that never spoke when it drains', async () => {
    const port = await start();
    const silent = connect(port, '127.0.0.1');
    await once(silent, 'connect');
    const closed = once(silent, 'close');
    silent.on('error', () => undefined);
    assert.ok(server);
    assert.deepEqual(await drainServer(server, 10_000), { cut: false });
    await closed;
  });
});
