import type { repositoryOperations } from '../../api/repository-operations.js';
import { Digest } from '../../domain/digest.js';
import { parseReference, parseTag } from '../../domain/reference.js';
import { parseRepositoryName } from '../../domain/repository-name.js';
import { RegistryError } from '../../errors/registry-error.js';
import type { Handlers } from './handler.js';
import { pageRequest } from './paging.js';

export const repositoryHandlers: Handlers<keyof typeof repositoryOperations> = {
  listRepositories: {
    run: async ({ repositories }, { query, caller }) => {
      const { prefix } = query;
      const request = { ...pageRequest(query), ...(prefix !== undefined && { prefix }) };
      return repositories.list(request, await caller.pullable());
    },
  },
  getRepository: {
    run: ({ repositories }, { params }) => repositories.find(parseRepositoryName(params.repository)),
  },
  deleteRepository: {
    run: ({ repositories }, { params }) => repositories.remove(parseRepositoryName(params.repository)),
    audit: {
      action: 'repository.delete',
      facts: ({ params: { repository } }, gone) => ({
        repository,
        ...(gone && { detail: `${gone.manifests} manifests, ${gone.tags} tags` }),
      }),
    },
  },
  listTags: {
    run: ({ repositories }, { params, query, signal }) =>
      repositories.tags(parseRepositoryName(params.repository), pageRequest(query), signal),
  },
  getTag: {
    run: ({ repositories }, { params }) =>
      repositories.tag(parseRepositoryName(params.repository), parseTag(params.tag)),
  },
  setTag: {
    run: ({ repositories }, { params, body }) =>
      repositories.setTag(
        parseRepositoryName(params.repository),
        parseTag(params.tag),
        parseReference(body.reference),
      ),
    audit: {
      action: 'tag.set',
      facts: ({ params, body }, set) => ({
        repository: params.repository,
        reference: params.tag,
        ...(set && { digest: set.digest }),
        detail: `to ${body.reference}${set?.previous === undefined ? '' : `; was ${set.previous}`}`,
      }),
    },
  },
  deleteTag: {
    run: async ({ repositories }, { params }) => {
      await repositories.removeTag(parseRepositoryName(params.repository), parseTag(params.tag));
      return undefined;
    },
    audit: {
      action: 'tag.delete',
      facts: ({ params }) => ({ repository: params.repository, reference: params.tag }),
    },
  },
  listManifests: {
    run: ({ repositories }, { params, query }) =>
      repositories.manifests(parseRepositoryName(params.repository), pageRequest(query)),
  },
  getManifest: {
    run: ({ repositories }, { params, signal }) =>
      repositories.manifest(parseRepositoryName(params.repository), parseReference(params.reference), signal),
  },
  deleteManifest: {
    run: async ({ repositories }, { params }) => {
      await repositories.removeManifest(
        parseRepositoryName(params.repository),
        Digest.parse(params.reference),
      );
      return undefined;
    },
    audit: {
      action: 'manifest.delete',
      facts: ({ params }) => ({ repository: params.repository, digest: params.reference }),
    },
  },
  listReferrers: {
    run: ({ repositories }, { params, query }) =>
      repositories.referrers(
        parseRepositoryName(params.repository),
        Digest.parse(params.reference),
        pageRequest(query),
        query.artifactType,
      ),
  },
  copyImage: {
    run: async ({ repositories }, { params, body, caller }) => {
      const source = parseRepositoryName(body.from.repository);
      // Before anything is looked up: who may not see it cannot tell whether it is there.
      if (!(await caller.may('pull', source)))
        throw new RegistryError('DENIED', `you may not pull from ${source}; ask for a grant`);
      const { tag, referrers } = body;
      return repositories.copy({
        from: { repository: source, reference: parseReference(body.from.reference) },
        to: {
          repository: parseRepositoryName(params.repository),
          ...(tag !== undefined && { tag: parseTag(tag) }),
        },
        ...(referrers !== undefined && { referrers }),
      });
    },
    audit: {
      action: 'repository.copy',
      facts: ({ params, body: { from, tag } }, made) => ({
        repository: params.repository,
        ...(tag !== undefined && { reference: tag }),
        ...(made && { digest: made.digest }),
        detail: `from ${from.repository} ${from.reference}`,
      }),
    },
  },
  getRepositoryUsage: {
    run: ({ repositories }, { params, signal }) =>
      repositories.usage(parseRepositoryName(params.repository), signal),
  },
  getNamespaceUsage: {
    run: ({ repositories }, { query: { namespace = '' }, signal }) =>
      repositories.namespaceUsage(namespace, signal),
  },
  importArchive: {
    run: async (services, { params: { repository }, query: { tag }, archive, signal }) => {
      const { importer, readOnly, repositories } = services;
      const name = parseRepositoryName(repository);
      await repositories.requireChangeable(name);
      if (archive === undefined) throw new Error('an import is asked for without an archive');
      const report = await importer.import(name, archive, {
        ...(tag && { tags: tag.map(parseTag) }),
        ...(signal && { signal }),
        beforeCommit: () => readOnly.requireWritable(),
      });
      const images = report.images.map((image) => ({ ...image, digest: image.digest.toString() }));
      return { ...report, images, repository };
    },
    audit: {
      action: 'image.import',
      facts: ({ params: { repository } }, made) => ({
        repository,
        ...(made && { detail: made.images.map(imageText).join('; ') }),
      }),
    },
  },
  exportArchive: {
    run: async ({ exporter }, { params: { repository }, query: { reference } }) => {
      const references = reference.map(parseReference);
      const { size, body } = await exporter.export(parseRepositoryName(repository), references);
      return { contentType: 'application/x-tar', size, body };
    },
    audit: {
      action: 'image.export',
      facts: ({ params: { repository }, query: { reference } }) => ({
        repository,
        reference: reference.join(','),
      }),
    },
  },
};

function imageText({ digest, tags }: { readonly digest: string; readonly tags: readonly string[] }): string {
  return tags.length === 0 ? digest : `${tags.join(',')} ${digest}`;
}
