import assert from 'node:assert/strict';
import type { OperationResult } from '../../../src/api/operations.js';
import type { ProblemBody } from '../../../src/api/problem.js';
import { mirrorUpstreamKey } from '../../../src/domain/keys.js';
import { parseRepositoryName } from '../../../src/domain/repository-name.js';
import { onStore } from '../../support/in-process.js';
import { AdminWorld } from './admin-world.js';
import { ASKED, askedOf } from './asked.js';

const APP = 'mirror/hub.test/library/app';
const IMAGE = { body: { image: 'hub.test/library/app:1' } };

describe('the mirror in the admin API', () => {
  onStore(
    'memory',
    (bench) => {
      beforeEach(() => bench().node.driver.put(mirrorUpstreamKey('hub.test'), new Uint8Array()));

      it('shows the upstreams with what was counted, and no more of them', async () => {
        const { root } = await AdminWorld.make(bench());
        for (let count = 0; count < 2; count += 1) await root.value('warmMirror', IMAGE);
        const { upstreams, ...rest } = await root.value<OperationResult<'getMirror'>>('getMirror');
        const failures = { absent: 0, denied: 0, limited: 0, unavailable: 0, refused: 0, dishonest: 0 };
        assert.deepEqual(upstreams, [
          {
            name: 'hub.test',
            url: 'https://hub.test/',
            namespaces: ['hub.test'],
            state: 'up',
            hits: { manifests: 0, blobs: 2 },
            misses: { manifests: 0, blobs: 2 },
            fetched: { manifests: 0, blobs: 2 },
            bytesSaved: 5002,
            bytesReceived: 0,
            stale: 0,
            failures,
          },
        ]);
        const warm = { every: 0, platforms: ['linux/amd64'], images: [] };
        assert.deepEqual(rest, { root: { on: false }, keep: 0, warm });
      });

      it('warms up, and purges what it took', async () => {
        const { root } = await AdminWorld.make(bench());
        const warmed = await root.value<OperationResult<'warmMirror'>>('warmMirror', IMAGE);
        assert.deepEqual([warmed.state, warmed.began, warmed.report?.fetched], ['done', true, 2]);
        const { items } = await root.value<OperationResult<'listRepositories'>>('listRepositories');
        assert.deepEqual(items, [{ name: APP }, { name: 'team/app' }]);
        const asked = { body: { repository: 'mirror/hub.test/**' } };
        const purged = await root.value<OperationResult<'purgeMirror'>>('purgeMirror', asked);
        assert.deepEqual(purged, { repositories: 1, manifests: 1, tags: 1, blobs: 2, dryRun: false });
      });

      it('changes nothing that is taken from an upstream, whoever asks', async () => {
        const world = await AdminWorld.make(bench());
        const { root } = world;
        await root.value('warmMirror', IMAGE);
        const from = { repository: 'team/app', reference: 'v1' };
        const given = {
          setTag: { params: { repository: APP, tag: '2' }, body: { reference: '1' } },
          copyImage: { params: { repository: 'mirror/hub.test/app' }, body: { from, tag: '1' } },
          importArchive: { ...(await askedOf(ASKED.importArchive, world)), params: { repository: APP } },
          deleteTag: { params: { repository: APP, tag: '1' } },
          deleteRepository: { params: { repository: APP } },
        };
        for (const id of ['setTag', 'copyImage', 'importArchive', 'deleteTag', 'deleteRepository'] as const) {
          const { detail } = (await root.ask(id, given[id])).expect(403).json() as ProblemBody;
          assert.match(detail, /^mirror\/\S+ is taken from its upstream: /, id);
        }
        assert.deepEqual(await bench().node.registry.tags.list(parseRepositoryName(APP)), ['1']);
        const own = { params: { repository: 'mirror/own/app' }, body: { from, tag: '1' } };
        (await root.ask('copyImage', own)).expect(201);
      });

      it('refuses what it cannot understand, and what it must not do now', async () => {
        const { root } = await AdminWorld.make(bench());
        const bad = [
          { image: 'elsewhere.test/app' },
          { image: 'hub.test/library/app:1', platforms: ['linux'] },
          { image: 'hub.test/library/app:1', platforms: [] },
        ];
        for (const body of bad) (await root.ask('warmMirror', { body })).expect(400);
        for (const body of [{}, { repository: 'A/**' }, { upstream: 'a/b' }, { unused: -1 }])
          (await root.ask('purgeMirror', { body })).expect(400);
        await root.ask('setReadOnlyMode', { body: { readOnly: true } });
        (await root.ask('warmMirror', IMAGE)).expect(403);
        (await root.ask('purgeMirror', { body: { upstream: 'hub.test' } })).expect(403);
        (await root.ask('purgeMirror', { body: { upstream: 'hub.test', dryRun: true } })).expect(200);
      });
    },
    { logins: {}, admin: {} },
  );
});
