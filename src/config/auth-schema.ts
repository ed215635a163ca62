import { z } from 'zod';
import { key, optionalKey } from './key-facts.js';
import { duration, flag, integer, list, oneOf, shaped, text } from './kinds.js';
import { personalNamespace, repositoryPattern } from './shapes.js';

const logins = z.strictObject({
  failures: key(integer(1), 20, {
    help: 'How many failed logins an account, or an address, may have within `auth.logins.window`; more are answered 429. Who logged in there lately has a count of their own.',
  }),
  window: key(duration('1s'), '5m', { help: 'The time in which failed logins are counted.' }),
});

/** The keys of `auth`. */
export const auth = z.strictObject({
  mode: key(oneOf('token', 'none'), 'none', {
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
});

function isServiceName(value: string): boolean {
  return /^[A-Za-z0-9._-]{1,100}$/.test(value);
}
