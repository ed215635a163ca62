import assert from 'node:assert/strict';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { createRedirectPolicy } from '../../src/http/redirect-policy.js';
import type { Clock } from '../../src/ports/clock.js';

const clock: Clock = { now: () => 1_700_000_000_000, every: () => () => undefined };

/** Whether a policy of these rules redirects. */
function redirects(
  rules: { clients?: readonly string[]; repositories?: readonly string[] },
  name: string,
  address: string | undefined,
): boolean {
  const policy = createRedirectPolicy({ clients: [], repositories: [], maxAge: 1000, ...rules }, clock);
  return policy(parseRepositoryName(name), address) !== undefined;
}

describe('http/redirect-policy', () => {
  it('lets a URL hold as long as the rules say', () => {
    const policy = createRedirectPolicy({ clients: [], repositories: [], maxAge: 90_000 }, clock);
    assert.deepEqual(policy(parseRepositoryName('a'), '10.0.0.1'), new Date(clock.now() + 90_000));
  });

  it('finds clients in their blocks, however the socket shows them', () => {
    const clients = ['10.0.0.0/8', '192.0.2.7/32', 'fd00::/8'];
    for (const inside of [
      '10.0.0.0',
      '10.255.255.255',
      '192.0.2.7',
      '::ffff:10.0.0.1',
      '::ffff:192.0.2.7',
      'fd00::1',
      'fdff:ffff::1',
    ]) {
      assert.ok(redirects({ clients }, 'a', inside), inside);
    }
    for (const outside of [
      '11.0.0.0',
      '9.255.255.255',
      '192.0.2.8',
      '::ffff:11.0.0.1',
      'fe00::1',
      '::1',
      '127.0.0.1',
    ]) {
      assert.ok(!redirects({ clients }, 'a', outside), outside);
    }
  });

  it('without blocks redirects every client, never one whose address is not known', () => {
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '2001:db8::1', 'fe80::1%eth0']) {
      assert.ok(redirects({}, 'a', address), address);
    }
    assert.ok(!redirects({}, 'a', undefined));
  });

  const patterns: [pattern: string, matching: string[], other: string[]][] = [
    ['team/app', ['team/app'], ['team/app2', 'team/app/x', 'x/team/app', 'team']],
    ['team/*', ['team/app', 'team/a.b-c_d'], ['team', 'team/app/x', 'team2/app']],
    ['*', ['a'], ['a/b']],
    ['*/base-*', ['x/base-1'], ['x/base', 'base-1', 'x/y/base-1', 'x/base-1/y']],
    ['public/**', ['public/a', 'public/a/b/c'], ['public', 'publicity/a', 'x/public/a']],
    ['**/app', ['app', 'x/app', 'x/y/app'], ['xapp', 'app/x']],
    ['a/**/z', ['a/z', 'a/b/z', 'a/b/c/z'], ['az', 'a/bz', 'a/z/b']],
    ['**', ['a', 'a/b/c'], []],
    ['a.b', ['a.b'], ['axb', 'a-b']],
  ];
  for (const [pattern, matching, others] of patterns) {
    it(`${pattern} matches ${matching.join(', ')}${others.length > 0 ? ` and not ${others.join(', ')}` : ''}`, () => {
      const repositories = [pattern];
      for (const name of matching) assert.ok(redirects({ repositories }, name, '10.0.0.1'), name);
      for (const name of others) assert.ok(!redirects({ repositories }, name, '10.0.0.1'), name);
    });
  }

  it('takes any of several patterns, each of them whole', () => {
    const repositories = ['a', 'b/*'];
    for (const name of ['a', 'b/c']) assert.ok(redirects({ repositories }, name, '::1'), name);
    for (const name of ['ab/c', 'a/c', 'b', 'xa']) assert.ok(!redirects({ repositories }, name, '::1'), name);
  });

  it('needs both, the client and the repository', () => {
    const rules = { clients: ['10.0.0.0/8'], repositories: ['a'] };
    assert.ok(redirects(rules, 'a', '10.0.0.1'));
    assert.ok(!redirects(rules, 'b', '10.0.0.1'));
    assert.ok(!redirects(rules, 'a', '11.0.0.1'));
  });
});
