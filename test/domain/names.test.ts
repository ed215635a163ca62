import assert from 'node:assert/strict';
import { Digest } from '../../src/domain/digest.js';
import { InvalidValue } from '../../src/domain/invalid-value.js';
import type { InvalidKind } from '../../src/domain/invalid-value.js';
import { parseReference, parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';

const invalid = (kind: InvalidKind) => (error: unknown) =>
  error instanceof InvalidValue && error.kind === kind;

describe('domain/repository-name', () => {
  const names = [
    'a',
    '0',
    'a/b',
    'a/b/c/d',
    'a.b',
    'a_b',
    'a__b',
    'a-b',
    'a----b',
    'a-b_c.d/e',
    'a'.repeat(255),
  ];
  for (const name of names)
    it(`${name.slice(0, 20)} is one`, () => assert.equal(parseRepositoryName(name), name));

  const none = [
    ...[
      '',
      '/',
      'a/',
      '/a',
      'a//b',
      'A',
      'aB',
      '.a',
      'a.',
      '_a',
      'a_',
      '-a',
      'a-',
      'a..b',
      'a___b',
      'a._b',
      'a.-b',
    ],
    ...[
      'a/../b',
      '..',
      '.',
      'a b',
      'a\n',
      'a%2Fb',
      'é',
      'a:b',
      'a@b',
      'a!b',
      'a/_uploads',
      'a\0b',
      'a'.repeat(256),
    ],
  ];
  for (const name of none) {
    it(`${JSON.stringify(name.slice(0, 20))} is none`, () => {
      assert.throws(() => parseRepositoryName(name), invalid('repository'));
    });
  }

  it('is decided quickly, however it is made', () => {
    for (const text of [
      `${'a-'.repeat(127)}!`,
      `${'a/'.repeat(127)}!`,
      `${'-'.repeat(254)}!`,
      'a'.repeat(1_000_000),
    ]) {
      assert.throws(() => parseRepositoryName(text), invalid('repository'));
    }
  });
});

describe('domain/reference', () => {
  for (const tag of ['latest', '1', '_', 'v1.0-rc_1', 'A', 'a..b', 'a'.repeat(128)]) {
    it(`${tag.slice(0, 20)} is a tag`, () => assert.deepEqual(parseReference(tag), { kind: 'tag', tag }));
  }

  for (const tag of ['', '.a', '-a', 'a/b', 'a b', 'a\n', 'é', 'a+b', 'a'.repeat(129)]) {
    it(`${JSON.stringify(tag.slice(0, 20))} is none`, () => {
      assert.throws(() => parseTag(tag), invalid('tag'));
      assert.throws(() => parseReference(tag), invalid('tag'));
    });
  }

  it('text with a colon is a digest or an error', () => {
    const text = `sha256:${'a'.repeat(64)}`;
    assert.deepEqual(parseReference(text), { kind: 'digest', digest: Digest.parse(text) });
    assert.throws(() => parseReference('sha256:a'), invalid('digest'));
    assert.throws(() => parseReference(`md5:${'a'.repeat(32)}`), invalid('algorithm'));
  });
});
