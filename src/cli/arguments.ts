import { InvalidArgumentError, Option } from 'commander';
import {
  AUDIT_ACTIONS,
  Digest,
  InvalidValue,
  RepositoryPattern,
  parseGrant,
  parsePlatform,
  parseReference,
  parseTag,
  type Action,
  type AuditAction,
  type Grant,
} from '../composition/admin-arguments.js';
import { parseDuration } from '../composition/process-config.js';
import { UsageError } from './exit.js';

/** The `--json` option of what commands print. */
export function jsonOption(): Option {
  return new Option('--json', 'print JSON').default(false);
}

/** Of an option or argument that may be repeated. */
export function collected<T>(parse: (text: string) => T): (text: string, before?: readonly T[]) => T[] {
  return (text, before = []) => [...before, parse(text)];
}

export function parseAge(text: string): number {
  const age = parseDuration(text);
  if (age === undefined) {
    throw new InvalidArgumentError('Give a whole number and ms, s, m, h or d, such as 8d.');
  }
  return age;
}

/** Of an access token. */
export function parseLifetime(text: string): number {
  const lifetime = parseAge(text);
  if (lifetime === 0) throw new InvalidArgumentError('It would be over at once.');
  return lifetime;
}

/** The API counts in seconds. */
export function wholeSeconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000);
}

export function parseCount(text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count === 0) throw new InvalidArgumentError('Give a whole number from 1 on.');
  return count;
}

/** @throws InvalidValue */
export function parseDigestText(text: string): string {
  return Digest.parse(text).toString();
}

/** A tag or digest. @throws InvalidValue */
export function parseReferenceText(text: string): string {
  parseReference(text);
  return text;
}

/** @throws InvalidValue */
export function parseTagText(text: string): string {
  return parseTag(text);
}

/** @throws UsageError */
export function parseAuditAction(text: string): AuditAction {
  const action = AUDIT_ACTIONS.find((known) => known === text);
  if (action === undefined)
    throw new UsageError(`there is no such action: give one of ${AUDIT_ACTIONS.join(', ')}`);
  return action;
}

/** As the API takes it. */
export function givenGrant({ repositories, actions }: Grant): {
  readonly repositories: string;
  readonly actions: Action[];
} {
  return { repositories: repositories.text, actions: [...actions] };
}

/** `pattern:actions`. @throws InvalidValue */
export function parseGrantText(text: string): Grant {
  const colon = text.lastIndexOf(':');
  if (colon < 0)
    throw new InvalidValue('pattern', `'${text}' is no PATTERN:ACTIONS, such as team/**:pull,push`);
  return parseGrant({ repositories: text.slice(0, colon), actions: text.slice(colon + 1) });
}

/** @throws InvalidValue */
export function parsePlatformText(text: string): string {
  parsePlatform(text);
  return text;
}

/** @throws InvalidValue */
export function parsePattern(text: string): RepositoryPattern {
  return RepositoryPattern.parse(text);
}

/** The id of an access token. A secret given by mistake is not repeated. @throws UsageError */
export function parseTokenId(text: string): string {
  if (/^[a-z0-9]{26}$/.test(text)) return text;
  throw new UsageError(
    text.startsWith('sy_')
      ? 'that is the secret of an access token: give its id alone, the part between sy_ and the next _'
      : 'that is no id of an access token: give the 26 letters and digits that token list shows',
  );
}
