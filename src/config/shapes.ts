import { isIP } from 'node:net';
import { z } from 'zod';
import { InvalidValue } from '../domain/invalid-value.js';
import { parsePlatform } from '../domain/platform.js';
import { RepositoryPattern } from '../domain/repository-pattern.js';
import { ACTIONS } from '../domain/scope.js';
import { TagPattern } from '../domain/tag-pattern.js';
import { parseUpstreamImage } from '../domain/upstream-image.js';
import { list, oneOf, shaped } from './kinds.js';

const CONTAINER_BYTES = 256;
const ROLE_ACTIONS: ReadonlySet<string> = new Set(ACTIONS);

/** The URL of a service, without user, password, query and fragment. */
export function serviceUrl() {
  return shaped('an http or https URL without user and password', (value) => {
    if (!URL.canParse(value)) return false;
    const { protocol, username, password, search, hash } = new URL(value);
    return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === '';
  });
}

/** Swift's rule for the name of a container. */
export function containerName() {
  const accepts = `a name of at most ${CONTAINER_BYTES} bytes without /`;
  return shaped(accepts, (name) => /^[^/]+$/.test(name) && Buffer.byteLength(name) <= CONTAINER_BYTES);
}

/** An address alone is the network that holds only it. */
export function network() {
  const { schema, ...kind } = shaped('a network such as 10.0.0.0/8 or fd00::/8', isNetwork);
  return { ...kind, schema: z.string().transform(withLength).pipe(schema) };
}

/** See `RepositoryPattern`. */
export function repositoryPattern() {
  return shaped(
    'a repository name, in which * stands for a part of a component and ** for components',
    (value) => RepositoryPattern.isValid(value),
  );
}

/** See `TagPattern`. */
export function tagPattern() {
  return shaped('patterns of repositories and tags with a colon between, such as releases/**:v*', (value) =>
    TagPattern.isValid(value),
  );
}

/** See `parseUpstreamImage`. */
export function upstreamImage() {
  return shaped(
    'an upstream and a repository of it, with a tag or digest if wished, such as docker.io/library/node:20',
    (value) => isRead(parseUpstreamImage, value),
  );
}

/** See `parsePlatform`. */
export function platform() {
  return shaped('a platform such as linux/amd64 or linux/arm/v7', (value) => isRead(parsePlatform, value));
}

function isRead(parse: (text: string) => unknown, value: string): boolean {
  try {
    parse(value);
    return true;
  } catch (error) {
    if (error instanceof InvalidValue) return false;
    throw error;
  }
}

/** A name or address without a port, in lower case. */
export function hostName() {
  const { schema, ...kind } = shaped('a host name without a port, such as hub.example', (value) =>
    /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/.test(value),
  );
  return { ...kind, schema: z.string().toLowerCase().pipe(schema) };
}

/** A repository pattern in which `{name}` stands for a user's name as a component. */
export function personalNamespace() {
  return shaped(
    'a repository pattern with {name} as one of its components, such as users/{name}/**',
    (value) => isPatternWith(value, '{name}'),
  );
}

/** A repository pattern in which `{project}` stands for a project as a component, and `{domain}` for its domain. */
export function projectNamespace() {
  return shaped(
    'a repository pattern with {project} as one of its components, and {domain} if wished, such as {domain}/{project}/**',
    (value) =>
      isPatternWith(value, '{project}') ||
      (isPatternWith(value.replace('{project}', 'name'), '{domain}') &&
        isPatternWith(value.replace('{domain}', 'name'), '{project}')),
  );
}

function isPatternWith(value: string, placeholder: string): boolean {
  return (
    value.split('/').filter((part) => part === placeholder).length === 1 &&
    RepositoryPattern.isValid(value.replace(placeholder, 'name'))
  );
}

/** A list of `role=action,action`, or these in one text with commas between. */
export function roleActions() {
  const { schema } = list(shaped('a role and what it allows', isRole));
  const split = (value: unknown): unknown =>
    typeof value === 'string' ? value.split(/,(?=[^,]*=)/).map((entry) => entry.trim()) : value;
  return {
    schema: z.preprocess(split, schema),
    accepts: 'roles and what each allows, such as reader=pull,member=pull,push',
    print: (value: unknown) => (value as readonly string[]).join(','),
  };
}

function isRole(value: string): boolean {
  const actions = /^\S.*=([a-z,]+)$/.exec(value)?.[1];
  return actions?.split(',').every((action) => ROLE_ACTIONS.has(action)) === true;
}

/** Which endpoint of the service catalog; the older names `publicURL`, … are the same. */
export function endpointInterface() {
  const { schema, ...kind } = oneOf('public', 'internal', 'admin');
  return {
    ...kind,
    schema: z
      .string()
      .transform((name) => name.replace(/URL$/, ''))
      .pipe(schema),
  };
}

/** The names that OpenStack's clients use; those of v3 also without their version. */
export function authType() {
  const { schema, ...kind } = oneOf('v3password', 'v3applicationcredential', 'v3token', 'v1password');
  return {
    ...kind,
    schema: z
      .string()
      .transform((name) => name.replace(/^(?!v\d)/, 'v3'))
      .pipe(schema),
  };
}

function withLength(value: string): string {
  const family = isIP(value);
  return family === 0 ? value : `${value}/${family === 4 ? 32 : 128}`;
}

function isNetwork(value: string): boolean {
  const [, address = '', length = ''] = /^(.+)\/(\d{1,3})$/.exec(value) ?? [];
  const family = isIP(address);
  return family !== 0 && !address.includes('%') && Number(length) <= (family === 4 ? 32 : 128);
}
