import assert from 'node:assert/strict';
import { load, problems } from './load.js';

describe('config: sources of logins', () => {
  it('reads roles with commas between their actions, in the file and in a variable', () => {
    const entries = ['reader=pull', 'my role=pull,push,delete'];
    const file = load({ yaml: 'auth: {keystone: {roles: ["reader=pull", "my role=pull,push,delete"]}}' });
    assert.deepEqual(file.auth.keystone.roles, entries);
    const env = { STACKYARD_AUTH_KEYSTONE_ROLES: 'reader=pull, my role=pull,push,delete' };
    assert.deepEqual(load({ env }).auth.keystone.roles, entries);
  });

  for (const roles of ['reader', 'reader=', '=pull', 'reader=fly', 'reader=pull,,push', 'reader=*', 'pull']) {
    it(`refuses the role ${roles}`, () => {
      const [line = ''] = problems({ env: { STACKYARD_AUTH_KEYSTONE_ROLES: roles } });
      assert.match(line, /^auth\.keystone\.roles .*member=pull,push/);
    });
  }

  for (const namespace of ['{project}', '{project}/**', 'os/{domain}/{project}/*', '{project}/{domain}/**']) {
    it(`takes the namespace ${namespace}`, () => {
      const { auth } = load({ env: { STACKYARD_AUTH_KEYSTONE_NAMESPACE: namespace } });
      assert.equal(auth.keystone.namespace, namespace);
    });
  }

  for (const namespace of [
    'os/**',
    '{domain}/**',
    'x{project}/**',
    '{project}/{project}',
    '{project}/{domain}/{domain}',
    '{project}/{user}',
    'Os/{project}',
  ]) {
    it(`refuses the namespace ${namespace}`, () => {
      const [line = ''] = problems({ env: { STACKYARD_AUTH_KEYSTONE_NAMESPACE: namespace } });
      assert.match(line, /^auth\.keystone\.namespace .*\{project\}/);
    });
  }

  it('refuses them where nobody logs in', () => {
    assert.deepEqual(problems({ yaml: 'auth: {mode: none, htpasswd: {file: users}}' }), [
      'auth.htpasswd.file (stackyard.yaml:1): with auth.mode none nobody logs in and everybody may do everything; set auth.mode: token (STACKYARD_AUTH_MODE=token), or leave the key out',
    ]);
    const [line = ''] = problems({
      env: { STACKYARD_AUTH_KEYSTONE_URL: 'http://keystone:5000', STACKYARD_AUTH_MODE: 'none' },
    });
    assert.match(line, /^auth\.keystone\.url \(STACKYARD_AUTH_KEYSTONE_URL\): with auth\.mode none/);
  });
});
