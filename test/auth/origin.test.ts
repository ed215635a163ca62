import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { createClientOrigin } from '../../src/http/client-origin.js';
import { Networks } from '../../src/http/networks.js';
import { onStore } from '../support/in-process.js';
import type { RegistryNode } from '../support/in-process.js';
import { Client } from '../http/client.js';

const PROXY = { trustedProxies: ['127.0.0.0/8'] };

async function challengeFor(node: RegistryNode, headers: Readonly<Record<string, string>>): Promise<string> {
  return (await new Client(node).get('/v2/', headers)).expect(401).header('www-authenticate');
}

function challenge(url: string): string {
  return `Bearer realm="${url}/token",service="stackyard"`;
}

/** A request from an address, as node would hand it over. */
function from(remoteAddress: string, forwarded?: string): IncomingMessage {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
  const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
  return { socket, headers } as unknown as IncomingMessage;
}

describe('what clients call this server', () => {
  onStore(
    'memory',
    (bench) => {
      it('is their Host, and never what they say was forwarded', async () => {
        const { node } = bench();
        const forwarded = {
          'x-forwarded-host': 'evil.example',
          'x-forwarded-proto': 'https',
          forwarded: 'host=evil',
        };
        assert.equal(await challengeFor(node, forwarded), challenge(`http://127.0.0.1:${node.port}`));
        assert.equal(
          await challengeFor(node, { host: 'registry.example' }),
          challenge('http://registry.example'),
        );
        assert.equal(await challengeFor(node, { host: '[::1]:5000' }), challenge('http://[::1]:5000'));
      });

      it('puts nothing of a hostile Host into the challenge', async () => {
        for (const host of [
          'a",realm="http://evil',
          'a b',
          'a/b',
          'user@evil',
          'a?b',
          'a#b',
          'a\\b',
          'a,b',
          'a%22',
        ]) {
          assert.equal(await challengeFor(bench().node, { host }), challenge('http://localhost'), host);
        }
      });

      it('is what trusted proxies tell', async () => {
        const node = await bench().another({ logins: { origin: PROXY } });
        const told = { 'x-forwarded-host': 'registry.example:8443', 'x-forwarded-proto': 'https' };
        assert.equal(await challengeFor(node, told), challenge('https://registry.example:8443'));
        const hostile = { ...told, 'x-forwarded-host': 'a",x="', 'x-forwarded-proto': 'javascript' };
        assert.equal(await challengeFor(node, hostile), challenge('http://localhost'));
        assert.equal(await challengeFor(node, {}), challenge(`http://127.0.0.1:${node.port}`));
      });

      it('is the public URL where there is one, whatever else is said', async () => {
        const origin = { ...PROXY, publicUrl: 'https://hub.example/' };
        const node = await bench().another({ logins: { origin } });
        const said = { host: 'other', 'x-forwarded-host': 'evil' };
        assert.equal(await challengeFor(node, said), challenge('https://hub.example'));
      });
    },
    { logins: {} },
  );
});

describe('the address of a client', () => {
  const origin = createClientOrigin({ trustedProxies: ['10.0.0.0/8', 'fd00::/8'] });
  const addressOf = (request: IncomingMessage): string => origin.addressOf(request);

  it('is that of the connection, where that is no trusted proxy', () => {
    assert.equal(addressOf(from('192.0.2.1')), '192.0.2.1');
    assert.equal(addressOf(from('192.0.2.1', '1.1.1.1')), '192.0.2.1');
  });

  it('is the last that a trusted proxy tells and that is none itself', () => {
    assert.equal(addressOf(from('10.0.0.1', '192.0.2.1')), '192.0.2.1');
    assert.equal(addressOf(from('10.0.0.1', '1.1.1.1, 192.0.2.1, 10.0.0.2')), '192.0.2.1');
    assert.equal(addressOf(from('fd00::1', '2001:db8::1')), '2001:db8::1');
    assert.equal(addressOf(from('10.0.0.1', '10.0.0.3, 10.0.0.2')), '10.0.0.3');
    assert.equal(addressOf(from('10.0.0.1')), '10.0.0.1');
  });

  it('is without the port of its connection', () => {
    assert.equal(addressOf(from('10.0.0.1', '203.0.113.9:5001')), '203.0.113.9');
    assert.equal(addressOf(from('10.0.0.1', '[2001:db8::1]:443')), '2001:db8::1');
    assert.equal(addressOf(from('10.0.0.1', '[2001:db8::1]')), '2001:db8::1');
    assert.equal(addressOf(from('10.0.0.1', '203.0.113.9:5001, 10.0.0.2:80')), '203.0.113.9');
  });

  it('is that of the proxy which tells no address', () => {
    for (const entry of ['unknown', '_hidden', '203.0.113.9:x', '[203.0.113.9', 'a:1', '1.2.3', '[]:1']) {
      assert.equal(addressOf(from('10.0.0.1', entry)), '10.0.0.1', entry);
      assert.equal(addressOf(from('10.0.0.1', `192.0.2.1, ${entry}, 10.0.0.2`)), '10.0.0.2', entry);
    }
  });

  it('of IPv4 counts in IPv6 notation too', () => {
    assert.equal(addressOf(from('::ffff:10.0.0.1', '192.0.2.1')), '192.0.2.1');
    const networks = new Networks(['10.0.0.0/8']);
    assert.deepEqual(
      ['::ffff:10.1.2.3', '::ffff:11.1.2.3', '10.1.2.3', 'x', ''].map((text) => networks.has(text)),
      [true, false, true, false, false],
    );
  });
});
