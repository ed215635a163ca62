import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { TokenService } from '../../src/auth/token-service.js';
import { createClientOrigin } from '../../src/http/client-origin.js';
import type { BodyLimits } from '../../src/http/body-reader.js';
import { tokenRoutes } from '../../src/http/token/token-routes.js';
import { onStore } from '../support/in-process.js';
import type { RegistryNode } from '../support/in-process.js';
import { Client, Wire } from './client.js';
import { postForm } from './access/logins.js';

const LOGIN = [
  ['grant_type', 'password'],
  ['username', 'a'],
  ['password', 'b'],
] as const;
const HEAD = [
  'POST /token HTTP/1.1',
  'Content-Type: application/x-www-form-urlencoded',
  'Content-Length: 5',
] as const;

/** Routes over a service that grants everybody the same. */
function routesWith(forms: BodyLimits) {
  const grant = async () => ({ token: 't', expiresIn: 1, issuedAt: 0, scopes: [] });
  return tokenRoutes(
    {
      tokens: { grant } as unknown as TokenService,
      keys: { known: async () => [] },
      origin: createClientOrigin({ trustedProxies: [] }),
    },
    forms,
  );
}

describe('forms of POST /token', () => {
  onStore(
    'memory',
    (bench) => {
      let wires: Wire[];
      beforeEach(() => {
        wires = [];
      });
      afterEach(() => {
        for (const wire of wires) wire.destroy();
      });

      const begin = async (node: RegistryNode, ...more: readonly string[]): Promise<Wire> => {
        const wire = await Wire.to(node.port);
        wires.push(wire);
        return wire.head(...HEAD, ...more);
      };
      const isFull = async (node: RegistryNode): Promise<boolean> =>
        (await postForm(node, LOGIN)).status === 503;
      const until = async (holds: () => Promise<boolean>): Promise<void> => {
        while (!(await holds())) await new Promise((done) => setImmediate(done));
      };

      it('that never end are answered 408, and hold no place of the server', async () => {
        const tokens = routesWith({ milliseconds: 50, atOnce: 10 });
        const node = await bench().another({ tokens, maxInFlight: 1 });
        const wire = await begin(node);
        await wire.write('a');
        await wire.until(/^HTTP\/1\.1 408 /);
        await once(wire.socket, 'end');
        await until(async () => (await new Client(node).get('/v2/')).status === 200);
        (await postForm(node, LOGIN)).expect(200);
      });

      it('beyond the most that are read at once are answered 503 before they come', async () => {
        const node = await bench().another({ tokens: routesWith({ milliseconds: 60_000, atOnce: 2 }) });
        const [first] = [await begin(node), await begin(node)];
        await until(() => isFull(node));
        (await postForm(node, LOGIN)).expectError(503, 'UNAVAILABLE').header('retry-after');
        const held = await begin(node, 'Expect: 100-continue');
        assert.match(await held.until(/\r\n\r\n/), /^HTTP\/1\.1 503 /);
        (await new Client(node).get('/token')).expect(200);
        await first.write('a=b&c');
        await first.until(/^HTTP\/1\.1 400 /);
        (await postForm(node, LOGIN)).expect(200);
      });

      it('are asked for with 100 Continue where there is a place', async () => {
        const wire = await begin(bench().node, 'Expect: 100-continue');
        await wire.until(/^HTTP\/1\.1 100 /);
        await wire.write('a=b&c');
        await wire.until(/HTTP\/1\.1 400 /);
      });

      it('are read 64 at once, and senders that go away make room', async () => {
        const { node } = bench();
        for (let at = 0; at < 64; at += 1) await (await begin(node)).write('a');
        await until(() => isFull(node));
        for (const wire of wires) wire.destroy();
        await until(async () => !(await isFull(node)));
      });
    },
    { logins: {} },
  );
});
