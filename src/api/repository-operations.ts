import { z } from 'zod';
import { manifest, referrer, revision } from './image-shapes.js';
import { operation } from './operation.js';
import {
  bytes,
  count,
  digest,
  named,
  pageOf,
  paging,
  reference,
  repositoryName,
  tagName,
  time,
} from './shapes.js';

const repository = named('Repository', z.object({ name: repositoryName() }));
const repositoryDetail = named('RepositoryDetail', z.object({ name: repositoryName(), tags: count() }));

const tag = named(
  'Tag',
  z.object({
    name: tagName(),
    digest: digest(),
    mediaType: z.string().optional().describe('Absent where the manifest cannot be read.'),
    size: bytes().optional().describe('Bytes of the manifest and all it refers to.'),
    updatedAt: time(),
    immutable: z.boolean().describe('Can be neither moved nor deleted.'),
  }),
);

const usageFields = { manifests: count(), blobs: count(), bytes: bytes().describe('Bytes, each blob once.') };
const usage = named('Usage', z.object({ repository: repositoryName(), ...usageFields }));
const namespaceUsage = named(
  'NamespaceUsage',
  z.object({
    namespace: z.string(),
    repositories: count(),
    ...usageFields,
    apparentBytes: bytes().describe('Bytes, each repository counted by itself.'),
    complete: z.boolean().describe('False where there were too many blobs to count each once.'),
  }),
);

const importReport = named(
  'ImportReport',
  z.object({
    repository: repositoryName(),
    images: z.array(z.object({ digest: digest(), mediaType: z.string(), tags: z.array(z.string()) })),
    bytes: bytes().describe('Bytes of the archive, decompressed.'),
    blobs: z.object({ added: count(), known: count() }),
  }),
);

const inRepository = z.strictObject({ repository: repositoryName() });
const byTag = inRepository.extend({ tag: tagName() });
const byReference = inRepository.extend({ reference: reference() });
const byDigest = inRepository.extend({ reference: digest() });

/** One or several of a query. */
const several = (item: z.ZodString) =>
  z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(item).min(1).max(100));

export const repositoryOperations = {
  listRepositories: operation({
    method: 'GET',
    path: '/repositories',
    summary: 'The repositories that the caller may pull from, in the order of the catalog',
    access: 'known',
    query: z.strictObject({
      prefix: z.string().max(255).optional().describe('Only those whose names begin so.'),
      ...paging,
    }),
    result: pageOf('RepositoryPage', repository),
  }),
  getRepository: operation({
    method: 'GET',
    path: '/repositories/{repository}',
    summary: 'A repository',
    access: ['pull'],
    problems: ['absent'],
    params: inRepository,
    result: repositoryDetail,
  }),
  deleteRepository: operation({
    method: 'DELETE',
    path: '/repositories/{repository}',
    summary: 'Removes a repository with all its manifests and tags',
    access: ['delete'],
    problems: ['absent'],
    params: inRepository,
    result: named('RemovedRepository', z.object({ manifests: count(), tags: count(), blobs: count() })),
  }),
  listTags: operation({
    method: 'GET',
    path: '/repositories/{repository}/tags',
    summary: 'The tags of a repository, by name',
    access: ['pull'],
    problems: ['absent'],
    params: inRepository,
    query: z.strictObject(paging),
    result: pageOf('TagPage', tag),
  }),
  getTag: operation({
    method: 'GET',
    path: '/repositories/{repository}/tags/{tag}',
    summary: 'A tag',
    access: ['pull'],
    problems: ['absent'],
    params: byTag,
    result: tag,
  }),
  setTag: operation({
    method: 'PUT',
    path: '/repositories/{repository}/tags/{tag}',
    summary: 'Points a tag to a manifest of the repository',
    access: ['pull', 'push'],
    problems: ['absent', 'conflict'],
    params: byTag,
    body: named('TagTarget', z.strictObject({ reference: reference() })),
    result: named('SetTag', z.object({ digest: digest(), previous: digest().optional() })),
  }),
  deleteTag: operation({
    method: 'DELETE',
    path: '/repositories/{repository}/tags/{tag}',
    summary: 'Removes a tag, not its manifest',
    access: ['delete'],
    problems: ['absent'],
    params: byTag,
  }),
  listManifests: operation({
    method: 'GET',
    path: '/repositories/{repository}/manifests',
    summary: 'The manifests of a repository, with and without tags',
    access: ['pull'],
    problems: ['absent'],
    params: inRepository,
    query: z.strictObject(paging),
    result: pageOf('RevisionPage', revision),
  }),
  getManifest: operation({
    method: 'GET',
    path: '/repositories/{repository}/manifests/{reference}',
    summary: 'A manifest with its configuration, history and sizes',
    access: ['pull'],
    problems: ['absent'],
    params: byReference,
    result: manifest,
  }),
  deleteManifest: operation({
    method: 'DELETE',
    path: '/repositories/{repository}/manifests/{reference}',
    summary: 'Removes a manifest and every tag that points to it',
    access: ['delete'],
    problems: ['absent'],
    params: byDigest,
  }),
  listReferrers: operation({
    method: 'GET',
    path: '/repositories/{repository}/manifests/{reference}/referrers',
    summary: 'The manifests that name this one as their subject',
    access: ['pull'],
    params: byDigest,
    query: z.strictObject({ artifactType: z.string().optional(), ...paging }),
    result: pageOf('ReferrerPage', referrer),
  }),
  copyImage: operation({
    method: 'POST',
    path: '/repositories/{repository}/copies',
    summary: 'Copies an image of another repository, from which the caller must be allowed to pull',
    access: ['pull', 'push'],
    problems: ['absent', 'conflict'],
    params: inRepository,
    body: named(
      'Copy',
      z.strictObject({
        from: z.strictObject({ repository: repositoryName(), reference: reference() }),
        tag: tagName().optional().describe('That the copy gets.'),
        referrers: z.boolean().optional().describe('Copies signatures and the like, too.'),
      }),
    ),
    status: 201,
    result: named('Copied', z.object({ digest: digest(), manifests: count(), blobs: count() })),
  }),
  getRepositoryUsage: operation({
    method: 'GET',
    path: '/repositories/{repository}/usage',
    summary: 'What a repository holds',
    access: ['pull'],
    problems: ['absent'],
    params: inRepository,
    result: usage,
  }),
  getNamespaceUsage: operation({
    method: 'GET',
    path: '/usage',
    summary: 'What the repositories below a namespace hold together; reads all their manifests',
    access: 'admin',
    query: z.strictObject({
      namespace: z.string().max(255).optional().describe('Such as `team`; without it all.'),
    }),
    result: namespaceUsage,
  }),
  importArchive: operation({
    method: 'POST',
    path: '/repositories/{repository}/import',
    summary: 'Takes the images of a `docker save` or OCI-layout archive, plain, gzip or zstd',
    access: ['pull', 'push'],
    params: inRepository,
    query: z.strictObject({
      tag: several(z.string()).optional().describe('Instead of those that the archive names; for one image.'),
    }),
    upload: true,
    status: 201,
    result: importReport,
  }),
  exportArchive: operation({
    method: 'GET',
    path: '/repositories/{repository}/export',
    summary: 'An archive of images that is an OCI layout, and that `docker load` takes',
    access: ['pull'],
    problems: ['absent'],
    params: inRepository,
    query: z.strictObject({ reference: several(z.string()) }),
    download: 'application/x-tar',
  }),
};
