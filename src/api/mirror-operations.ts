import { z } from 'zod';
import { operation } from './operation.js';
import { bytes, count, digest, named, seconds, time } from './shapes.js';

const byObject = () => z.object({ manifests: count(), blobs: count() });

const upstream = named(
  'MirrorUpstream',
  z.object({
    name: z.string().describe('What is taken from it lies in `mirror/<name>/…`.'),
    url: z.string(),
    namespaces: z.array(z.string()).describe('What clients call it in `?ns=`.'),
    state: z
      .enum(['up', 'down', 'limited'])
      .describe('As the process that answers knows it; `limited` wants fewer requests.'),
    since: time().optional().describe('Absent before it was asked for the first time.'),
    until: time().optional().describe('Until when it is not asked.'),
    reason: z.string().optional().describe('The last failure.'),
    hits: byObject().describe('What was asked for and served from the store, since the server started.'),
    misses: byObject(),
    fetched: byObject().describe('What was taken whole, verified and stored.'),
    bytesSaved: bytes().describe('Bytes of the hits.'),
    bytesReceived: bytes().describe('Bytes that came from it.'),
    stale: count().describe('Tags that were answered as they were known.'),
    failures: z.object({
      absent: count(),
      denied: count(),
      limited: count(),
      unavailable: count(),
      refused: count(),
      dishonest: count(),
    }),
  }),
);

const warmUpOutcome = named(
  'WarmUpOutcome',
  z.object({
    at: time(),
    outcome: z.enum(['ok', 'failed']),
    digest: digest().optional(),
    reason: z.string().optional().describe('Why it failed.'),
  }),
);

const status = named(
  'MirrorStatus',
  z.object({
    upstreams: z.array(upstream).describe('In the order of the configuration.'),
    root: z.object({
      on: z.boolean(),
      upstream: z.string().optional().describe('That the root mirror serves.'),
    }),
    keep: seconds().describe('Seconds that what is not asked for stays; 0 for ever.'),
    warm: z.object({
      every: seconds().describe('Seconds between scheduled warm-ups; 0 for none.'),
      platforms: z.array(z.string()),
      images: z.array(z.object({ image: z.string(), last: warmUpOutcome.optional() })),
    }),
  }),
);

const warmUp = named(
  'WarmUp',
  z.object({
    state: z.enum(['running', 'done']).describe('Of one that runs ask again: the same request joins it.'),
    began: z.boolean().describe('Whether this request began it.'),
    takenBytes: bytes().optional(),
    totalBytes: bytes().optional().describe('Known once all manifests are.'),
    report: z
      .object({
        image: z.string(),
        digest: digest(),
        manifests: count(),
        blobs: count(),
        bytes: bytes(),
        fetched: count().describe('Blobs that were taken now.'),
        alreadyStored: count().describe('Blobs that were there.'),
      })
      .optional(),
  }),
);

const purged = named(
  'MirrorPurgeReport',
  z.object({
    repositories: count().describe('Of which anything was removed.'),
    manifests: count(),
    tags: count(),
    blobs: count(),
    dryRun: z.boolean(),
    reason: z.string().optional().describe('Why nothing was removed though that was asked for.'),
    failed: z.object({ count: count(), reason: z.string() }).optional().describe('What stayed, and why.'),
  }),
);

export const mirrorOperations = {
  getMirror: operation({
    method: 'GET',
    path: '/mirror',
    summary: 'The upstreams of the mirror, how they are, and what was asked of them',
    access: 'admin',
    result: status,
  }),
  warmMirror: operation({
    method: 'POST',
    path: '/mirror/warm',
    summary: 'Takes an image from its upstream before anybody asks for it; answers after 20 seconds at most',
    access: 'admin',
    problems: ['absent'],
    body: named(
      'WarmUpWish',
      z.strictObject({
        image: z
          .string()
          .max(600)
          .describe(
            'Such as `docker.io/library/node:20`: the name of an upstream, or one of its namespaces, first.',
          ),
        platforms: z
          .array(z.string().max(100))
          .min(1)
          .max(20)
          .optional()
          .describe('Such as `linux/arm64`; without it those of `mirror.warm.platforms`.'),
      }),
    ),
    result: warmUp,
  }),
  purgeMirror: operation({
    method: 'POST',
    path: '/mirror/purge',
    summary: 'Removes what was taken from upstreams; without `unused` an upstream or a repository is needed',
    access: 'admin',
    body: named(
      'MirrorPurgeWish',
      z.strictObject({
        upstream: z.string().max(255).optional().describe('The name of one.'),
        repository: z
          .string()
          .max(255)
          .optional()
          .describe(
            'A pattern of repositories as they are called here, such as `mirror/docker.io/library/*`.',
          ),
        unused: seconds()
          .optional()
          .describe('Only what was not asked for during so many seconds, known to the day.'),
        dryRun: z.boolean().optional().describe('Only tells what would be removed.'),
      }),
    ),
    result: purged,
  }),
};
