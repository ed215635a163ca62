import type { RepositoryName } from './repository-name.js';

/** Holds no dot at its begin, so that it is never a relative path. */
const PLAIN_COMPONENT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A name as one component of a key: names from elsewhere may hold anything. */
export function componentOf(name: string): string {
  return PLAIN_COMPONENT.test(name) ? name : `~${Buffer.from(name).toString('base64url')}`;
}

/** The name that `componentOf` made the component of. */
export function nameOfComponent(component: string): string {
  return component.startsWith('~') ? Buffer.from(component.slice(1), 'base64url').toString() : component;
}

/** `/` becomes `!`, which sorts below every other character of a name: distribution's catalog order. */
export function flatName(name: RepositoryName): string {
  return name.replaceAll('/', '!');
}

export function unflatName(flat: string): string {
  return flat.replaceAll('!', '/');
}
