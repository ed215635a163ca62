import assert from 'node:assert/strict';
import { AuditLog } from '../../../src/audit/audit-log.js';
import { OPERATIONS } from '../../../src/api/operations.js';
import type { OperationId } from '../../../src/api/operations.js';
import type { Operation } from '../../../src/api/operation.js';
import type { AuditEvent } from '../../../src/ports/audit.js';
import { StorageError } from '../../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../../src/ports/storage-driver.js';
import { eventsIn } from '../../audit/audit-world.js';
import { LogLines } from '../../composition/log-lines.js';
import { withFaults } from '../../registry/faulty.js';
import { onStore } from '../../support/in-process.js';
import type { Bench, NodeOptions } from '../../support/in-process.js';
import { basic, bearer } from '../access/logins.js';
import { AdminClient, AdminWorld, IMAGE } from './admin-world.js';
import { ASKED, askedOf } from './asked.js';

const OPTIONS: NodeOptions = { logins: {}, admin: {} };
const ID = '[0-9a-z]{20,}';

/** What is written down of the requests of asked.ts, by hand; a pattern where it holds what is made. */
type Written = Partial<Record<'repository' | 'reference' | 'digest' | 'target' | 'detail', string | RegExp>> &
  Pick<AuditEvent, 'action'>;

const APP = { repository: 'team/app' };
const { digest } = IMAGE;
const WRITTEN: Readonly<Partial<Record<OperationId, Written>>> = {
  setReadOnlyMode: { action: 'read-only.set', target: 'on', detail: 'maintenance' },
  setLogLevel: { action: 'log-level.set', target: 'debug' },
  createUser: { action: 'user.create', target: 'user:bob', detail: 'password; groups devs' },
  updateUser: { action: 'user.update', target: 'user:alice', detail: 'password; groups ops; disabled' },
  deleteUser: { action: 'user.delete', target: 'user:alice' },
  createRobot: {
    action: 'robot.create',
    target: 'robot:cd',
    detail: new RegExp(`^pull in team/\\*\\*; token ${ID}$`),
  },
  updateRobot: { action: 'robot.update', target: 'robot:ci', detail: 'disabled' },
  deleteRobot: { action: 'robot.delete', target: 'robot:ci' },
  addMember: { action: 'user.update', target: 'user:alice', detail: 'into the group ops' },
  removeMember: { action: 'user.update', target: 'user:alice', detail: 'out of the group devs' },
  addGrant: { action: 'grant.add', target: 'group:devs', detail: 'push in team/**' },
  removeGrant: { action: 'grant.remove', target: 'user:alice', detail: 'pull in team/**' },
  createToken: {
    action: 'token.create',
    target: new RegExp(`^${ID}$`),
    detail: 'of alice; only pull in team/app',
  },
  rotateToken: {
    action: 'token.rotate',
    target: new RegExp(`^${ID}$`),
    detail: new RegExp(`^of ci; replaced by ${ID}$`),
  },
  revokeToken: { action: 'token.revoke', target: new RegExp(`^${ID}$`) },
  rotateKeys: { action: 'key.rotate', target: /^.+$/, detail: /^removed / },
  deleteRepository: { action: 'repository.delete', ...APP, detail: '2 manifests, 1 tags' },
  setTag: { action: 'tag.set', ...APP, reference: 'v2', digest, detail: 'to v1' },
  deleteTag: { action: 'tag.delete', ...APP, reference: 'v1' },
  deleteManifest: { action: 'manifest.delete', ...APP, digest },
  copyImage: {
    action: 'repository.copy',
    repository: 'team/copy',
    reference: 'v1',
    digest,
    detail: 'from team/app v1',
  },
  importArchive: { action: 'image.import', repository: 'team/imported', detail: `v1 ${digest}` },
  exportArchive: { action: 'image.export', ...APP, reference: 'v1' },
  warmMirror: { action: 'mirror.warm', target: 'hub.test/library/app:1', detail: 'linux/amd64' },
  purgeMirror: {
    action: 'mirror.purge',
    target: 'hub.test',
    detail: '0 repositories, 0 manifests, 0 tags',
  },
};

const IDS = Object.keys(OPERATIONS) as OperationId[];

/** What a caller is told once. */
interface Told {
  readonly secret?: string;
  readonly password?: string;
}

describe('the audit trail of the admin API', () => {
  it('is written of each operation that changes something', () => {
    const changes = IDS.filter((id) => (OPERATIONS[id] as Operation).method !== 'GET');
    assert.deepEqual([...changes, 'exportArchive'].sort(), Object.keys(WRITTEN).sort());
  });

  onStore('memory', suite, OPTIONS);
});

function suite(bench: () => Bench): void {
  let trail: AuditLog;

  async function worldOf(
    driver: StorageDriver = bench().store.driver(),
    options: NodeOptions = OPTIONS,
  ): Promise<AdminWorld> {
    const { clock, ids } = bench().store;
    trail = new AuditLog({ driver, clock, ids, log: new LogLines() }, { strict: [] });
    return AdminWorld.make({ ...bench(), node: await bench().another({ ...options, audit: trail }) });
  }

  /** What `work` leaves. */
  async function eventsOf(work: () => Promise<unknown>): Promise<readonly AuditEvent[]> {
    const driver = bench().store.driver();
    await trail.close(); // writes what is noted
    const before = await eventsIn(driver);
    await work();
    await trail.close();
    return (await eventsIn(driver)).slice(before.length);
  }

  for (const id of IDS) {
    const written = WRITTEN[id];
    it(`holds ${written === undefined ? 'nothing' : written.action} of ${id}, and what was refused`, async () => {
      const world = await worldOf();
      const { node } = world.bench;
      const issued = await world.administration.tokens.create('root', {});
      bench().store.clock.advance(60_000);
      const asked = await askedOf(ASKED[id], world);
      const denied = await eventsOf(() => world.as('nobody').ask(id, asked));
      const refused = written !== undefined;
      assert.deepEqual(
        denied.map(({ action, outcome, by }) => ({ action, outcome, by })),
        refused ? [{ action: written.action, outcome: 'denied', by: 'nobody' }] : [],
      );
      let told: Told = {};
      const events = await eventsOf(async () => {
        const answer = await new AdminClient(node, bearer(issued.secret)).ask(id, asked);
        answer.expect((OPERATIONS[id] as Operation).status);
        if (String(answer.headers['content-type']).startsWith('application/json'))
          told = answer.json() as Told;
      });
      if (written === undefined) return assert.deepEqual(events, []);
      assertEvent(events, { ...written, outcome: 'ok', by: 'root', token: issued.id, from: '127.0.0.1' });
      const text = JSON.stringify([...denied, ...events]);
      for (const secret of ['correct horse', 'battery staple', told.secret, told.password, issued.secret])
        if (secret !== undefined) assert.ok(!text.includes(secret), text);
    });
  }

  it('names no token where a password was given, and nothing of a caller who is not known', async () => {
    const world = await worldOf();
    const asked = await askedOf(ASKED.addMember, world);
    const events = await eventsOf(async () => {
      (await world.root.ask('addMember', asked)).expect(204);
      (await new AdminClient(world.bench.node, {}).ask('addMember', asked)).expect(401);
      (await world.root.ask('addMember', { ...asked, headers: { origin: 'http://elsewhere' } })).expect(403);
      (await world.root.ask('addMember', { params: { group: 'ops', user: 'carol' } })).expect(404);
    });
    assert.deepEqual(
      events.map(({ by, outcome, token }) => ({ by, outcome, token })),
      [{ by: 'root', outcome: 'ok', token: undefined }],
    );
  });

  it('holds what a repeated request did once', async () => {
    const world = await worldOf();
    const asked = {
      ...(await askedOf(ASKED.createRobot, world)),
      headers: { 'idempotency-key': 'k'.repeat(16) },
    };
    const events = await eventsOf(async () => {
      for (let index = 0; index < 3; index += 1) (await world.root.ask('createRobot', asked)).expect(201);
    });
    assert.equal(events.length, 1);
  });

  it('holds what failed on the way, for a part of it may be done', async () => {
    let isOut = false;
    const inner = bench().store.driver();
    const remove: StorageDriver['delete'] = (...call) =>
      isOut
        ? Promise.reject(new StorageError('UNAVAILABLE', 'the store deletes nothing'))
        : inner.delete(...call);
    const world = await worldOf(inner, { ...OPTIONS, driver: withFaults(inner, { delete: remove }) });
    const events = await eventsOf(async () => {
      isOut = true;
      (await world.root.ask('deleteRepository', { params: { repository: 'team/app' } })).expect(503);
    });
    assert.deepEqual(
      events.map(({ action, outcome, repository }) => [action, outcome, repository]),
      [['repository.delete', 'failed', 'team/app']],
    );
  });

  for (const id of IDS) {
    it(`is written before ${id} is answered, or the answer is 503`, async () => {
      let isOut = false;
      const inner = bench().store.driver();
      const put: StorageDriver['put'] = (key, bytes, options) =>
        isOut && key.includes('/audit/')
          ? Promise.reject(new StorageError('UNAVAILABLE', 'the store takes nothing'))
          : inner.put(key, bytes, options);
      const world = await worldOf(withFaults(inner, { put }));
      const asked = await askedOf(ASKED[id], world);
      isOut = true;
      const { status } = OPERATIONS[id] as Operation;
      const isDone = WRITTEN[id] === undefined;
      (await world.root.ask(id, asked)).expect(isDone ? status : 503);
      const isRefused = !isDone || (OPERATIONS[id] as Operation).access === 'admin';
      const answer = await new AdminClient(world.bench.node, basic('nobody')).ask(id, asked);
      if (isRefused) answer.expect(403);
    });
  }
}

function assertEvent(
  events: readonly AuditEvent[],
  expected: Written & Pick<AuditEvent, 'outcome' | 'by' | 'token' | 'from'>,
): void {
  const [event, ...others] = events;
  assert.ok(event);
  assert.deepEqual(others, []);
  const { at, ...told } = event;
  assert.ok(!Number.isNaN(Date.parse(at)));
  const matched = Object.entries(expected).map(([name, value]: [string, unknown]): [string, unknown] => {
    const found = Reflect.get(told, name) as string;
    return [name, value instanceof RegExp && value.test(found) ? found : value];
  });
  assert.deepEqual(told, Object.fromEntries(matched));
}
