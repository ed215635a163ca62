import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer as createSilentServer } from 'node:net';
import { join } from 'node:path';
import { HttpExchange } from '../../src/client/http-exchange.js';
import { connectTo } from '../../src/composition/remote-admin.js';
import { Authority } from '../support/authority.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { answerJson } from './scripted-server.js';

describe('client over TLS', function () {
  this.timeout(20_000);
  let home: TemporaryDirectory;
  let server: Server;
  let port: number;

  before(async function () {
    home = await temporaryDirectory('client-tls');
    const authority = await Authority.create(this, home.path);
    await authority.issue('server', 'registry');
    const [cert, key] = await Promise.all(['server.pem', 'server.key'].map((name) => readFile(at(name))));
    server = createServer({ cert, key }, (_req, res) =>
      answerJson(res, { name: 'root', admin: true, version: '1' }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await home.remove();
  });

  const at = (name: string): string => join(home.path, name);
  const whoAmI = async (url: string, ca?: string): Promise<string> => {
    const api = connectTo({ server: url, ca }, { token: 'sy_x' }, (message) => assert.fail(message));
    try {
      return (await api.call('whoAmI')).value.name;
    } finally {
      await api.close();
    }
  };

  it('trusts the authority of --ca', async () => {
    assert.equal(await whoAmI(`https://127.0.0.1:${port}`, at('ca.pem')), 'root');
    assert.equal(await whoAmI(`https://localhost:${port}`, at('ca.pem')), 'root');
  });

  it('trusts nobody else, and says what to do', async () => {
    await assert.rejects(whoAmI(`https://127.0.0.1:${port}`), {
      code: 'unreachable',
      message: /: no authority known here signed its certificate; give that by --ca FILE$/,
    });
  });

  it('tells a server that speaks the other protocol', async () => {
    await assert.rejects(whoAmI(`http://127.0.0.1:${port}`), { code: 'unreachable' });
  });

  it('waits only so long for a server that accepts and says nothing', async () => {
    const silent = createSilentServer(() => undefined);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const exchange = new HttpExchange(url, {}, { connect: 50, silence: 60_000, proceed: 50 });
    const sent = exchange.send({ method: 'GET', path: '/', headers: {} });
    await assert.rejects(sent, { code: 'unreachable', message: /: no connection within 0\.05 seconds$/ });
    exchange.close();
    silent.close();
  });

  it('refuses a file without certificates', async () => {
    await assert.rejects(whoAmI(`https://127.0.0.1:${port}`, at('server.key')), {
      code: 'invalid-request',
      message: /^--ca: .* holds no certificate; give a PEM file$/,
    });
  });
});
