import { APPLICATION_CREDENTIAL, KEYSTONE_ADMIN, KEYSTONE_USERS, keystoneUser } from './accounts.mjs';
import { KeystoneClient } from './keystone-client.mjs';

/** A region whose endpoints nobody answers at, so that taking the wrong one shows. */
const DEAD = { region: 'RegionTwo', publicUrl: 'http://127.0.0.1:1', internalUrl: 'http://127.0.0.1:1' };

/**
 * Makes Keystone's users, projects, catalog, application credential and trust, or corrects them; returns their ids.
 * `swift` is a list of {region, publicUrl, internalUrl}, `identity` one of them for Keystone itself, without paths.
 */
export async function fillKeystone(url, { swift, identity }) {
  const admin = await KeystoneClient.login(url, KEYSTONE_ADMIN);
  await makeUsers(admin);
  const object = await admin.ensure('services', { type: 'object-store' }, { name: 'swift' });
  for (const place of [...swift, DEAD])
    await makeEndpoints(admin, object.id, place, '/v1/KEY_%(project_id)s', '/v1');
  const keystone = await admin.ensure('services', { type: 'identity' }, { name: 'keystone' });
  await makeEndpoints(admin, keystone.id, identity, '/v3', '/v3');
  return delegate(url, admin);
}

async function makeUsers(admin) {
  const domain = { domain_id: 'default' };
  const roles = new Set(['ResellerAdmin', ...KEYSTONE_USERS.flatMap((user) => user.roles)]);
  const roleIds = {};
  for (const name of roles) roleIds[name] = (await admin.ensure('roles', { name })).id;
  for (const { user: name, password, project: projectName, roles } of KEYSTONE_USERS) {
    const project = await admin.ensure('projects', { name: projectName, ...domain });
    const user = await admin.ensure('users', { name, ...domain }, { password });
    for (const role of roles)
      await admin.call('PUT', `/projects/${project.id}/users/${user.id}/roles/${roleIds[role]}`);
  }
}

async function makeEndpoints(admin, service_id, { region, publicUrl, internalUrl }, path, adminPath) {
  const { regions } = await admin.call('GET', '/regions');
  if (!regions.some(({ id }) => id === region))
    await admin.call('POST', '/regions', { region: { id: region } });
  for (const [kind, url] of Object.entries({
    public: `${publicUrl}${path}`,
    internal: `${internalUrl}${path}`,
    admin: `${internalUrl}${adminPath}`,
  })) {
    const query = { service_id, interface: kind, region_id: region };
    const endpoint = await admin.ensure('endpoints', query, { url });
    if (endpoint.url !== url) await admin.call('PATCH', `/endpoints/${endpoint.id}`, { endpoint: { url } });
  }
}

/** What the user `registry` hands on: an application credential, and a trust to `trustee`. */
async function delegate(url, admin) {
  const { name, secret } = APPLICATION_CREDENTIAL;
  const roles = [{ name: 'swiftoperator' }];
  const registry = await KeystoneClient.login(url, keystoneUser('registry'));
  const { userId, projectId } = registry;
  const credential = await registry.ensure(
    `users/${userId}/application_credentials`,
    { name },
    { secret, roles },
  );
  const { id: trusteeId } = await admin.ensure('users', { name: 'trustee', domain_id: 'default' });
  const trust = await registry.ensure(
    'OS-TRUST/trusts',
    { trustor_user_id: userId },
    { trustee_user_id: trusteeId, project_id: projectId, impersonation: true, roles },
  );
  return { userId, projectId, applicationCredentialId: credential.id, trustId: trust.id };
}
