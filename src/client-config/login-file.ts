import { isObject, type Json } from '../domain/json-members.js';
import { refuse } from './client-config-error.js';
import { SECRET, type ClientFile, type ExistingFiles } from './client-file.js';
import { mergedJson, objectMember, withMember } from './json-file.js';
import type { Login, Setup } from './setup.js';

/** Where docker, nerdctl and buildctl keep logins. */
export function dockerLoginPath({ home }: Setup): string {
  return `${home}/.docker/config.json`;
}

/** Where podman, buildah and skopeo keep logins that outlast a reboot. */
export function containersLoginPath({ home }: Setup): string {
  return `${home}/.config/containers/auth.json`;
}

/** An entry's members that its reader takes instead of `auth`. */
const OTHER_LOGINS: readonly string[] = ['identitytoken', 'registrytoken', 'username', 'password'];

const FIX = "use 'docker login' (in Chef credential_helper), or take it out";

/** The file with the setup's login in it, where it has one. @throws ClientConfigError */
export function loginFile(path: string, setup: Setup, existing: ExistingFiles): readonly ClientFile[] {
  const { login, registry } = setup;
  if (login === undefined) return [];
  const content = mergedJson(path, existing.get(path), (members) => {
    refuseHelpers(path, members, registry);
    const auths = objectMember(path, members, 'auths');
    const entry = Object.hasOwn(auths, registry) ? auths[registry] : {};
    if (!isObject(entry)) return refuse(path, `auths of ${registry} is no object; correct it`);
    const others = Object.entries(entry).filter(([name]) => !OTHER_LOGINS.includes(name));
    const rest = Object.fromEntries(others);
    const changed = isOf(login, rest['auth']) ? rest : withMember(rest, 'auth', encodedLogin(login));
    return withMember(members, 'auths', withMember(auths, registry, changed));
  });
  return [{ path, mode: SECRET, content }];
}

/** As `auth` holds it. */
export function encodedLogin({ username, password }: Login): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

/** Line ends are all that clients skip: without its padding docker refuses the whole file. */
function isOf(login: Login, auth: unknown): boolean {
  return typeof auth === 'string' && auth.replace(/[\r\n]/g, '') === encodedLogin(login);
}

function refuseHelpers(path: string, members: Json, registry: string): void {
  if (isSet(members, 'credsStore'))
    refuse(path, `credsStore is set, so that a program is asked instead of this file; ${FIX}`);
  if (isSet(objectMember(path, members, 'credHelpers'), registry))
    refuse(path, `credHelpers has ${registry}, so that a program is asked instead of this file; ${FIX}`);
}

function isSet(members: Json, name: string): boolean {
  const value = Object.hasOwn(members, name) ? members[name] : undefined;
  return value !== undefined && value !== null && value !== '';
}
