import type { RepositoryName } from './repository-name.js';

export type Action = 'pull' | 'push' | 'delete';

/** What a request needs to be allowed (distribution's token scope grammar: type, name, actions). */
export type Scope =
  | { readonly type: 'repository'; readonly name: RepositoryName; readonly actions: readonly Action[] }
  | { readonly type: 'registry'; readonly name: 'catalog'; readonly actions: readonly ['*'] };
