import { InvalidArgumentError, Option } from 'commander';
import { InvalidValue, RepositoryPattern, parseGrant, type Grant } from '../composition/admin-arguments.js';
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

/** `pattern:actions`. @throws InvalidValue */
export function parseGrantText(text: string): Grant {
  const colon = text.lastIndexOf(':');
  if (colon < 0)
    throw new InvalidValue('pattern', `'${text}' is no PATTERN:ACTIONS, such as team/**:pull,push`);
  return parseGrant({ repositories: text.slice(0, colon), actions: text.slice(colon + 1) });
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
