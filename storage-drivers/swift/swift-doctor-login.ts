import { known } from '../../src/ports/examination.js';
import { ok, warning, type Verdict } from '../../src/ports/finding.js';
import { login, type Login, type LoginOptions } from './identity.js';
import { readKeystoneToken, type KeystoneToken } from './keystone-token.js';
import { nameOf, placeOf } from './login-failure.js';
import { chooseEndpoint } from './service-catalog.js';
import type { SwiftFacts } from './swift-doctor-facts.js';

const NO_LOGIN = 'the login failed';

/** Whether the identity service answers and takes the credentials. */
export async function checkLogin(facts: SwiftFacts): Promise<Verdict> {
  const { account, clock } = facts.options;
  const began = clock.now();
  // Whether the catalog has what is asked of it is a check of its own.
  const storageUrl = account.storageUrl ?? account.authUrl;
  const given = await login(
    account.credentials.kind === 'v1' ? account : { ...account, storageUrl },
    loginOptions(facts),
  );
  facts.login = given;
  if (given.expiresAt === Infinity) {
    return warning(
      'storage.swift.token is used as it is, without a login; it cannot be renewed',
      'log in by a password or an application credential instead',
    );
  }
  return ok(`${placeOf(account.authUrl)} accepts ${nameOf(account)} (${clock.now() - began} ms)`);
}

/** What the token is good for, as far as anybody tells. */
export async function checkToken(facts: SwiftFacts): Promise<Verdict> {
  const given = known(facts.login, NO_LOGIN);
  const { kind } = facts.options.account.credentials;
  if (kind === 'v1') return ok(lifeOf(given));
  if (given.expiresAt === Infinity) return ok('nothing tells what it is good for, nor for how long');
  const told = await readKeystoneToken(facts, given.token);
  if (told === undefined) return warning(`Keystone does not tell its roles; ${lifeOf(given)}`);
  facts.token = told;
  const found = `${grantOf(told)}; ${lifeOf(given)}`;
  return kind === 'token'
    ? warning(`${found}, and cannot be renewed`, 'log in by a password or an application credential instead')
    : ok(found);
}

/** Which endpoint is used, of those that the catalog has. */
export async function checkCatalog(facts: SwiftFacts): Promise<Verdict> {
  const given = known(facts.login, NO_LOGIN);
  const { account } = facts.options;
  const storageUrl = await storageUrlOf(facts, given);
  facts.access = { token: given.token, storageUrl: new URL(storageUrl) };
  const shown = placeOf(storageUrl);
  if (account.storageUrl !== undefined) return ok(`storage.swift.storageUrl is used: ${shown}`);
  if (account.credentials.kind === 'v1') return ok(`the login tells the storage URL ${shown}`);
  const offered = facts.token === undefined ? '' : `; object-store is in ${regionsOf(facts.token)}`;
  return ok(`${account.interface} of ${account.region ?? 'the only region'}: ${shown}${offered}`);
}

async function storageUrlOf(facts: SwiftFacts, given: Login): Promise<string> {
  const { account } = facts.options;
  if (account.storageUrl !== undefined || account.credentials.kind === 'v1') return given.storageUrl;
  if (facts.token === undefined) return (await login(account, loginOptions(facts))).storageUrl;
  const choice = chooseEndpoint(facts.token.catalog, account);
  if ('problem' in choice) throw new Error(choice.problem);
  return choice.url;
}

function loginOptions({ options: { clock, times } }: SwiftFacts): LoginOptions {
  return { timeout: times.request, now: clock.now() };
}

function lifeOf({ expiresAt }: Login): string {
  return `good until ${new Date(expiresAt).toISOString().replace(/\.\d+/, '')} by our clock`;
}

function grantOf({ roles = [], project }: KeystoneToken): string {
  const names = roles.map(({ name }) => name).sort();
  const place = project === undefined ? 'no project' : `project ${project.name} (${project.id})`;
  return `${names.length === 0 ? 'no role' : `roles ${names.join(', ')}`} in ${place}`;
}

/** `RegionOne (internal, public), RegionTwo (public)` */
function regionsOf({ catalog = [] }: KeystoneToken): string {
  const regions = new Map<string, Set<string>>();
  for (const { type, endpoints = [] } of catalog) {
    if (type !== 'object-store') continue;
    for (const { region, interface: kind = '?' } of endpoints) {
      const kinds = regions.get(region ?? 'no region') ?? new Set();
      regions.set(region ?? 'no region', kinds.add(kind));
    }
  }
  return [...regions].map(([region, kinds]) => `${region} (${[...kinds].sort().join(', ')})`).join(', ');
}
