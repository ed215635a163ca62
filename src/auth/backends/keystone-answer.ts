import type { KeystoneUser } from './keystone-identity.js';

/** Of the list of a user's projects. */
export interface KeystoneProject {
  readonly id: string;
  readonly name: string;
}

/** What a token is scoped to. */
export interface KeystoneScope {
  /** With the name and id of its domain. */
  readonly project: KeystoneProject & { readonly domain: string; readonly domainId: string };
  /** Their names. */
  readonly roles: readonly string[];
}

export interface KeystoneToken {
  readonly id: string;
  readonly user: KeystoneUser;
  /** Undefined for a token without a project. */
  readonly scope: KeystoneScope | undefined;
}

/** The token of an answer to `POST /v3/auth/tokens`; undefined where it is not one. */
export function tokenOf(id: string | undefined, body: unknown): KeystoneToken | undefined {
  const token = field(body, 'token');
  const user = { name: text(field(token, 'user'), 'name'), domain: domainOf(field(token, 'user')) };
  if (id === undefined || id === '' || user.name === '' || user.domain === '') return undefined;
  return { id, user, scope: scopeOf(token) };
}

/** The projects of an answer to `GET /v3/auth/projects` that can be used; undefined where it is not one. */
export function projectsOf(body: unknown): readonly KeystoneProject[] | undefined {
  const projects = field(body, 'projects');
  if (!Array.isArray(projects)) return undefined;
  return (projects as unknown[])
    .filter((project) => field(project, 'enabled') !== false && field(project, 'is_domain') !== true)
    .map((project) => ({ id: text(project, 'id'), name: text(project, 'name') }))
    .filter(({ id, name }) => id !== '' && name !== '');
}

/** Whether Keystone itself answered so, and not something on the way to it. */
export function isKeystoneError(status: number, body: unknown): boolean {
  return field(field(body, 'error'), 'code') === status;
}

function scopeOf(token: unknown): KeystoneScope | undefined {
  const project = field(token, 'project');
  const roles = field(token, 'roles');
  const [id, name, domain] = [text(project, 'id'), text(project, 'name'), domainOf(project)];
  const domainId = text(field(project, 'domain'), 'id');
  if (id === '' || name === '' || domain === '') return undefined;
  const names = Array.isArray(roles) ? (roles as unknown[]).map((role) => text(role, 'name')) : [];
  return { project: { id, name, domain, domainId }, roles: names.filter((role) => role !== '') };
}

function domainOf(owner: unknown): string {
  return text(field(owner, 'domain'), 'name');
}

function text(value: unknown, name: string): string {
  const found = field(value, name);
  return typeof found === 'string' ? found : '';
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
