import assert from 'node:assert/strict';
import { identityOf, subjectOf } from '../../../src/auth/backends/keystone-identity.js';
import { KeystoneRights, roleGrantees } from '../../../src/auth/backends/keystone-rights.js';
import type { KeystoneRules } from '../../../src/auth/backends/keystone-rights.js';

const ID = '0123456789abcdef0123456789abcdef';

describe('auth/keystone: names', () => {
  const users: readonly (readonly [string, string, string])[] = [
    ['syd', 'syd', 'Default'],
    ['syd@Other', 'syd', 'Other'],
    ['syd@mail.example@Other', 'syd@mail.example', 'Other'],
    ['a/b@Other', 'a/b', 'Other'],
    ['syd@A%40B%2FC%25', 'syd', 'A@B/C%'],
  ];
  for (const [username, name, domain] of users) {
    it(`${username} is a user of ${domain}`, () => {
      const identity = identityOf({ username, secret: 's' }, 'Default');
      assert.deepEqual(identity, { kind: 'password', user: { name, domain }, secret: 's' });
      const subject = subjectOf({ name, domain });
      assert.deepEqual(identityOf({ username: subject, secret: 's' }, 'Default'), identity);
    });
  }

  it('tells users apart whose names and domains together look alike', () => {
    assert.notEqual(subjectOf({ name: 'a@b', domain: 'c' }), subjectOf({ name: 'a', domain: 'b@c' }));
    assert.notEqual(subjectOf({ name: 'a', domain: 'b%40c' }), subjectOf({ name: 'a', domain: 'b@c' }));
  });

  it('knows application credentials by id, and by name with their user', () => {
    const kind = 'application-credential';
    assert.deepEqual(identityOf({ username: ID, secret: 's' }, 'Default'), {
      kind,
      credential: { id: ID },
      secret: 's',
    });
    assert.deepEqual(identityOf({ username: 'syd@Other/ci/cd', secret: 's' }, 'Default'), {
      kind,
      credential: { name: 'ci/cd', user: { name: 'syd', domain: 'Other' } },
      secret: 's',
    });
  });

  for (const username of ['', '@', '@Default', 'syd@', 'syd@/ci', 'syd@Default/']) {
    it(`'${username}' stands for nothing`, () => {
      assert.equal(identityOf({ username, secret: 's' }, 'Default'), undefined);
    });
  }

  const namespaces: readonly (readonly [string, string, string, string])[] = [
    ['{project}/**', 'Web-Shop', 'Default', 'web-shop/**'],
    ['{project}/**', 'Web Shop', 'Default', `${ID}/**`],
    ['{project}/**', 'web', 'Other', `${ID}/**`],
    ['{project}/**', 'f'.repeat(32), 'Default', `${ID}/**`],
    ['{project}/**', '\u212Aube', 'Default', `${ID}/**`],
    ['{project}/**', '..', 'Default', `${ID}/**`],
    ['{project}/**', 'a/b', 'Default', `${ID}/**`],
    ['{project}/**', '**', 'Default', `${ID}/**`],
    ['{domain}/{project}/**', 'web', 'Other', 'other/web/**'],
    ['{domain}/{project}/**', 'web', 'O ther', 'd1/web/**'],
  ];
  for (const [namespace, name, domain, expected] of namespaces) {
    it(`the project ${name} of ${domain} has ${expected} by ${namespace}`, () => {
      const [grant] = rights({ namespace }).impliedBy([scope(name, domain, ['member'])]);
      assert.equal(grant?.repositories.text, expected);
    });
  }

  it('joins the actions of all roles in a project, and gives nothing for others', () => {
    const roles = ['x=delete', 'a=b=pull'];
    const [grant, none] = rights({ roles }).impliedBy([
      scope('web', 'Default', ['x', 'a=b', 'other']),
      scope('shop', 'Default', ['other']),
    ]);
    assert.deepEqual(grant?.actions, ['pull', 'delete']);
    assert.equal(none, undefined);
  });

  it('leaves out a role whose name no grant can have', () => {
    const scopes = [
      scope('web', 'Default', ['r'.repeat(151), 'member']),
      scope('shop', 'Default', ['member']),
    ];
    assert.deepEqual(roleGrantees(scopes), [{ kind: 'role', name: 'member' }]);
  });
});

function rights(rules: Partial<KeystoneRules>): KeystoneRights {
  const usual = { domain: 'Default', namespace: '{project}/**', roles: ['member=pull,push'], projects: [] };
  return new KeystoneRights({ ...usual, ...rules });
}

function scope(name: string, domain: string, roles: readonly string[]) {
  return { project: { id: ID, name, domain, domainId: 'd1' }, roles };
}
