import assert from 'node:assert/strict';
import { problemsOf } from '../../../src/api/openapi.js';
import { OPERATIONS } from '../../../src/api/operations.js';
import type { OperationId } from '../../../src/api/operations.js';
import type { Operation } from '../../../src/api/operation.js';
import { PROBLEMS } from '../../../src/api/problem.js';
import type { ProblemBody, ProblemCode } from '../../../src/api/problem.js';
import type { StorageDriver } from '../../../src/ports/storage-driver.js';
import { StorageError } from '../../../src/ports/storage-driver.js';
import { withFaults } from '../../registry/faulty.js';
import { onStore } from '../../support/in-process.js';
import type { Bench } from '../../support/in-process.js';
import { basic } from '../access/logins.js';
import { Client } from '../client.js';
import type { Answer } from '../client.js';
import { failing } from '../failing-driver.js';
import { ASKED, REFUSED, askedOf } from './asked.js';
import { AdminClient, AdminWorld } from './admin-world.js';
import type { Asked } from './admin-world.js';

const IDS = Object.keys(OPERATIONS) as OperationId[];
const MIB = 1024 * 1024;
const OPTIONS = {
  logins: {},
  admin: { archives: { maxBytes: MIB }, bodies: { milliseconds: 50, atOnce: 8 } },
};
/** What is refused after the same was done. */
const AFTER_CHANGES: readonly ProblemCode[] = ['key-used', 'conflict'];
const KEY = { 'idempotency-key': 'a-key-of-this-test' };

describe('the admin API', () => {
  onStore(
    'memory',
    (bench) => {
      for (const id of IDS) {
        const operation: Operation = OPERATIONS[id];
        it(`answers ${id} as its document says`, async () => {
          const world = await AdminWorld.make(bench());
          const answer = await world.root.ask(id, await askedOf(ASKED[id], world));
          answer.expect(operation.status);
          assert.equal(answer.headers['cache-control'], 'no-store');
        });

        const refuses = (codes: readonly ProblemCode[]) => async (): Promise<void> => {
          const world = await AdminWorld.make(bench());
          const asked = await askedOf(ASKED[id], world);
          for (const code of codes) assertProblem(await refused(id, code, world, asked), code);
        };
        const codes = problemsOf(operation);
        it(
          `refuses ${id} in every way that its document tells`,
          refuses(codes.filter((code) => !AFTER_CHANGES.includes(code))),
        );
        for (const code of AFTER_CHANGES.filter((each) => codes.includes(each))) {
          it(`refuses ${id} with ${code}`, refuses([code]));
        }
      }
    },
    OPTIONS,
  );
});

/** What of an operation's problems is the same for all, or found in the table. */
async function refused(id: OperationId, code: ProblemCode, world: AdminWorld, asked: Asked): Promise<Answer> {
  const { bench } = world;
  const specific = REFUSED[id]?.[code];
  if (specific !== undefined) return world.root.ask(id, await askedOf(specific, world));
  const withHeaders = (headers: Asked['headers']): Asked => ({
    ...asked,
    headers: { ...asked.headers, ...headers },
  });
  switch (code) {
    case 'internal': {
      const identify = (): Promise<never> => Promise.reject(new TypeError('a mistake'));
      const node = await bench.another({ ...OPTIONS, admin: { access: { identify } } });
      return new AdminClient(node, {}).ask(id, asked);
    }
    case 'unavailable': {
      const driver = failing(bench.store.driver(), { out: true });
      return new AdminClient(await bench.another({ ...OPTIONS, driver }), basic('root')).ask(id, asked);
    }
    case 'invalid-request':
      return world.root.ask(id, { ...asked, query: { ...asked.query, nonsense: '1' } });
    case 'login-required':
      return new AdminClient(bench.node, {}).ask(id, asked);
    case 'not-permitted':
      return world.root.ask(id, withHeaders({ origin: 'http://elsewhere.example' }));
    case 'too-many-requests': {
      const node = await bench.another({
        ...OPTIONS,
        logins: { rules: { logins: { failures: 1, window: 60_000 } } },
      });
      (await new Client(node).get('/admin/v1/me', basic('alice', 'wrong'))).expect(401);
      return new AdminClient(node, basic('root')).ask(id, asked);
    }
    case 'too-large':
      return world.root.ask(id, { ...asked, body: { name: 'x'.repeat(MIB) } });
    case 'wrong-media-type':
      return world.root.ask(id, withHeaders({ 'content-type': 'text/plain' }));
    case 'late':
      return world.root.ask(id, withHeaders({ 'content-length': 10_000 }));
    case 'stale':
      return world.root.ask(id, withHeaders({ 'if-match': '"another"' }));
    case 'version-required':
      return world.root.ask(id, { ...asked, headers: {} });
    case 'key-used': {
      await world.root.ask(id, withHeaders(KEY));
      return world.root.ask(id, {
        ...asked,
        headers: KEY,
        body: { ...(asked.body as object), ...otherwise(id) },
      });
    }
    case 'conflict':
      return unanswered(id, asked, bench);
    default:
      assert.fail(`test/http/admin/asked.ts has no request that ${id} answers with ${code}`);
  }
}

/** What makes another request of the usual one. */
function otherwise(id: OperationId): object {
  if (id === 'rotateToken') return { overlap: 61 };
  return id === 'rotateKeys'
    ? { now: true }
    : id === 'createToken'
      ? { note: 'another' }
      : { name: 'another' };
}

/** The first request was done, but its answer could not be kept. */
async function unanswered(id: OperationId, asked: Asked, bench: Bench): Promise<Answer> {
  const driver = bench.store.driver();
  const put: StorageDriver['put'] = (key, bytes, options) =>
    key.includes('/idempotency/') && options?.ifAbsent !== true
      ? Promise.reject(new StorageError('UNAVAILABLE', 'the store went away'))
      : driver.put(key, bytes, options);
  const node = await bench.another({ ...OPTIONS, driver: withFaults(driver, { put }) });
  const client = new AdminClient(node, basic('root'));
  const request = { ...asked, headers: { ...asked.headers, 'idempotency-key': 'another-key-of-this-test' } };
  (await client.ask(id, request)).expect(503);
  return client.ask(id, request);
}

function assertProblem(answer: Answer, code: ProblemCode): void {
  const { status, title } = PROBLEMS[code];
  answer.expect(status);
  assert.equal(answer.headers['content-type'], 'application/problem+json');
  const { detail, ...rest } = answer.json() as ProblemBody;
  assert.deepEqual(rest, { type: `urn:stackyard:problem:${code}`, title, status, code });
  assert.match(detail, /^[^\n]{10,}$/);
}
