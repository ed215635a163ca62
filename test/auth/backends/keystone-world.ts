import assert from 'node:assert/strict';
import { KeystoneClient } from '../../../src/auth/backends/keystone-client.js';
import { KeystoneRights } from '../../../src/auth/backends/keystone-rights.js';
import type { KeystoneRules } from '../../../src/auth/backends/keystone-rights.js';
import { KeystoneBackend } from '../../../src/auth/backends/keystone.js';
import { RememberedLogins } from '../../../src/auth/backends/remembered-logins.js';
import { startFaultProxy } from '../../support/fault-proxy/fault-proxy.js';
import type { KeystoneAccounts, SwiftBed } from '../../support/swift-bed.js';
import { KeystoneAdmin } from './keystone-admin.js';
import { StillClock, testIds } from './parts.js';

export type World = Awaited<ReturnType<typeof makeWorld>>;

/** A user with roles in two projects, and one of another domain with a project of the same name. */
export async function makeWorld({ keystone }: SwiftBed) {
  const url = keystone.password.authUrl;
  const admin = await KeystoneAdmin.login(url);
  const [team, data, domain, role] = [
    await admin.project('Team'),
    await admin.project('Big Data'),
    await admin.domain('elsewhere'),
    await admin.role('deployer'),
  ];
  const [member, reader] = [await admin.roleNamed('member'), await admin.roleNamed('reader')];
  const user = await admin.user('syd');
  await admin.assign(user, team, member);
  await admin.assign(user, team, role);
  await admin.assign(user, data, reader);
  const foreign = await admin.project('Team', domain.id);
  const stranger = await admin.user('syd', domain.id);
  await admin.assign(stranger, foreign, member);
  const proxy = await startFaultProxy({ target: new URL(url) });
  const subject = `${user.name}@Default`;
  return {
    admin,
    proxy,
    user,
    subject,
    team,
    data,
    role,
    domain,
    foreign,
    stranger,
    credential: credentialOf(keystone),
  };
}

/** Made by the bed, with one of its user's roles. */
function credentialOf({ applicationCredential, applicationCredentialByName }: KeystoneAccounts) {
  const [byId, byName] = [applicationCredential.credentials, applicationCredentialByName.credentials];
  assert.ok(byId.kind === 'application-credential' && 'id' in byId.credential);
  assert.ok(byName.kind === 'application-credential' && 'name' in byName.credential);
  return { id: byId.credential.id, name: byName.credential.name, secret: byId.secret };
}

/** Undefined where the suite is left out. */
export async function closeWorld(world: World | undefined): Promise<void> {
  await world?.admin.close();
  await world?.proxy.stop();
}

interface BenchOptions {
  readonly taken?: readonly string[];
  readonly timeout?: number;
  readonly url?: string;
}

/** A backend that asks by the proxy of the world. */
export function bench({ proxy }: World, rules: Partial<KeystoneRules> = {}, options: BenchOptions = {}) {
  const { taken = [], timeout: milliseconds = 20_000, url = proxy.origin } = options;
  const clock = new StillClock();
  const all: KeystoneRules = {
    domain: 'Default',
    namespace: '{project}/**',
    roles: ['reader=pull', 'member=pull,push', 'swiftoperator=pull'],
    projects: [],
    ...rules,
  };
  const backend = new KeystoneBackend(
    {
      client: new KeystoneClient({ url }),
      logins: new RememberedLogins(clock, testIds),
      rights: new KeystoneRights(all),
      taken: (name) => Promise.resolve(taken.includes(name)),
      warn: (message) => assert.fail(message),
    },
    { domain: all.domain, timeout: milliseconds },
  );
  const login = (username: string, secret: string) => backend.authenticate({ username, secret });
  return { backend, clock, login };
}
