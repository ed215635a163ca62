/** tempauth's users as its configuration names them: key, then groups. */
export const TEMPAUTH_USERS = {
  user_admin_admin: 'admin .admin .reseller_admin',
  user_test_tester: 'testing .admin',
  user_test2_tester2: 'testing2 .admin',
  user_test_tester3: 'testing3',
};

/** Who Swift itself is towards Keystone. */
export const KEYSTONE_SERVICE = { project: 'service', user: 'swift', password: 'swiftpass' };

/** Made by Keystone's bootstrap. */
export const KEYSTONE_ADMIN = { project: 'admin', user: 'admin', password: 'adminpass' };

/** Keystone's users: which role each has in which project. The trustee has none but by the trust. */
export const KEYSTONE_USERS = [
  { ...KEYSTONE_SERVICE, roles: ['admin'] },
  { user: 'registry', password: 'registrypass', project: 'registry', roles: ['swiftoperator', 'member'] },
  { user: 'reader', password: 'readerpass', project: 'registry', roles: ['reader'] },
  { user: 'other', password: 'otherpass', project: 'other', roles: ['swiftoperator'] },
  { user: 'trustee', password: 'trusteepass', project: 'registry', roles: [] },
];

export const APPLICATION_CREDENTIAL = { name: 'registry-app', secret: 'registry-app-secret' };

/** Keystone's user of that name. */
export function keystoneUser(name) {
  return KEYSTONE_USERS.find(({ user }) => user === name);
}
