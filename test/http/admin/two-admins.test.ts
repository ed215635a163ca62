import assert from 'node:assert/strict';
import { processLocks } from '../../../src/composition/locks.js';
import { onStore } from '../../support/in-process.js';
import type { Bench, NodeOptions, StoreName } from '../../support/in-process.js';
import { basic } from '../access/logins.js';
import type { Answer } from '../client.js';
import { AdminClient, AdminWorld } from './admin-world.js';

const STORES: readonly StoreName[] = ['memory', 'filesystem'];
const OPTIONS: NodeOptions = { logins: {}, admin: {} };
const EACH = 12;
const AT_ONCE = 20;

type Named = Readonly<Record<'name', string>>;
type Identified = Readonly<Record<'id', string>>;
interface Page<T> {
  readonly items: readonly T[];
}

function each<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

function statusesOf(answers: readonly Answer[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

async function done(asking: Promise<Answer>): Promise<void> {
  (await asking).expect(204);
}

/** Two admins, each at a node of its own. */
async function adminsOf(bench: Bench): Promise<readonly [AdminClient, AdminClient]> {
  const world = await AdminWorld.make(bench);
  await world.administration.accounts.createUser('second', { password: 'correct horse', admin: true });
  return [world.root, new AdminClient(await bench.another(OPTIONS), basic('second'))];
}

/** Two nodes that take turns, as the workers of one server do. */
async function workersOf(bench: Bench): Promise<readonly [AdminClient, AdminClient]> {
  await AdminWorld.make(bench);
  const options = { ...OPTIONS, admin: { locker: processLocks() } };
  const [first, second] = [await bench.another(options), await bench.another(options)];
  return [new AdminClient(first, basic('root')), new AdminClient(second, basic('root'))];
}

const MATCH = (etag: string) => ({ headers: { 'if-match': etag } });

describe('two admins at once', () => {
  for (const store of STORES) {
    describe(`[${store}]`, () => onStore(store, suite, OPTIONS));
  }
});

function suite(bench: () => Bench): void {
  it('lose no grant, of one grantee neither', async () => {
    const [one, other] = await adminsOf(bench());
    const add = async (admin: AdminClient, index: number): Promise<string> => {
      const body = { grantee: 'group:devs', repositories: `team/r${index}`, actions: ['pull'] };
      return (await admin.value<Identified>('addGrant', { body })).id;
    };
    const ids = await Promise.all(each(2 * EACH, (index) => add(index % 2 === 0 ? one : other, index)));
    const kept = ids.slice(EACH);
    const changes = ids.slice(0, EACH).map(async (id, index) => {
      const admin = index % 2 === 0 ? other : one;
      await admin.value('removeGrant', { params: { grantee: 'group:devs', id } });
      return add(index % 2 === 0 ? one : other, 100 + index);
    });
    const added = await Promise.all(changes);
    for (const admin of [one, other]) {
      const { items } = await admin.value<Page<Identified>>('listGrants', {
        query: { grantee: 'group:devs' },
      });
      assert.deepEqual(items.map(({ id }) => id).sort(), [...kept, ...added].sort());
    }
  });

  it('lose no access token, and revoke no other', async () => {
    const [one, other] = await adminsOf(bench());
    const make = async (admin: AdminClient): Promise<string> =>
      (await admin.value<Identified>('createToken', { body: { owner: 'alice' } })).id;
    const ids = await Promise.all(each(2 * EACH, (index) => make(index % 2 === 0 ? one : other)));
    const work = ids.slice(0, EACH).map(async (id, index) => {
      const [revoking, making] = index % 2 === 0 ? [one, other] : [other, one];
      const [, made] = await Promise.all([
        done(revoking.ask('revokeToken', { params: { id } })),
        make(making),
      ]);
      return made;
    });
    const made = await Promise.all(work);
    for (const admin of [one, other]) {
      const { items } = await admin.value<Page<Identified>>('listTokens', { query: { owner: 'alice' } });
      assert.deepEqual(items.map(({ id }) => id).sort(), [...ids.slice(EACH), ...made].sort());
    }
  });

  it('lose no user and no robot', async () => {
    const [one, other] = await adminsOf(bench());
    const before = await namesOf(one, 'listUsers');
    await Promise.all(
      each(EACH, (index) => [
        one.value('createUser', { body: { name: `one-${index}`, groups: ['devs'] } }),
        other.value('createUser', { body: { name: `other-${index}`, makePassword: true } }),
        one.value('createRobot', { body: { name: `robot-${index}` } }),
        other.value('createRobot', { body: { name: `machine-${index}` } }),
      ]).flat(),
    );
    const users = each(EACH, (index) => [`one-${index}`, `other-${index}`]).flat();
    const robots = each(EACH, (index) => [`robot-${index}`, `machine-${index}`]).flat();
    for (const admin of [one, other]) {
      assert.deepEqual(await namesOf(admin, 'listUsers'), [...before, ...users].sort());
      assert.deepEqual(await namesOf(admin, 'listRobots'), ['ci', ...robots].sort());
    }
  });

  it('make the same user once, with the password of the one that did', async () => {
    const [one, other] = await adminsOf(bench());
    for (let round = 0; round < 8; round += 1) {
      const name = `contested-${round}`;
      const answers = await Promise.all(
        each(6, (index) =>
          (index % 2 === 0 ? one : other).ask('createUser', {
            body: { name, password: `password ${index}`, admin: true },
          }),
        ),
      );
      assert.deepEqual(statusesOf(answers), { 201: 1, 409: 5 });
      const winner = answers.findIndex(({ status }) => status === 201);
      const login = new AdminClient(bench().node, basic(name, `password ${winner}`));
      assert.equal((await login.value<Named>('whoAmI')).name, name);
    }
  });

  it('make the same robot once, and its token works', async () => {
    const [one, other] = await adminsOf(bench());
    const body = { name: 'cd', grants: [{ repositories: 'team/**', actions: ['pull'] }] };
    const answers = await Promise.all(
      each(8, (index) => (index % 2 === 0 ? one : other).ask('createRobot', { body })),
    );
    assert.deepEqual(statusesOf(answers), { 201: 1, 409: 7 });
    const made = answers.find(({ status }) => status === 201)?.json() as { secret: string };
    const robot = new AdminClient(bench().node, { authorization: `Bearer ${made.secret}` });
    const { items } = await robot.value<Page<Named>>('listRepositories');
    assert.deepEqual(items, [{ name: 'team/app' }]);
  });

  it('change what they saw: of many with one ETag a single one does', async () => {
    const world = await AdminWorld.make(bench());
    await changedOnce([world.root, world.root]);
  });

  it('change what they saw at two workers of one server, too', async () => {
    await changedOnce(await workersOf(bench()));
  });

  it('see the same ETag, and another after each change', async () => {
    const [one, other] = await adminsOf(bench());
    const seen = new Set<string>();
    const look = async (): Promise<string> => {
      const etags = await Promise.all(
        [one, other].map(async (admin) =>
          (await admin.ask('getUser', { params: { name: 'alice' } })).expect(200).header('etag'),
        ),
      );
      assert.equal(etags[0], etags[1]);
      assert.ok(!seen.has(etags[0] ?? ''), `${etags[0]} came before`);
      seen.add(etags[0] ?? '');
      return etags[0] ?? '';
    };
    for (const body of [
      { groups: ['ops'] },
      { admin: true },
      { password: 'battery staple' },
      { disabled: true },
      { groups: ['ops', 'devs'], disabled: false },
    ]) {
      const etag = await look();
      const answer = await other.ask('updateUser', { params: { name: 'alice' }, body, ...MATCH(etag) });
      const next = answer.expect(200).header('etag');
      assert.equal(
        (await one.ask('getUser', { params: { name: 'alice' } })).header('etag'),
        next,
        JSON.stringify(body),
      );
    }
    await look();
    await done(one.ask('addMember', { params: { group: 'late', user: 'alice' } }));
    await look();
  });

  it('remove a user for good, whatever another changes of it meanwhile', async () => {
    const [one, other] = await workersOf(bench());
    for (let round = 0; round < 6; round += 1) {
      const user = `leaving-${round}`;
      await one.value('createUser', { body: { name: user } });
      await Promise.all([
        one.ask('addMember', { params: { group: 'first', user } }),
        other.ask('updateUser', { params: { name: user }, body: { admin: true }, ...MATCH('*') }),
        done(other.ask('deleteUser', { params: { name: user } })),
        one.ask('addMember', { params: { group: 'last', user } }),
        other.ask('updateUser', { params: { name: user }, body: { groups: ['g'] }, ...MATCH('*') }),
      ]);
      for (const admin of [one, other]) (await admin.ask('getUser', { params: { name: user } })).expect(404);
      await other.value('createUser', { body: { name: user } });
    }
  });

  it('put a user into groups and out of others, and none is lost', async () => {
    const world = await AdminWorld.make(bench());
    await changeGroups([world.root, world.root]);
  });

  it('put a user into groups at two workers of one server, too', async () => {
    await changeGroups(await workersOf(bench()));
  });
}

async function namesOf(admin: AdminClient, list: 'listUsers' | 'listRobots'): Promise<readonly string[]> {
  const { items } = await admin.value<Page<Named>>(list, { query: { limit: '1000' } });
  return items.map(({ name }) => name);
}

async function changedOnce(admins: readonly [AdminClient, AdminClient]): Promise<void> {
  const etag = (await admins[0].ask('getUser', { params: { name: 'alice' } })).header('etag');
  const answers = await Promise.all(
    each(AT_ONCE, (index) =>
      (admins[index % 2] ?? admins[0]).ask('updateUser', {
        params: { name: 'alice' },
        body: { groups: [`group-${index}`] },
        ...MATCH(etag),
      }),
    ),
  );
  assert.deepEqual(statusesOf(answers), { 200: 1, 412: AT_ONCE - 1 });
  const winner = answers.findIndex(({ status }) => status === 200);
  const found = await admins[1].ask('getUser', { params: { name: 'alice' } });
  assert.deepEqual((found.json() as { groups: string[] }).groups, [`group-${winner}`]);
  assert.equal(found.header('etag'), answers[winner]?.header('etag'));
}

async function changeGroups(admins: readonly [AdminClient, AdminClient]): Promise<void> {
  const member = (group: string) => ({ params: { group, user: 'alice' } });
  for (let index = 0; index < 5; index += 1) await done(admins[0].ask('addMember', member(`old-${index}`)));
  await Promise.all(
    admins.flatMap((admin, which) =>
      each(5, (index) => [
        done(admin.ask('addMember', member(`new-${which}-${index}`))),
        ...(which === 0 ? [done(admin.ask('removeMember', member(`old-${index}`)))] : []),
      ]).flat(),
    ),
  );
  const { groups } = await admins[1].value<{ groups: string[] }>('getUser', { params: { name: 'alice' } });
  const expected = [0, 1].flatMap((which) => each(5, (index) => `new-${which}-${index}`));
  assert.deepEqual([...groups].sort(), ['devs', ...expected].sort());
}
