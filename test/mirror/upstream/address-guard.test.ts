import assert from 'node:assert/strict';
import { promisify } from 'node:util';
import type { LookupAddress, LookupAllOptions } from 'node:dns';
import { AddressGuard } from '../../../src/mirror/upstream/address-guard.js';
import { isPublicAddress } from '../../../src/mirror/upstream/public-addresses.js';
import { isUpstreamError } from '../../../src/mirror/upstream/upstream-error.js';
import { REPOSITORY, namesOf, textOf, upstreamOf, withUpstreamBed } from './upstream-bed.js';

const QUESTION = { method: 'GET', repository: REPOSITORY, path: 'blobs/sha256:x' } as const;

describe('Public addresses', () => {
  const publicOnes = ['8.8.8.8', '100.63.255.255', '100.128.0.1', '172.15.0.1', '172.32.0.1', '169.253.1.1'];
  const publicV6 = [
    '2a00:1450::1',
    '2001:4860:4860::8888',
    '::ffff:8.8.8.8',
    '64:ff9b::8.8.8.8',
    '2002:808:808::1',
  ];
  for (const address of [...publicOnes, ...publicV6]) {
    it(`${address} is one`, () => assert.equal(isPublicAddress(address), true));
  }

  const privateV4 = [
    ['0.0.0.0', '10.1.2.3', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.0.1', '169.254.169.254'],
    ['172.16.0.1', '172.31.255.255', '192.0.0.8', '192.0.2.1', '192.88.99.1', '192.168.0.1', '198.18.0.1'],
    ['198.51.100.1', '203.0.113.1', '224.0.0.1', '239.1.1.1', '240.0.0.1', '255.255.255.255'],
  ].flat();
  const privateV6 = [
    [
      '::',
      '::1',
      'fe80::1',
      'fe80::1%lo',
      'fec0::1',
      'fc00::1',
      'fd12::1',
      'ff02::1',
      '2001:db8::1',
      '3fff::1',
    ],
    [
      '2001::1',
      '2001:2::1',
      '100::1',
      '5f00::1',
      '64:ff9b:1::8.8.8.8',
      '::8.8.8.8',
      '::127.0.0.1',
      '4000::1',
    ],
  ].flat();
  for (const address of [...privateV4, ...privateV6, '', 'localhost', '127.1', '8.8.8.8.8']) {
    it(`${address === '' ? 'nothing' : address} is none`, () =>
      assert.equal(isPublicAddress(address), false));
  }

  for (const address of privateV4) {
    const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
    const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
    for (const wrapped of [`::ffff:${address}`, `::ffff:${hex}`, `64:ff9b::${address}`, `2002:${hex}::1`]) {
      it(`${address} is none as ${wrapped} either`, () => assert.equal(isPublicAddress(wrapped), false));
    }
  }
});

describe('Address guard', () => {
  const upstream = upstreamOf({ url: 'https://hub.test/', networks: ['10.0.0.0/8', 'fd00::/8'] });
  const lookup = async (answers: readonly string[], all = true): Promise<LookupAddress[]> => {
    const guard = new AddressGuard(upstream, namesOf({ 'cdn.test': () => answers }));
    const find = guard.lookup({ protocol: 'https:', hostname: 'cdn.test', port: '' });
    const options = { all } as LookupAllOptions;
    return (promisify(find) as (name: string, options: object) => Promise<LookupAddress[]>)(
      'cdn.test',
      options,
    );
  };

  it('leaves the public and the listed addresses of a name', async () => {
    const found = await lookup([
      '127.0.0.1',
      '8.8.8.8',
      '10.1.1.1',
      '::1',
      '192.168.1.1',
      'fd00::1',
      'fc00::1',
    ]);
    assert.deepEqual(
      found.map(({ address }) => address),
      ['8.8.8.8', '10.1.1.1', 'fd00::1'],
    );
  });

  it('gives one that is left to who wants one only', async () => {
    assert.equal(await lookup(['169.254.169.254', '8.8.4.4'], false), '8.8.4.4');
  });

  it('refuses a name whose addresses are all private, naming one and the fix', async () => {
    await assert.rejects(lookup(['169.254.169.254', '::1']), (error) => {
      assert.ok(isUpstreamError(error, 'refused'));
      assert.match(
        error.message,
        /^hub leads to cdn\.test \(169\.254\.169\.254\), .* list its network in networks/,
      );
      return true;
    });
  });

  it('refuses a name without addresses', async () => {
    await assert.rejects(lookup([]), (error) => isUpstreamError(error, 'refused'));
  });

  it('lets through the address that the operator wrote down, at its port alone', () => {
    const written = upstreamOf({
      url: 'http://127.0.0.1:5000/',
      tokenHosts: ['127.0.0.1:5001', '[::1]:5002', '169.254.1.1'],
    });
    const guard = new AddressGuard(written);
    const isLet = (hostname: string, port: string, protocol = 'http:'): boolean =>
      guard.refusal({ protocol, hostname, port }) === undefined;
    assert.deepEqual(
      [
        isLet('127.0.0.1', '5000'),
        isLet('127.0.0.1', '5001'),
        isLet('::1', '5002'),
        isLet('169.254.1.1', ''),
      ],
      [true, true, true, true],
    );
    assert.deepEqual(
      [
        isLet('127.0.0.1', '5002'),
        isLet('127.0.0.1', ''),
        isLet('127.0.0.2', '5000'),
        isLet('169.254.1.1', '81'),
        isLet('::ffff:7f00:1', '5000'),
        isLet('::1', '5000'),
      ],
      [false, false, false, false, false, false],
    );
  });
});

describe('Connections of an upstream', () => {
  const bed = withUpstreamBed();

  it('go by localhost where the operator wrote that, and for it to loopback alone', async () => {
    const origin = await bed().origin((_, response) => response.end('here'));
    const url = `http://localhost:${origin.port}/`;
    const { body } = await bed()
      .client({ url }, {}, namesOf({ localhost: () => ['127.0.0.1'] }))
      .ask(QUESTION);
    assert.equal(await textOf(body), 'here');
    const lead = bed().client({ url }, {}, namesOf({ localhost: () => ['10.0.0.1'] }));
    assert.equal((await bed().failure(lead.ask(QUESTION))).failure, 'refused');
  });

  it('are not made to a private address by a name, and no request goes there', async () => {
    const origin = await bed().origin((_, response) => response.end('secret'));
    const client = bed().client(
      { url: `http://hub.test:${origin.port}/` },
      {},
      namesOf({ 'hub.test': () => ['127.0.0.1'] }),
    );
    const error = await bed().failure(client.ask(QUESTION));
    assert.equal(error.failure, 'refused');
    assert.match(error.message, /hub\.test \(127\.0\.0\.1\).*networks/);
    assert.deepEqual([origin.asked.length, origin.connections], [0, 0]);
  });

  it('are made to the listed addresses of a name alone', async () => {
    const origin = await bed().origin((_, response) => response.end('here'));
    const client = bed().client(
      { url: `http://hub.test:${origin.port}/`, networks: ['127.0.0.0/8'] },
      {},
      namesOf({ 'hub.test': () => ['10.0.0.1', '127.0.0.1'] }),
    );
    assert.equal(await textOf((await client.ask(QUESTION)).body), 'here');
  });

  it('are judged anew each time: a name that changes its address gains nothing', async () => {
    const first = await bed().origin((_, response) => {
      response.setHeader('connection', 'close');
      response.end('public');
    });
    const inner = await bed().origin((_, response) => response.end('secret'), {
      address: '127.0.0.2',
      port: first.port,
    });
    const client = bed().client(
      { url: `http://hub.test:${first.port}/`, networks: ['127.0.0.1/32'] },
      {},
      namesOf({ 'hub.test': (asked) => [asked === 0 ? '127.0.0.1' : '127.0.0.2'] }),
    );
    assert.equal(await textOf((await client.ask(QUESTION)).body), 'public');
    const error = await bed().failure(client.ask(QUESTION));
    assert.equal(error.failure, 'refused');
    assert.deepEqual([inner.asked.length, inner.connections], [0, 0]);
  });
});
