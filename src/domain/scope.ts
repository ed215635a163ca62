import { InvalidValue } from './invalid-value.js';
import { parseRepositoryName } from './repository-name.js';
import type { RepositoryName } from './repository-name.js';

export const ACTIONS = ['pull', 'push', 'delete'] as const;

export type Action = (typeof ACTIONS)[number];

/** What a request needs to be allowed (distribution's token scope grammar: type, name, actions). */
export type Scope =
  | { readonly type: 'repository'; readonly name: RepositoryName; readonly actions: readonly Action[] }
  | { readonly type: 'registry'; readonly name: 'catalog'; readonly actions: readonly ['*'] };

/**
 * The scopes of a token request, each text one or several joined by spaces. What is unknown is left out, for it could
 * not be granted: other types, other actions, names that no repository can have (distribution's token scope grammar,
 * `type[(class)]:name:action,action`).
 */
export function parseScopes(texts: readonly string[]): Scope[] {
  return texts
    .flatMap((text) => text.split(' '))
    .filter((text) => text !== '')
    .flatMap((text) => parseScope(text) ?? []);
}

export function scopeText({ type, name, actions }: Scope): string {
  return `${type}:${name}:${actions.join(',')}`;
}

/** `*` stands for every action. @throws InvalidValue */
export function parseActions(text: string): readonly Action[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => name !== '*' && !isAction(name));
  if (unknown !== undefined) {
    throw new InvalidValue(
      'action',
      `'${unknown}' is no action: give pull, push, delete or *, with commas between`,
    );
  }
  return actionsIn(names);
}

function parseScope(text: string): Scope | undefined {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first < 0 || last === first) return undefined;
  const type = withoutClass(text.slice(0, first));
  const name = text.slice(first + 1, last);
  const actions = text.slice(last + 1).split(',');
  if (type === 'registry') {
    return name === 'catalog' && actions.includes('*') ? { type, name, actions: ['*'] } : undefined;
  }
  return type === 'repository' ? repositoryScope(name, actionsIn(actions)) : undefined;
}

function withoutClass(type: string): string {
  const at = type.indexOf('(');
  return at < 0 || !type.endsWith(')') ? type : type.slice(0, at);
}

function repositoryScope(text: string, actions: readonly Action[]): Scope | undefined {
  try {
    return { type: 'repository', name: parseRepositoryName(text), actions };
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}

function actionsIn(names: readonly string[]): readonly Action[] {
  return names.includes('*') ? ACTIONS : ACTIONS.filter((action) => names.includes(action));
}

function isAction(text: string): text is Action {
  return (ACTIONS as readonly string[]).includes(text);
}
