import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { OPERATIONS } from '../../../src/api/operations.js';
import type { OperationId } from '../../../src/api/operations.js';
import type { Operation } from '../../../src/api/operation.js';
import type { ProblemBody } from '../../../src/api/problem.js';
import { onStore } from '../../support/in-process.js';
import { addUser, basic, bearer, grantOf, tokenFor } from '../access/logins.js';
import { AdminClient, AdminWorld } from './admin-world.js';
import { ASKED, askedOf } from './asked.js';

/** Who may do it; written by hand, not read from the operations. */
type Kind = 'everybody' | 'known' | 'admins' | 'pull' | 'push' | 'delete';

const KINDS: Readonly<Record<OperationId, Kind>> = {
  getApiDescription: 'everybody',
  whoAmI: 'known',
  getReadOnlyMode: 'admins',
  setReadOnlyMode: 'admins',
  getLogLevel: 'admins',
  setLogLevel: 'admins',
  listAuditEvents: 'admins',
  exportAuditEvents: 'admins',
  listUsers: 'admins',
  createUser: 'admins',
  getUser: 'admins',
  updateUser: 'admins',
  deleteUser: 'admins',
  listRobots: 'admins',
  createRobot: 'admins',
  getRobot: 'admins',
  updateRobot: 'admins',
  deleteRobot: 'admins',
  listGroups: 'admins',
  addMember: 'admins',
  removeMember: 'admins',
  listGrants: 'admins',
  addGrant: 'admins',
  removeGrant: 'admins',
  explainAccess: 'admins',
  listTokens: 'admins',
  createToken: 'admins',
  getToken: 'admins',
  rotateToken: 'admins',
  revokeToken: 'admins',
  listKeys: 'admins',
  rotateKeys: 'admins',
  listRepositories: 'known',
  getRepository: 'pull',
  deleteRepository: 'delete',
  listTags: 'pull',
  getTag: 'pull',
  setTag: 'push',
  deleteTag: 'delete',
  listManifests: 'pull',
  getManifest: 'pull',
  deleteManifest: 'delete',
  listReferrers: 'pull',
  copyImage: 'push',
  getRepositoryUsage: 'pull',
  getNamespaceUsage: 'admins',
  importArchive: 'push',
  exportArchive: 'pull',
  getMirror: 'admins',
  warmMirror: 'admins',
  purgeMirror: 'admins',
};

const CALLERS = [
  'anonymous',
  'wrong password',
  'unknown token',
  'revoked token',
  'expired token',
  'disabled user',
  'bearer token of the registry',
  'no grant',
  'pull',
  'push',
  'delete',
  'everything elsewhere',
  'robot that pushes',
  "admin's token, limited to pulling",
  'admin',
  "admin's token",
  "admin's token with the name",
] as const;

type Caller = (typeof CALLERS)[number];

/** 401, 403, or done. */
type Outcome = 401 | 403 | 'done';

const REFUSED: Readonly<Partial<Record<Caller, Outcome>>> = {
  anonymous: 401,
  'wrong password': 401,
  'unknown token': 401,
  'revoked token': 401,
  'expired token': 401,
  'disabled user': 401,
  'bearer token of the registry': 401,
};
const ADMINS: readonly Caller[] = ['admin', "admin's token", "admin's token with the name"];
const MAY: Readonly<Record<Kind, readonly Caller[]>> = {
  everybody: CALLERS,
  known: CALLERS.filter((caller) => REFUSED[caller] === undefined),
  admins: ADMINS,
  pull: ['pull', 'push', 'robot that pushes', "admin's token, limited to pulling", ...ADMINS],
  push: ['push', 'robot that pushes', ...ADMINS],
  delete: ['delete', ...ADMINS],
};

const MINUTE = 60_000;
const ALL = 'pull,push,delete';

async function callersOf({
  bench,
  administration,
}: AdminWorld): Promise<Readonly<Record<Caller, OutgoingHttpHeaders>>> {
  const { accounts, tokens } = administration;
  await addUser(administration, 'puller', ['team/**', 'pull']);
  await addUser(administration, 'pusher', ['team/**', 'pull,push']);
  await addUser(administration, 'deleter', ['team/**', 'delete']);
  await addUser(administration, 'elsewhere', ['other/**', ALL]);
  await addUser(administration, 'dismissed', ['**', ALL]);
  await accounts.update({ kind: 'user', name: 'dismissed' }, { disabled: true, admin: true });
  const robot = await accounts.createRobot('pushing', [grantOf('team/**', 'pull,push')], {});
  const limited = await tokens.create('root', { limits: [grantOf('team/**', 'pull')] });
  const whole = await tokens.create('root', {});
  const revoked = await tokens.create('root', {});
  await tokens.revoke(revoked.id);
  const expired = await tokens.create('root', { lifetime: MINUTE });
  bench.store.clock.advance(2 * MINUTE);
  return {
    anonymous: {},
    'wrong password': basic('root', 'wrong'),
    'unknown token': bearer(whole.secret.replace(whole.id, 'a'.repeat(26))),
    'revoked token': bearer(revoked.secret),
    'expired token': bearer(expired.secret),
    'disabled user': basic('dismissed'),
    'bearer token of the registry': bearer(await tokenFor(bench.node, 'root', 'repository:team/app:pull')),
    'no grant': basic('nobody'),
    pull: basic('puller'),
    push: basic('pusher'),
    delete: basic('deleter'),
    'everything elsewhere': basic('elsewhere'),
    'robot that pushes': bearer(robot.secret),
    "admin's token, limited to pulling": bearer(limited.secret),
    admin: basic('root'),
    "admin's token": bearer(whole.secret),
    "admin's token with the name": basic('root', whole.secret),
  };
}

describe('access to the admin API', () => {
  it('is decided for each operation by hand', () => {
    assert.deepEqual(Object.keys(KINDS).sort(), Object.keys(OPERATIONS).sort());
  });

  onStore(
    'memory',
    (bench) => {
      for (const [id, kind] of Object.entries(KINDS) as [OperationId, Kind][]) {
        it(`${id}: ${kind}`, async () => {
          const world = await AdminWorld.make(bench());
          const callers = await callersOf(world);
          const asked = await askedOf(ASKED[id], world);
          const { status } = OPERATIONS[id] as Operation;
          // Whoever may do it comes last, for it may be done only once: then it is there, or gone.
          for (const caller of CALLERS) {
            const answer = await new AdminClient(bench().node, callers[caller]).ask(id, asked);
            const outcome = MAY[kind].includes(caller) ? 'done' : (REFUSED[caller] ?? 403);
            const told = `${id} by ${caller}: ${answer.status} ${answer.body.toString().slice(0, 200)}`;
            if (outcome === 'done') assert.ok([status, 404, 409].includes(answer.status), told);
            else {
              assert.equal(answer.status, outcome, told);
              const isLogin = (answer.json() as ProblemBody).code === 'login-required';
              assert.equal(answer.headers['www-authenticate'] !== undefined, isLogin, told);
            }
          }
        });
      }

      it('tells whoever may not pull nothing of what there is', async () => {
        const world = await AdminWorld.make(bench());
        for (const repository of ['team/app', 'team/gone']) {
          const answer = await world.as('nobody').ask('getRepository', { params: { repository } });
          const { detail } = answer.expect(403).json() as ProblemBody;
          assert.equal(detail, `you may not pull in ${repository}; ask for a grant`);
        }
        const list = await world.as('nobody').value<{ items: unknown[] }>('listRepositories');
        assert.deepEqual(list.items, []);
      });

      it('lets nobody copy from where they may not pull', async () => {
        const world = await AdminWorld.make(bench());
        await addUser(world.administration, 'mallory', ['mine/**', ALL]);
        for (const repository of ['team/app', 'team/gone']) {
          const body = { from: { repository, reference: 'v1' }, tag: 'v1' };
          const answer = await world
            .as('mallory')
            .ask('copyImage', { params: { repository: 'mine/app' }, body });
          const { detail } = answer.expect(403).json() as ProblemBody;
          assert.equal(detail, `you may not pull from ${repository}; ask for a grant`);
        }
      });
    },
    { logins: {}, admin: {} },
  );
});
