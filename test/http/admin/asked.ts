import type { OperationId } from '../../../src/api/operations.js';
import type { ProblemCode } from '../../../src/api/problem.js';
import { Digest } from '../../../src/domain/digest.js';
import { parseRepositoryName } from '../../../src/domain/repository-name.js';
import { bytesEntry, layoutOf, tarArchive } from '../../archive/archives.js';
import { digestOf } from '../client.js';
import { IMAGE, LAYER } from './admin-world.js';
import type { AdminWorld, Asked } from './admin-world.js';
import { EMPTY_JSON } from '../content.js';

type Asking = Asked | ((world: AdminWorld) => Asked | Promise<Asked>);

const APP = { repository: 'team/app' };
const GONE = { repository: 'team/gone' };
const NO_DIGEST = `sha256:${'0'.repeat(64)}`;
const ANY = { headers: { 'if-match': '*' } };
/** Bytes, more than the node of these tests takes. */
const TOO_LARGE = 3 * 1024 * 1024;
const NO_TOKEN = { id: 'a'.repeat(26) };

/** A request that each operation answers with success. */
export const ASKED: Readonly<Record<OperationId, Asking>> = {
  getApiDescription: {},
  whoAmI: {},
  getReadOnlyMode: {},
  setReadOnlyMode: { body: { readOnly: true, reason: 'maintenance' } },
  getLogLevel: {},
  setLogLevel: { body: { level: 'debug' } },
  listAuditEvents: { query: { limit: '10' } },
  exportAuditEvents: {},
  listUsers: { query: { limit: '1' } },
  createUser: { body: { name: 'bob', makePassword: true, groups: ['devs'] } },
  getUser: { params: { name: 'alice' } },
  updateUser: {
    params: { name: 'alice' },
    body: { groups: ['ops'], disabled: true, password: 'battery staple' },
    ...ANY,
  },
  deleteUser: { params: { name: 'alice' } },
  listRobots: {},
  createRobot: {
    body: { name: 'cd', grants: [{ repositories: 'team/**', actions: ['pull'] }], expiresIn: 60 },
  },
  getRobot: { params: { name: 'ci' } },
  updateRobot: { params: { name: 'ci' }, body: { disabled: true }, ...ANY },
  deleteRobot: { params: { name: 'ci' } },
  listGroups: {},
  addMember: { params: { group: 'ops', user: 'alice' } },
  removeMember: { params: { group: 'devs', user: 'alice' } },
  listGrants: { query: { grantee: 'user:alice' } },
  addGrant: { body: { grantee: 'group:devs', repositories: 'team/**', actions: ['push'] } },
  removeGrant: ({ grantId }) => ({ params: { grantee: 'user:alice', id: grantId } }),
  explainAccess: { query: { who: 'alice', repository: 'team/app', action: 'pull' } },
  listTokens: { query: { owner: 'ci' } },
  createToken: {
    body: { owner: 'alice', limits: [{ repositories: 'team/app', actions: ['pull'] }], note: 'laptop' },
  },
  getToken: ({ robotToken }) => ({ params: { id: robotToken.id } }),
  rotateToken: ({ robotToken }) => ({ params: { id: robotToken.id }, body: { overlap: 60 } }),
  revokeToken: ({ robotToken }) => ({ params: { id: robotToken.id } }),
  listKeys: {},
  rotateKeys: { body: {} },
  listRepositories: { query: { prefix: 'team/' } },
  getRepository: { params: APP },
  deleteRepository: { params: APP },
  listTags: { params: APP },
  getTag: { params: { ...APP, tag: 'v1' } },
  setTag: { params: { ...APP, tag: 'v2' }, body: { reference: 'v1' } },
  deleteTag: { params: { ...APP, tag: 'v1' } },
  listManifests: { params: APP },
  getManifest: { params: { ...APP, reference: 'v1' } },
  deleteManifest: { params: { ...APP, reference: IMAGE.digest } },
  listReferrers: { params: { ...APP, reference: IMAGE.digest } },
  copyImage: { params: { repository: 'team/copy' }, body: { from: { ...APP, reference: 'v1' }, tag: 'v1' } },
  getRepositoryUsage: { params: APP },
  getNamespaceUsage: { query: { namespace: 'team' } },
  importArchive: async () => ({ params: { repository: 'team/imported' }, archive: await archive() }),
  exportArchive: { params: APP, query: { reference: ['v1'] } },
  getMirror: {},
  warmMirror: { body: { image: 'hub.test/library/app:1', platforms: ['linux/amd64'] } },
  purgeMirror: { body: { upstream: 'hub.test' } },
};

/** Requests that are refused for what the store holds. */
export const REFUSED: Readonly<Partial<Record<OperationId, Readonly<Partial<Record<ProblemCode, Asking>>>>>> =
  {
    createUser: { exists: { body: { name: 'alice' } } },
    getUser: { absent: { params: { name: 'carol' } } },
    updateUser: { absent: { params: { name: 'ci' }, body: {}, ...ANY } },
    deleteUser: { absent: { params: { name: 'carol' } } },
    createRobot: { exists: { body: { name: 'ci' } } },
    getRobot: { absent: { params: { name: 'alice' } } },
    updateRobot: { absent: { params: { name: 'carol' }, body: {}, ...ANY } },
    deleteRobot: { absent: { params: { name: 'carol' } } },
    addMember: { absent: { params: { group: 'devs', user: 'carol' } } },
    removeMember: { absent: { params: { group: 'devs', user: 'carol' } } },
    addGrant: { absent: { body: { grantee: 'robot:cd', repositories: '**', actions: ['pull'] } } },
    removeGrant: { absent: { params: { grantee: 'user:alice', id: 'b'.repeat(32) } } },
    explainAccess: { absent: { query: { who: 'robot:cd', repository: 'team/app', action: 'pull' } } },
    listTokens: { absent: { query: { owner: 'carol' } } },
    createToken: { absent: { body: { owner: 'carol' } } },
    getToken: { absent: { params: NO_TOKEN } },
    rotateToken: {
      absent: { params: NO_TOKEN, body: {} },
      conflict: async ({ robotToken, administration }) => {
        await administration.tokens.rotate(robotToken.id, 60_000);
        return { params: { id: robotToken.id }, body: {} };
      },
    },
    revokeToken: { absent: { params: NO_TOKEN } },
    getRepository: { absent: { params: GONE } },
    deleteRepository: { absent: { params: GONE } },
    listTags: { absent: { params: GONE } },
    getTag: { absent: { params: { ...APP, tag: 'v9' } } },
    setTag: {
      absent: { params: { ...APP, tag: 'v2' }, body: { reference: NO_DIGEST } },
      conflict: async (world) => {
        await withoutLayer(world);
        return { params: { ...APP, tag: 'v2' }, body: { reference: 'v1' } };
      },
    },
    deleteTag: { absent: { params: { ...APP, tag: 'v9' } } },
    listManifests: { absent: { params: GONE } },
    getManifest: { absent: { params: { ...APP, reference: 'v9' } } },
    deleteManifest: { absent: { params: { ...APP, reference: NO_DIGEST } } },
    copyImage: {
      absent: { params: { repository: 'team/copy' }, body: { from: { ...APP, reference: 'v9' } } },
      conflict: async (world) => {
        await withoutLayer(world);
        return { params: { repository: 'team/copy' }, body: { from: { ...APP, reference: 'v1' } } };
      },
    },
    getRepositoryUsage: { absent: { params: GONE } },
    importArchive: {
      'invalid-archive': { params: APP, archive: Buffer.from('no archive') },
      'too-large': async () => ({ params: APP, archive: await archive(Buffer.alloc(TOO_LARGE)) }),
    },
    exportArchive: { absent: { params: APP, query: { reference: ['v9'] } } },
    warmMirror: { absent: { body: { image: 'hub.test/library/app:9' } } },
  };

export async function askedOf(asking: Asking, world: AdminWorld): Promise<Asked> {
  return typeof asking === 'function' ? asking(world) : asking;
}

async function withoutLayer({ bench }: AdminWorld): Promise<void> {
  await bench.node.registry.blobs.delete(parseRepositoryName('team/app'), Digest.parse(digestOf(LAYER)));
}

/** An OCI layout of the image. */
async function archive(...more: readonly Buffer[]): Promise<Buffer> {
  const blobs = [LAYER, EMPTY_JSON, ...more].map(bytesEntry);
  return tarArchive(layoutOf([[IMAGE, { 'org.opencontainers.image.ref.name': 'v1' }]], blobs));
}
