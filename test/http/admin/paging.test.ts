import assert from 'node:assert/strict';
import type { OperationId } from '../../../src/api/operations.js';
import { AuditLog } from '../../../src/audit/audit-log.js';
import { byCodeUnit } from '../../../src/domain/page.js';
import { LogLines } from '../../composition/log-lines.js';
import { onStore } from '../../support/in-process.js';
import type { Bench, NodeOptions, StoreName } from '../../support/in-process.js';
import { basic, pushClient } from '../access/logins.js';
import { Client, linkOf } from '../client.js';
import { imageOf, jsonContent } from '../content.js';
import { AdminWorld, IMAGE, LAYER, pathOf } from './admin-world.js';
import type { Asked, AdminClient } from './admin-world.js';

type Item = Readonly<Record<string, unknown>>;
interface Page {
  readonly items: readonly Item[];
  readonly next?: string;
}

const STORES: readonly StoreName[] = ['memory', 'filesystem'];
const OPTIONS: NodeOptions = { logins: {}, admin: {} };
const APP = { repository: 'team/app' };
const SUBJECT = { ...APP, reference: IMAGE.digest };

/** The lists that come in pages; `order` is what they are in the order of, where the document tells. */
const LISTS: readonly {
  readonly id: OperationId;
  readonly asked: Asked;
  readonly name: string;
  readonly order?: (item: Item) => string;
  readonly least: number;
}[] = [
  { id: 'listUsers', asked: {}, name: 'name', order: nameOf, least: 6 },
  { id: 'listRobots', asked: {}, name: 'name', order: nameOf, least: 4 },
  { id: 'listGroups', asked: {}, name: 'name', order: nameOf, least: 4 },
  { id: 'listGrants', asked: {}, name: 'id', least: 4 },
  { id: 'listGrants', asked: { query: { grantee: 'user:alice' } }, name: 'id', least: 3 },
  { id: 'listTokens', asked: {}, name: 'id', least: 7 },
  { id: 'listTokens', asked: { query: { owner: 'alice' } }, name: 'id', least: 3 },
  { id: 'listRepositories', asked: {}, name: 'name', order: catalogOrder, least: 4 },
  { id: 'listRepositories', asked: { query: { prefix: 'team/' } }, name: 'name', least: 2 },
  { id: 'listTags', asked: { params: APP }, name: 'name', order: nameOf, least: 4 },
  { id: 'listManifests', asked: { params: APP }, name: 'digest', least: 5 },
  { id: 'listReferrers', asked: { params: SUBJECT }, name: 'digest', least: 4 },
  {
    id: 'listReferrers',
    asked: { params: SUBJECT, query: { artifactType: 'application/vnd.example.odd' } },
    name: 'digest',
    least: 2,
  },
  { id: 'listAuditEvents', asked: {}, name: 'target', least: 5 },
  { id: 'listAuditEvents', asked: { query: { action: 'grant.add' } }, name: 'detail', least: 3 },
];

const FOREIGN = [
  '',
  '0',
  'no such thing',
  '../../../etc/passwd',
  '/',
  '//',
  '.',
  '..',
  '%2e%2e',
  'a\u0000b',
  'ä€🙂',
  '\ud800',
  'sha256:0',
  `sha256:${'f'.repeat(64)}`,
  'user:alice',
  'user/alice/',
  'MjAyNi0wMS8wMQ',
  'z'.repeat(2000),
];

function nameOf({ name }: Item): string {
  return String(name);
}

/** Distribution's: component by component. */
function catalogOrder({ name }: Item): string {
  return String(name).replaceAll('/', '\u0000');
}

async function fill({ bench, administration, root }: AdminWorld): Promise<void> {
  const { accounts, tokens } = administration;
  for (const name of ['Bob', 'bob-1', 'bob.x', 'zoe'])
    await accounts.createUser(name, { groups: [`g-${name}x`] });
  for (const name of ['a1', 'cd', 'ci2']) await accounts.createRobot(name, [], {});
  for (let index = 0; index < 3; index += 1) {
    await tokens.create('alice', {});
    const body = { grantee: index === 0 ? 'group:devs' : 'user:alice', repositories: `t${index}/*` };
    await root.value('addGrant', { body: { ...body, actions: ['pull'] } });
    await administration.accounts.addMember(`group${index}`, 'alice');
  }
  for (const repository of ['team/app', 'team-b', 'team/a/b', 'zz']) {
    const client = await pushClient(bench.node, 'root', repository);
    await client.pushBlob(repository, LAYER);
    await client.pushBlob(repository, Buffer.from('{}'));
    for (const tag of ['v1-rc', 'v10', 'V2']) await client.pushManifest(repository, tag, IMAGE);
    if (repository !== 'team/app') continue;
    for (let index = 0; index < 3; index += 1)
      await client.pushManifest(repository, `r${index}`, referrer(index));
    await client.pushManifest(repository, 'other', imageOf([LAYER], { annotations: { n: '1' } }));
  }
}

function referrer(index: number) {
  const { mediaType, digest, bytes } = IMAGE;
  return jsonContent(mediaType, {
    ...(JSON.parse(bytes.toString()) as object),
    artifactType: `application/vnd.example.${index === 1 ? 'even' : 'odd'}`,
    annotations: { index: String(index) },
    subject: { mediaType, digest, size: bytes.byteLength },
  });
}

/** A node with an audit trail, and all that lists may show. */
async function worldOf(bench: Bench): Promise<AdminClient> {
  const { clock, ids } = bench.store;
  const driver = bench.store.driver();
  const audit = new AuditLog({ driver, clock, ids, log: new LogLines() }, { strict: [] });
  const world = await AdminWorld.make({ ...bench, node: await bench.another({ ...OPTIONS, audit }) });
  await fill(world);
  return world.root;
}

/** Page by page, by the Links; what they hold says the same. */
async function walked(admin: AdminClient, id: OperationId, asked: Asked): Promise<readonly Item[]> {
  const items: Item[] = [];
  const limit = Number(asked.query?.['limit']);
  for (let path: string | undefined = pathOf(id, asked); path !== undefined;) {
    const answer = (await new Client(admin.node).get(path, basic('root'))).expect(200);
    const page = answer.json() as Page;
    assert.ok(page.items.length <= limit, `${page.items.length} of at most ${limit}`);
    items.push(...page.items);
    assert.equal(answer.headers.link === undefined, page.next === undefined);
    path = page.next === undefined ? undefined : linkOf(answer);
    if (path === undefined) continue;
    assert.equal(new URL(path, 'http://node').searchParams.get('after'), page.next);
    assert.ok(items.length < 1000, `${path} leads nowhere new`);
  }
  return items;
}

describe('lists of the admin API', () => {
  for (const store of STORES) describe(`[${store}]`, () => onStore(store, suite, OPTIONS));
});

function suite(bench: () => Bench): void {
  it('hold the same in small pages as in one, each item once and in order', async () => {
    const admin = await worldOf(bench());
    for (const { id, asked, name, order, least } of LISTS) {
      const told = `${id} ${JSON.stringify(asked.query ?? {})}`;
      const sized = (limit: number): Asked => ({ ...asked, query: { ...asked.query, limit: String(limit) } });
      const { items, next } = await admin.value<Page>(id, sized(1000));
      assert.equal(next, undefined, told);
      assert.ok(items.length >= least, `${told}: ${items.length}`);
      if (order !== undefined) {
        const keys = items.map(order);
        assert.deepEqual(keys, [...keys].sort(byCodeUnit), told);
      }
      if (id !== 'listAuditEvents' && id !== 'listGrants')
        assert.equal(new Set(items.map((item) => item[name])).size, items.length, told);
      for (const limit of [1, 2])
        assert.deepEqual(await walked(admin, id, sized(limit)), items, `${told} by ${limit}`);
      if (Object.keys(asked.query ?? {}).length === 0)
        assert.deepEqual((await admin.value<Page>(id, asked)).items, items);
    }
  });

  it('take any text for the page before, and never fail of it', async () => {
    const admin = await worldOf(bench());
    const failures: string[] = [];
    for (const { id, asked } of LISTS) {
      for (const after of FOREIGN) {
        const answer = await admin.ask(id, { ...asked, query: { ...asked.query, after } });
        if (![200, 400].includes(answer.status))
          failures.push(`${id} after ${JSON.stringify(after)}: ${answer.status}`);
      }
    }
    assert.deepEqual(failures, []);
  });

  it('have pages of 1 to 1000 items', async () => {
    const admin = await worldOf(bench());
    for (const { id, asked } of LISTS) {
      for (const limit of ['0', '1001', '-1', '1.5', 'x', '', 'NaN', 'Infinity']) {
        const answer = await admin.ask(id, { ...asked, query: { ...asked.query, limit } });
        assert.equal(answer.status, 400, `${id} with limit=${limit}`);
      }
      (await admin.ask(id, { ...asked, query: { ...asked.query, limit: ['1', '2'] } })).expect(400);
    }
  });
}
