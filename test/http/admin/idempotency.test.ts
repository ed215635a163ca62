import assert from 'node:assert/strict';
import { OPERATIONS } from '../../../src/api/operations.js';
import type { Operation } from '../../../src/api/operation.js';
import type { ProblemBody } from '../../../src/api/problem.js';
import { IDEMPOTENCY_PREFIX, KEY_ROOTS, listedKey } from '../../../src/domain/keys.js';
import { purgeIdempotency } from '../../../src/jobs/purge-idempotency.js';
import { listAll } from '../../../src/ports/listing.js';
import { DAY, onStore } from '../../support/in-process.js';
import type { Bench, NodeOptions, StoreName, TestStore } from '../../support/in-process.js';
import { basic, bearer, grantOf } from '../access/logins.js';
import type { Answer } from '../client.js';
import { AdminClient, AdminWorld } from './admin-world.js';
import type { Asked } from './admin-world.js';

const STORES: readonly StoreName[] = ['memory', 'filesystem'];
const OPTIONS: NodeOptions = { logins: {}, admin: {} };
const KEY = '8e03978e-40d5-43dd-bc93-6894a57f9324';
const HOUR = DAY / 24;

interface CreatedRobot {
  readonly id: string;
  readonly secret: string;
}

function robot(name: string, key = KEY): Asked {
  return { body: { name }, headers: { 'idempotency-key': key } };
}

async function robotsOf(admin: AdminClient): Promise<readonly string[]> {
  const { items } = await admin.value<{ items: readonly { name: string }[] }>('listRobots');
  return items.map(({ name }) => name);
}

function assertSame(answers: readonly Answer[]): void {
  const [first] = answers;
  for (const { status, body, headers } of answers) {
    assert.equal(status, 201, body.toString());
    assert.deepEqual(body, first?.body);
    assert.equal(headers['content-type'], first?.headers['content-type']);
    assert.equal(headers.etag, first?.headers.etag);
  }
}

function assertCode(answer: Answer, status: number, code: string): void {
  assert.equal((answer.expect(status).json() as ProblemBody).code, code);
}

/** Every object of the store, as one text. */
async function textOf(store: TestStore): Promise<string> {
  const driver = store.driver();
  const texts: string[] = [];
  for (const prefix of KEY_ROOTS) {
    for await (const key of listAll(driver, { prefix })) {
      texts.push(key, (await driver.read(listedKey(key))).toString('latin1'));
    }
  }
  return texts.join('\n');
}

async function keptAnswers(store: TestStore): Promise<number> {
  let count = 0;
  for await (const key of listAll(store.driver(), { prefix: IDEMPOTENCY_PREFIX }))
    count += key.length > 0 ? 1 : 0;
  return count;
}

describe('requests that are sent again', () => {
  for (const store of STORES) {
    describe(`[${store}]`, () => onStore(store, suite, OPTIONS));
  }

  it('are those of admins alone, so that who they are decides what a kept answer may tell them', () => {
    for (const [id, { repeatable, access }] of Object.entries<Operation>(OPERATIONS)) {
      if (repeatable === true) assert.equal(access, 'admin', id);
    }
  });
});

function suite(bench: () => Bench): void {
  it('are answered as at first, to the byte, and make one robot', async () => {
    const { root } = await AdminWorld.make(bench());
    assertSame([await root.ask('createRobot', robot('cd')), await root.ask('createRobot', robot('cd'))]);
    assert.deepEqual(await robotsOf(root), ['cd', 'ci']);
    const user = {
      body: { name: 'bob', makePassword: true },
      headers: { 'idempotency-key': 'k'.repeat(16) },
    };
    assertSame([await root.ask('createUser', user), await root.ask('createUser', user)]);
  });

  it('are answered the same when they come at once', async () => {
    const { root } = await AdminWorld.make(bench());
    assertSame(await Promise.all(Array.from({ length: 10 }, () => root.ask('createRobot', robot('cd')))));
    assert.deepEqual(await robotsOf(root), ['cd', 'ci']);
  });

  it('are answered the same by another node, or are told that the first is not answered', async () => {
    const { root } = await AdminWorld.make(bench());
    const other = new AdminClient(await bench().another(OPTIONS), basic('root'));
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 === 0 ? root : other).ask('createRobot', robot('cd')),
      ),
    );
    assert.deepEqual(await robotsOf(root), ['cd', 'ci']);
    const made = answers.filter(({ status }) => status === 201);
    for (const answer of answers.filter(({ status }) => status !== 201)) assertCode(answer, 409, 'conflict');
    assert.ok(made.length >= 1);
    assertSame([
      ...made,
      await root.ask('createRobot', robot('cd')),
      await other.ask('createRobot', robot('cd')),
    ]);
  });

  it('leave neither the secret nor the key in the store', async () => {
    const { root } = await AdminWorld.make(bench());
    const { secret } = (await root.ask('createRobot', robot('cd'))).expect(201).json() as CreatedRobot;
    const user = { body: { name: 'bob', makePassword: true }, headers: { 'idempotency-key': KEY } };
    assertCode(await root.ask('createUser', user), 422, 'key-used');
    const text = await textOf(bench().store);
    assert.ok(text.includes('/idempotency/'), 'the answer is kept');
    const [, hidden = secret] = /([^_.]{20,})$/.exec(secret) ?? [];
    for (const form of [
      hidden,
      Buffer.from(hidden).toString('base64'),
      Buffer.from(hidden).toString('hex'),
      KEY,
    ])
      assert.ok(!text.includes(form), form);
  });

  it('get nothing of what another caller got with the same key', async () => {
    const world = await AdminWorld.make(bench());
    await world.administration.accounts.createUser('second', { password: 'correct horse', admin: true });
    const first = (await world.root.ask('createRobot', robot('cd'))).expect(201).json() as CreatedRobot;
    const answer = await world.as('second').ask('createRobot', robot('cd'));
    assertCode(answer, 409, 'exists');
    assert.ok(!answer.body.includes(first.secret));
    assertCode(await world.as('alice').ask('createRobot', robot('cd')), 403, 'not-permitted');
  });

  it('get nothing by a token of the same admin that may not do it, nor once they are no admin', async () => {
    const world = await AdminWorld.make(bench());
    const { accounts, tokens } = world.administration;
    await accounts.createUser('second', { password: 'correct horse', admin: true });
    (await world.as('second').ask('createRobot', robot('cd'))).expect(201);
    const { secret } = await tokens.create('second', { limits: [grantOf('team/**', 'pull')] });
    const limited = new AdminClient(bench().node, bearer(secret));
    assertCode(await limited.ask('createRobot', robot('cd')), 403, 'not-permitted');
    await accounts.update({ kind: 'user', name: 'second' }, { admin: false });
    bench().store.clock.advance(HOUR);
    assertCode(await world.as('second').ask('createRobot', robot('cd')), 403, 'not-permitted');
  });

  it('are refused with another body, path or operation', async () => {
    const world = await AdminWorld.make(bench());
    const { root, robotToken } = world;
    (await root.ask('createRobot', robot('cd'))).expect(201);
    assertCode(await root.ask('createRobot', robot('other')), 422, 'key-used');
    assertCode(await root.ask('createUser', robot('cd')), 422, 'key-used');
    const rotation = {
      params: { id: robotToken.id },
      body: {},
      headers: { 'idempotency-key': 'r'.repeat(20) },
    };
    (await root.ask('rotateToken', rotation)).expect(201);
    const another = { ...rotation, params: { id: 'a'.repeat(26) } };
    assertCode(await root.ask('rotateToken', another), 422, 'key-used');
    assert.deepEqual(await robotsOf(root), ['cd', 'ci']);
  });

  it('may come again after the first was refused', async () => {
    const { root } = await AdminWorld.make(bench());
    assertCode(await root.ask('createRobot', robot('ci')), 409, 'exists');
    assertCode(await root.ask('createRobot', robot('no name')), 400, 'invalid-request');
    (await root.ask('createRobot', robot('cd'))).expect(201);
    assert.deepEqual(await robotsOf(root), ['cd', 'ci']);
  });

  it('need a key that nobody guesses or can mistake', async () => {
    const { root } = await AdminWorld.make(bench());
    for (const key of ['short', 'k'.repeat(256), 'with a space in it', ''])
      assertCode(await root.ask('createRobot', robot('cd', key)), 400, 'invalid-request');
    assert.deepEqual(await robotsOf(root), ['ci']);
  });

  it('are other requests after a day', async () => {
    const { root } = await AdminWorld.make(bench());
    const { store } = bench();
    const first = (await root.ask('createRobot', robot('cd'))).expect(201);
    store.clock.advance(DAY - HOUR);
    await purgeIdempotency(store.driver(), store.clock);
    assertSame([first, await root.ask('createRobot', robot('cd'))]);
    store.clock.advance(2 * HOUR);
    await purgeIdempotency(store.driver(), store.clock);
    assert.equal(await keptAnswers(store), 0);
    assertCode(await root.ask('createRobot', robot('cd')), 409, 'exists');
    (await root.ask('createRobot', robot('later'))).expect(201);
  });
}
