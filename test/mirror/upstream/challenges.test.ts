import assert from 'node:assert/strict';
import { parseChallenges } from '../../../src/mirror/upstream/challenges.js';

describe('Challenges', () => {
  const of = (...lines: string[]) =>
    parseChallenges(lines).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

  const cases: readonly [title: string, lines: readonly string[], wanted: unknown][] = [
    [
      'a bearer challenge as registries send it',
      ['Bearer realm="https://a.test/token",service="registry",scope="repository:a/b:pull,push"'],
      [['bearer', { realm: 'https://a.test/token', service: 'registry', scope: 'repository:a/b:pull,push' }]],
    ],
    [
      'schemes and names in any case, tokens for values, and space around',
      ['bEARER  Realm = https , SERVICE="x"'],
      [['bearer', { realm: 'https', service: 'x' }]],
    ],
    [
      'several challenges in one line',
      ['Basic realm="a, Bearer realm=\\"b\\"", charset="UTF-8", Bearer realm="c",service=d, Negotiate'],
      [
        ['basic', { realm: 'a, Bearer realm="b"', charset: 'UTF-8' }],
        ['bearer', { realm: 'c', service: 'd' }],
        ['negotiate', {}],
      ],
    ],
    [
      'several lines',
      ['Basic realm="a"', 'Bearer realm="b"'],
      [
        ['basic', { realm: 'a' }],
        ['bearer', { realm: 'b' }],
      ],
    ],
    [
      'a scheme with a token of its own, and empty elements',
      [', Negotiate YWJj==, ,Bearer realm="b",, service="c",'],
      [
        ['negotiate', {}],
        ['bearer', { realm: 'b', service: 'c' }],
      ],
    ],
    ['escapes', [String.raw`Bearer realm="a\\b\"c\d"`], [['bearer', { realm: String.raw`a\b"cd` }]]],
    [
      'the first of a name that is given twice',
      ['Bearer realm="a", Realm="b"'],
      [['bearer', { realm: 'a' }]],
    ],
    [
      'nothing of a challenge that is not closed',
      ['Basic realm="a", Bearer realm="b'],
      [['basic', { realm: 'a' }]],
    ],
    ['nothing where a value is missing', ['Bearer service="a", realm='], []],
    ['nothing of what is no challenge', ['"Bearer" realm="a"'], []],
    ['no line', [], []],
  ];
  for (const [title, lines, wanted] of cases) {
    it(`reads ${title}`, () => assert.deepEqual(of(...lines), wanted));
  }

  it('reads a long hostile line in one go', () => {
    assert.deepEqual(of(`Bearer realm="${'\\"'.repeat(8000)}`), []);
    assert.deepEqual(of(`${'a '.repeat(8000)}=`).length > 0, true);
  });
});
