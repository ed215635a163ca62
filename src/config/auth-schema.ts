import { z } from 'zod';
import { key, optionalKey } from './key-facts.js';
import { duration, flag, integer, list, oneOf, shaped, text } from './kinds.js';
import { personalNamespace, projectNamespace, repositoryPattern, roleActions, serviceUrl } from './shapes.js';

const logins = z.strictObject({
  failures: key(integer(1), 20, {
    help: 'How many failed logins an account, or an address, may have within `auth.logins.window`; more are answered 429. Who logged in there lately has a count of their own.',
  }),
  window: key(duration('1s'), '5m', { help: 'The time in which failed logins are counted.' }),
});

const htpasswd = z.strictObject({
  file: optionalKey(text(), {
    help: 'A file of users with bcrypt passwords, as `htpasswd -B` writes it; they may log in beside those of the store. It is read again when it changes.',
  }),
});

const keystone = z.strictObject({
  url: optionalKey(serviceUrl(), {
    help: 'A Keystone, with or without /v3, whose users may log in: as `user` or `user@domain` with their password, with the id of an application credential, or as `user@domain/credential`, and its secret.',
  }),
  domain: key(text(), 'Default', {
    help: 'The name of the domain, as Keystone writes it, of users who give none. Projects of other domains go by their ids unless `auth.keystone.namespace` has `{domain}`.',
  }),
  namespace: key(projectNamespace(), '{project}/**', {
    help: "The repositories in which roles in a project count. `{project}` stands for the project's name in lower case, or its id where repositories cannot have that name.",
  }),
  roles: key(roleActions(), 'reader=pull,member=pull,push,admin=pull,push,delete', {
    help: "What Keystone's roles allow in the repositories of their project. Grants to `role:NAME` come on top, wherever the role is held.",
  }),
  projects: key(list(text()), [], {
    help: 'The projects whose roles count: their ids, their names, or `name@domain` in other domains; an empty list means all. Of each user at most 50 count.',
  }),
  timeout: key(duration('100ms', '60s'), '5s', {
    help: 'How long a login may wait for Keystone in all; it is then answered 503.',
  }),
  ca: optionalKey(text(), {
    help: 'A PEM file of authorities that are trusted for this Keystone beside the public ones.',
  }),
});

const external = z.strictObject({
  issuer: optionalKey(text(), {
    help: "The `iss` of another token server's tokens, which are then accepted too, as CNCF distribution accepts them. Nothing of them can be revoked here before its time.",
  }),
  keys: optionalKey(text(), {
    help: 'A file of the keys that sign them: a JWKS, or certificates or public keys in PEM.',
  }),
  audience: optionalKey(text(), {
    help: 'The `aud` of those tokens, where it is not `auth.service`.',
  }),
  realm: optionalKey(serviceUrl(), {
    help: 'Where clients are told to get tokens, instead of at /token.',
  }),
});

/** The keys of `auth`. */
export const auth = z.strictObject({
  mode: key(oneOf('token', 'none'), 'token', {
    help: 'Who may do what: with `token` whoever logged in and was granted it, with `none` everybody everything.',
  }),
  allowOpen: key(flag(), false, { help: 'Permits `auth.mode: none` on an address beyond loopback.' }),
  service: key(shaped('letters, digits, dots, dashes and underscores', isServiceName), 'stackyard', {
    help: 'What tokens are for and from. Registries that share users and keys must not share this name.',
  }),
  tokenMaxAge: key(duration('60s', '1h'), '5m', {
    help: 'How long a bearer token is good for; clients fetch another by themselves.',
  }),
  refreshMaxAge: key(duration('1h'), '90d', {
    help: 'How long a client that was logged in by password stays so; `docker login` keeps a refresh token then.',
  }),
  anonymousPull: key(list(repositoryPattern()), [], {
    help: 'Patterns of the repositories that everybody may pull from, without a login.',
  }),
  personalNamespaces: optionalKey(personalNamespace(), {
    help: 'The repositories in which a user may do everything, `{name}` standing for the user, such as `users/{name}/**`. Without it nobody has any of their own.',
  }),
  adminPassword: optionalKey(text(), {
    aliases: ['STACKYARD_ADMIN_PASSWORD'],
    secret: true,
    help: 'The password that the user `admin` gets at the first start. Without it one is made.',
  }),
  adminPasswordFile: key(text(), './stackyard-admin-password', {
    help: 'The file that a password made at the first start is written to, with mode 0600, where nobody watches a terminal.',
  }),
  logins,
  htpasswd,
  keystone,
  external,
});

function isServiceName(value: string): boolean {
  return /^[A-Za-z0-9._-]{1,100}$/.test(value);
}
