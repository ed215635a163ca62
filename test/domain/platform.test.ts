import assert from 'node:assert/strict';
import { isNowhere, isWished, parsePlatform, platformsIn } from '../../src/domain/platform.js';
import { InvalidValue } from '../../src/domain/invalid-value.js';

describe('domain/platform', () => {
  const cases: readonly (readonly [wish: string, told: object, isWished: boolean])[] = [
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }, true],
    ['linux/amd64', { os: 'windows', architecture: 'amd64' }, false],
    ['linux/amd64', { os: 'linux', architecture: 'arm64' }, false],
    ['linux/amd64', {}, false],
    ['linux/arm', { os: 'linux', architecture: 'arm', variant: 'v7' }, true],
    ['linux/arm/v7', { os: 'linux', architecture: 'arm', variant: 'v7' }, true],
    ['linux/arm/v7', { os: 'linux', architecture: 'arm', variant: 'v6' }, false],
    ['linux/arm/v7', { os: 'linux', architecture: 'arm' }, false],
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64' }, true],
  ];
  for (const [wish, told, expected] of cases) {
    it(`${wish} ${expected ? 'is' : 'is not'} ${JSON.stringify(told)}`, () =>
      assert.equal(isWished(parsePlatform(wish), told), expected));
  }

  for (const text of ['', 'linux', 'linux/', 'Linux/amd64', 'linux/amd64/v1/x', 'linux/amd64 '])
    it(`'${text}' is none`, () => assert.throws(() => parsePlatform(text), InvalidValue));

  it('reads those of the children of an index, whatever they hold', () => {
    const manifests = [
      { platform: { os: 'linux', architecture: 'amd64', 'os.version': '1', variant: '' } },
      { platform: { os: 1 } },
      { platform: 'linux' },
      null,
    ];
    assert.deepEqual(platformsIn(Buffer.from(JSON.stringify({ manifests }))), [
      { os: 'linux', architecture: 'amd64', osVersion: '1' },
      {},
      undefined,
      undefined,
    ]);
    for (const other of ['{', '[]', '{"manifests":{}}'])
      assert.deepEqual(platformsIn(Buffer.from(other)), []);
  });

  it('knows what runs nowhere', () => {
    assert.ok(isNowhere({ os: 'unknown', architecture: 'unknown' }));
    assert.ok(!isNowhere({ os: 'linux', architecture: 'unknown' }));
  });
});
