import type { mirrorOperations } from '../../api/mirror-operations.js';
import type { OperationInput } from '../../api/operations.js';
import { RepositoryPattern } from '../../domain/repository-pattern.js';
import type { Handlers } from './handler.js';

export const mirrorHandlers: Handlers<keyof typeof mirrorOperations> = {
  getMirror: { run: async ({ mirror }) => mirror.status() },
  warmMirror: {
    run: ({ mirror }, { body: { image, platforms } }) => mirror.warm(image, platforms),
    audit: {
      action: 'mirror.warm',
      // Who joins one that runs does nothing new.
      facts: ({ body: { image, platforms } }, warmUp) =>
        warmUp?.began === false
          ? undefined
          : { target: image, ...(platforms && { detail: platforms.join(', ') }) },
    },
  },
  purgeMirror: {
    run: ({ mirror }, { body, signal }) => {
      const { upstream, repository, unused, dryRun } = body;
      return mirror.purge(
        {
          ...(upstream !== undefined && { upstream }),
          ...(repository !== undefined && { repository: RepositoryPattern.parse(repository) }),
          ...(unused !== undefined && { unused: unused * 1000 }),
          ...(dryRun !== undefined && { dryRun }),
        },
        signal,
      );
    },
    audit: {
      action: 'mirror.purge',
      facts: ({ body }, gone) =>
        body.dryRun === true
          ? undefined
          : {
              target: wishText(body),
              ...(gone && {
                detail: `${gone.repositories} repositories, ${gone.manifests} manifests, ${gone.tags} tags`,
              }),
            },
    },
  },
};

function wishText({ upstream, repository, unused }: OperationInput<'purgeMirror'>['body']): string {
  const parts = [upstream, repository, unused === undefined ? undefined : `unused for ${unused} s`];
  return parts.filter((part) => part !== undefined).join(', ');
}
