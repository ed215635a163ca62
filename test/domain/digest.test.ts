import assert from 'node:assert/strict';
import { Digest, isSupportedAlgorithm } from '../../src/domain/digest.js';
import { InvalidValue } from '../../src/domain/invalid-value.js';
import type { InvalidKind } from '../../src/domain/invalid-value.js';

const SHA256 = `sha256:${'0123456789abcdef'.repeat(4)}`;
const SHA512 = `sha512:${'0123456789abcdef'.repeat(8)}`;

const invalid = (kind: InvalidKind) => (error: unknown) =>
  error instanceof InvalidValue && error.kind === kind;

describe('domain/digest', () => {
  for (const text of [SHA256, SHA512]) {
    it(`reads ${text.slice(0, 6)} and writes it again`, () => {
      const digest = Digest.parse(text);
      assert.equal(digest.toString(), text);
      assert.equal(JSON.stringify({ digest }), JSON.stringify({ digest: text }));
      assert.deepEqual([digest.algorithm, digest.hex], text.split(':'));
      assert.ok(digest.equals(Digest.of(digest.algorithm, digest.hex)));
    });
  }

  const malformed: readonly string[] = [
    '',
    'sha256',
    'sha256:',
    ':abc',
    'sha256:baddigeststring',
    SHA256.slice(0, -1),
    `${SHA256}0`,
    `sha256:${'0123456789ABCDEF'.repeat(4)}`,
    SHA256.replace('9a', '9g'),
    `${SHA256}\n`,
    ` ${SHA256}`,
    SHA256.replace(':', '::'),
    SHA512.replace('sha512', 'sha256'),
    SHA256.replace('sha256', 'sha512'),
    '../../etc:passwd',
    `sha256:../${'0'.repeat(61)}`,
  ];
  for (const text of malformed) {
    it(`${JSON.stringify(text.slice(0, 30))}… is no digest`, () => {
      assert.throws(() => Digest.parse(text), invalid('digest'));
    });
  }

  for (const algorithm of ['md5', 'sha1', 'blake3', 'sha384', 'sha256+b64', 'multihash+base58']) {
    it(`${algorithm} is an algorithm that is not kept`, () => {
      assert.throws(() => Digest.parse(`${algorithm}:${'a'.repeat(64)}`), invalid('algorithm'));
      assert.equal(isSupportedAlgorithm(algorithm), false);
    });
  }

  it('two digests are equal only in both parts', () => {
    assert.ok(!Digest.parse(SHA256).equals(Digest.parse(SHA512)));
    assert.ok(!Digest.parse(SHA256).equals(Digest.parse(SHA256.replace('f', '0'))));
  });
});
