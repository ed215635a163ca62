import assert from 'node:assert/strict';
import { ApiProblem, type AdminConnection, type Given } from '../../src/api/admin-connection.js';
import type { OperationId, OperationResult } from '../../src/api/operations.js';
import { told, type Told } from './test-context.js';

type Status = OperationResult<'getMirror'>;
type WarmUp = OperationResult<'warmMirror'>;

const AT = '2026-01-05T09:00:00.000Z';
const NO_FAILURES = { absent: 0, denied: 0, limited: 0, unavailable: 0, refused: 0, dishonest: 0 };
const QUIET: Status['upstreams'][number] = {
  name: 'quay.io',
  url: 'https://quay.io/',
  namespaces: ['quay.io'],
  state: 'up',
  hits: { manifests: 0, blobs: 0 },
  misses: { manifests: 0, blobs: 0 },
  fetched: { manifests: 0, blobs: 0 },
  bytesSaved: 0,
  bytesReceived: 0,
  stale: 0,
  failures: NO_FAILURES,
};
const STATUS: Status = {
  upstreams: [
    {
      ...QUIET,
      name: 'docker.io',
      state: 'limited',
      since: AT,
      until: '2026-01-05T09:05:00.000Z',
      reason: 'docker.io wants fewer requests',
      hits: { manifests: 3, blobs: 4 },
      misses: { manifests: 1, blobs: 1 },
      bytesSaved: 3 * 1024 * 1024,
      bytesReceived: 1024,
      stale: 2,
      failures: { ...NO_FAILURES, absent: 1, limited: 5 },
    },
    QUIET,
  ],
  root: { on: true, upstream: 'docker.io' },
  keep: 30 * 24 * 3600,
  warm: {
    every: 3600,
    platforms: ['linux/amd64'],
    images: [
      { image: 'docker.io/library/node:20', last: { at: AT, outcome: 'ok', digest: 'sha256:00' } },
      { image: 'quay.io/a:1', last: { at: AT, outcome: 'failed', reason: 'away\u001b[2J' } },
      { image: 'quay.io/b:1' },
    ],
  },
};
const REPORT: WarmUp['report'] = {
  image: 'docker.io/library/node:20',
  digest: 'sha256:00',
  manifests: 2,
  blobs: 5,
  bytes: 2048,
  fetched: 4,
  alreadyStored: 1,
};

/** Runs a line upon an API that answers as it is told. */
async function run(
  line: string,
  answer: (id: OperationId, given: Given<OperationId> | undefined) => unknown,
): Promise<Told & { readonly shown: readonly string[] }> {
  const shown: string[] = [];
  const unused = (): never => assert.fail('not asked for');
  const api: AdminConnection = {
    name: 'test',
    call: async (id, given) => ({ value: (await answer(id, given)) as never }),
    upload: unused,
    download: unused,
    close: async () => undefined,
  };
  const given = { openAdmin: async () => api, progress: (text: string) => shown.push(text) };
  return { ...(await told(`mirror ${line} --server http://localhost`.split(' '), given)), shown };
}

describe('cli/mirror', () => {
  it('shows upstreams, settings and warm-ups, and nothing that steers the terminal', async () => {
    const { out, code } = await run('status', () => STATUS);
    assert.equal(code, 0);
    assert.deepEqual(out.split('\n'), [
      'upstream   state    since                 hits  misses  saved  received  stale  failures',
      'docker.io  limited  2026-01-05T09:00:00Z  7     2       3 MiB  1 KiB     2      absent 1, limited 5',
      'quay.io    up       not asked yet         0     0       0 B    0 B       0      none',
      '',
      'docker.io  docker.io wants fewer requests (not asked until 2026-01-05T09:05:00Z)',
      '',
      'root mirror    on, serves docker.io',
      'unused images  stay for 30d',
      'warm-up        every 1h',
      '',
      'image                      last warm-up          result',
      'docker.io/library/node:20  2026-01-05T09:00:00Z  sha256:00',
      'quay.io/a:1                2026-01-05T09:00:00Z  failed: away?[2J',
      'quay.io/b:1                never',
      '',
    ]);
    const { out: json } = await run('status --json', () => STATUS);
    assert.deepEqual(JSON.parse(json), STATUS);
  });

  it('says how to configure an upstream where there is none', async () => {
    const { out } = await run('status', () => ({ ...STATUS, upstreams: [] }));
    assert.match(out, /^no upstream is configured: .*mirror\.upstreams.*docs\/mirror\.md\n$/);
  });

  it('asks until a warm-up is done, and shows how far it is', async () => {
    const states: WarmUp[] = [
      { state: 'running', began: true, takenBytes: 0 },
      { state: 'running', began: false, takenBytes: 1024, totalBytes: 2048 },
      { state: 'done', began: false, report: REPORT },
    ];
    const bodies: unknown[] = [];
    const { out, code, shown } = await run('warm docker.io/node:20 --platform linux/amd64', (_, given) => {
      bodies.push(given?.body);
      return states.shift();
    });
    assert.equal(code, 0);
    assert.deepEqual(bodies, Array(3).fill({ image: 'docker.io/node:20', platforms: ['linux/amd64'] }));
    assert.deepEqual(shown, [
      'taking docker.io/node:20: 0 B',
      'taking docker.io/node:20: 1 KiB of 2 KiB',
      '',
    ]);
    assert.match(
      out,
      /^docker\.io\/library\/node:20 {2}sha256:00 {2}2 manifests, 5 blobs \(2 KiB\), 4 taken now\n$/,
    );
  });

  it('takes the configured images, goes on after one that fails, and ends with a failure', async () => {
    const asked: string[] = [];
    const { out, err, code } = await run('warm --json', (id, given) => {
      if (id === 'getMirror') return STATUS;
      const { image } = given?.body as { image: string };
      asked.push(image);
      if (image === 'quay.io/a:1') throw new ApiProblem('unavailable', 'quay.io is away');
      return { state: 'done', began: true, report: REPORT };
    });
    assert.deepEqual(
      asked,
      STATUS.warm.images.map(({ image }) => image),
    );
    assert.deepEqual(JSON.parse(out), {
      reports: [REPORT, REPORT],
      failed: [{ image: 'quay.io/a:1', reason: 'quay.io is away' }],
    });
    assert.deepEqual([err, code], ['stackyard: quay.io/a:1: quay.io is away\n', 1]);
  });

  it('ends at once with what the next image would meet as well', async () => {
    let asked = 0;
    const { code } = await run('warm quay.io/a quay.io/b', () => {
      asked += 1;
      throw new ApiProblem('login-required', 'log in');
    });
    assert.deepEqual([asked, code], [1, 6]);
  });

  it('tells what a purge left and why', async () => {
    const report = { repositories: 1, manifests: 2, tags: 1, blobs: 0, dryRun: false };
    const failed = { count: 1, reason: 'busy' };
    const given: unknown[] = [];
    const { out, err, code } = await run('purge --unused 30d --upstream quay.io', (_, { body } = {}) => {
      given.push(body);
      return { ...report, failed };
    });
    assert.deepEqual(given, [{ upstream: 'quay.io', unused: 30 * 24 * 3600 }]);
    assert.deepEqual(
      [out, err, code],
      [
        'removed 2 manifests, 1 tag and 0 blobs of 1 repository\n',
        'stackyard: not all could be removed (1): busy\n',
        1,
      ],
    );
  });
});
