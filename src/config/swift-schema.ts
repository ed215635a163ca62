import { z } from 'zod';
import { key, optionalKey } from './key-facts.js';
import { duration, flag, list, size, text, LONGEST_TIMER } from './kinds.js';
import {
  authType,
  containerName,
  endpointInterface,
  network,
  repositoryPattern,
  serviceUrl,
} from './shapes.js';

const redirect = z.strictObject({
  enabled: key(flag(), false, {
    help: 'Whether clients fetch blobs from Swift itself by a signed URL. They must then reach Swift and trust its certificate.',
  }),
  clients: key(list(network()), [], {
    help: 'The networks whose clients are redirected; an empty list means all.',
  }),
  repositories: key(list(repositoryPattern()), [], {
    help: 'Patterns of the repositories that are redirected, such as `team/*` or `public/**`; an empty list means all.',
  }),
  maxAge: key(duration('1s', '5m'), '5m', { help: 'How long a signed URL is good for.' }),
});

const v1 = z.strictObject({
  authUrl: optionalKey(serviceUrl(), {
    aliases: ['ST_AUTH'],
    help: "The login of Swift's own accounts (tempauth), which ends in /auth/v1.0; instead of Keystone.",
  }),
  user: optionalKey(text(), { aliases: ['ST_USER'], help: 'Account and user, such as test:tester.' }),
  key: optionalKey(text(), { aliases: ['ST_KEY'], secret: true, help: 'The key of that user.' }),
});

/** The keys of `storage.swift`. Its variables OS_* and ST_* are read only where the store is Swift. */
export const swift = z.strictObject({
  container: key(containerName(), 'stackyard', {
    help: 'The container of the data. One that CNCF distribution wrote is opened in place.',
  }),
  prefix: optionalKey(text(), {
    help: 'What the names of objects begin with, joined to them as CNCF distribution joins its own `prefix`.',
  }),
  storagePolicy: optionalKey(text(), {
    help: "The storage policy of a container that is created. Without it the cluster's default.",
  }),
  cloud: optionalKey(text(), {
    aliases: ['OS_CLOUD'],
    help: 'A cloud of `clouds.yaml`. Keys and variables given beside it are stronger.',
  }),
  authUrl: optionalKey(serviceUrl(), { aliases: ['OS_AUTH_URL'], help: 'Keystone, with or without /v3.' }),
  authType: optionalKey(authType(), {
    aliases: ['OS_AUTH_TYPE'],
    help: 'How to log in. Needed only where credentials of several kinds are given.',
  }),
  username: optionalKey(text(), { aliases: ['OS_USERNAME'], help: 'The user, by name.' }),
  userId: optionalKey(text(), { aliases: ['OS_USER_ID'], help: 'The user, by id instead of by name.' }),
  password: optionalKey(text(), {
    aliases: ['OS_PASSWORD'],
    secret: true,
    help: 'The password of the user.',
  }),
  userDomainName: optionalKey(text(), {
    aliases: ['OS_USER_DOMAIN_NAME'],
    help: 'The domain of the user, by name. Without name and id it is the domain with the id `default`.',
  }),
  userDomainId: optionalKey(text(), {
    aliases: ['OS_USER_DOMAIN_ID'],
    help: 'The domain of the user, by id instead of by name.',
  }),
  projectName: optionalKey(text(), {
    aliases: ['OS_PROJECT_NAME', 'OS_TENANT_NAME'],
    help: 'The project whose Swift account is used, by name.',
  }),
  projectId: optionalKey(text(), {
    aliases: ['OS_PROJECT_ID', 'OS_TENANT_ID'],
    help: 'The project, by id instead of by name.',
  }),
  projectDomainName: optionalKey(text(), {
    aliases: ['OS_PROJECT_DOMAIN_NAME'],
    help: 'The domain of the project, by name. Without name and id it is that of the user.',
  }),
  projectDomainId: optionalKey(text(), {
    aliases: ['OS_PROJECT_DOMAIN_ID'],
    help: 'The domain of the project, by id instead of by name.',
  }),
  applicationCredentialId: optionalKey(text(), {
    aliases: ['OS_APPLICATION_CREDENTIAL_ID'],
    help: 'An application credential, by id; it needs neither user nor project.',
  }),
  applicationCredentialName: optionalKey(text(), {
    aliases: ['OS_APPLICATION_CREDENTIAL_NAME'],
    help: 'An application credential, by name instead of by id; it needs its user.',
  }),
  applicationCredentialSecret: optionalKey(text(), {
    aliases: ['OS_APPLICATION_CREDENTIAL_SECRET'],
    secret: true,
    help: 'The secret of the application credential.',
  }),
  trustId: optionalKey(text(), {
    aliases: ['OS_TRUST_ID'],
    help: 'A trust that the user or token acts by, instead of a project.',
  }),
  token: optionalKey(text(), {
    aliases: ['OS_TOKEN', 'OS_AUTH_TOKEN'],
    secret: true,
    help: 'A token instead of a login. It cannot be renewed when it ends: for trials only.',
  }),
  v1,
  region: optionalKey(text(), {
    aliases: ['OS_REGION_NAME'],
    help: 'The region of the service catalog; needed where it has several.',
  }),
  interface: key(endpointInterface(), 'public', {
    aliases: ['OS_INTERFACE', 'OS_ENDPOINT_TYPE'],
    help: 'The endpoint of the service catalog to use.',
  }),
  storageUrl: optionalKey(serviceUrl(), {
    aliases: ['OS_STORAGE_URL'],
    help: 'The URL of the Swift account, instead of that of the service catalog.',
  }),
  caFile: optionalKey(text(), {
    aliases: ['OS_CACERT'],
    help: 'A PEM file of authorities that are trusted for Keystone and Swift beside the public ones.',
  }),
  segmentBytes: key(size('1MiB', '4GiB'), '64MiB', {
    help: 'The size of the segments of which large blobs are made. A thousand of them fit one list, more are nested.',
  }),
  connectTimeout: key(duration('1ms', LONGEST_TIMER), '10s', {
    help: 'How long a connection to Swift may take.',
  }),
  requestTimeout: key(duration('1ms', LONGEST_TIMER), '60s', {
    help: 'How long Keystone or Swift may take to answer, and how long a body of Swift may pause.',
  }),
  retryFor: key(duration('0s', LONGEST_TIMER), '15s', {
    help: 'How long a request is repeated that Swift throttles, fails or does not answer.',
  }),
  redirect,
});

/** Keys that name one thing in two ways: the one of the stronger source counts. */
export const RIVALS: readonly (readonly [string, string])[] = (
  [
    ['userId', 'username'],
    ['userDomainId', 'userDomainName'],
    ['projectId', 'projectName'],
    ['projectDomainId', 'projectDomainName'],
    ['applicationCredentialId', 'applicationCredentialName'],
  ] as const
).map(([id, name]) => [`storage.swift.${id}`, `storage.swift.${name}`]);
