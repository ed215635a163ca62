import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { SegmentStore, StorageDriver } from '../../../src/ports/storage-driver.js';
import { until } from '../../abuse/deadline.js';
import { everything, savedImage, tarArchive } from '../../archive/archives.js';
import { withFaults } from '../../registry/faulty.js';
import { onStore } from '../../support/in-process.js';
import type { Bench, NodeOptions, RegistryNode, StoreName } from '../../support/in-process.js';
import { basic } from '../access/logins.js';
import { Client, Wire } from '../client.js';
import { AdminWorld } from './admin-world.js';
import { fileOf, FORM, formOf, headOf, importInto, requestLines, sendForEver } from './forms.js';

const STORES: readonly StoreName[] = ['memory', 'filesystem'];
const MIB = 1024 * 1024;
const OPTIONS: NodeOptions = { logins: {}, admin: { archives: { maxBytes: 256 * MIB } } };
const ENDLESS = { 'content-length': String(1e12) };
/** What is read of a body that nobody wants, and what lies in the buffers of two sockets. */
const UNWANTED = 48 * MIB;
/** Of a body whose bytes the store does not take. */
const HELD = 12 * MIB;

/** A tar archive that begins well and never ends. */
async function beginning(): Promise<Buffer> {
  return (await tarArchive(savedImage(['a:v1'], [3 * MIB]).entries)).subarray(0, 2 * MIB);
}

describe('imports that are not sent to their end', function () {
  this.timeout(60_000);
  for (const store of STORES) describe(`[${store}]`, () => onStore(store, suite, OPTIONS));
});

function suite(bench: () => Bench): void {
  const kept = () => everything(bench().node.driver);

  /** The answer to a request whose body does not end, and how much of that the server took. */
  async function endless(
    user: string,
    start: Buffer | string,
    { node = bench().node, path = importInto() }: { node?: RegistryNode; path?: string } = {},
  ): Promise<{ head: string; taken: number }> {
    const wire = await Wire.to(node.port);
    wire.head(...requestLines(user, ENDLESS, path));
    await wire.write(start);
    const taken = sendForEver(wire);
    const head = await wire.until(/\r\n\r\n/);
    return { head, taken: await taken };
  }

  it('are answered before the body where they are refused, and the rest is not waited for', async () => {
    const { root } = await AdminWorld.make(bench());
    const before = await kept();
    const file = `${headOf(fileOf(''))}`;
    const asked = async (
      user: string,
      start: Buffer | string,
      status: number,
      path?: string,
    ): Promise<void> => {
      const { head, taken } = await endless(user, start, path === undefined ? {} : { path });
      assert.match(head, new RegExp(`^HTTP/1.1 ${status} `), start.toString('latin1').slice(0, 200));
      assert.match(head, /\r\nconnection: close\r\n/i);
      assert.ok(taken < UNWANTED, `${taken} bytes were taken of a body that is answered with ${status}`);
    };
    await asked('alice', file, 403);
    await asked('alice', '', 403);
    await asked('root', file, 400, importInto('team/new', '?tag=no/tag'));
    await asked('root', headOf(fileOf('', 'another')), 400);
    await asked('root', headOf({ name: 'field', bytes: '' }), 400);
    await asked('root', headOf({ name: 'archive', type: 'application/octet-stream', bytes: '' }), 400);
    await asked('root', Buffer.concat([formOf([fileOf('x')], ''), Buffer.from(headOf(fileOf('')))]), 400);
    await asked('root', `${file}no archive${'\0'.repeat(2000)}`, 422);
    await root.value('setReadOnlyMode', { body: { readOnly: true } });
    await asked('root', file, 403);
    await root.value('setReadOnlyMode', { body: { readOnly: false } });
    assert.deepEqual(await kept(), before);
  });

  it('are refused before the body to a sender that waits for that', async () => {
    await AdminWorld.make(bench());
    const waiting = { 'content-length': '100000', expect: '100-continue' };
    for (const [user, path, status] of [
      ['alice', importInto(), 403],
      ['root', importInto('team/new', '?tag=-'), 400],
      ['root', importInto('NOT a name'), 400],
    ] as const) {
      const wire = await Wire.to(bench().node.port);
      const head = await wire.head(...requestLines(user, waiting, path)).until(/\r\n\r\n/);
      assert.match(head, new RegExp(`^HTTP/1.1 ${status} `));
      wire.destroy();
    }
    const wire = await Wire.to(bench().node.port);
    const body = formOf([fileOf(await tarArchive(savedImage(['a:v1']).entries))]);
    const length = { ...waiting, 'content-length': String(body.byteLength) };
    await wire.head(...requestLines('root', length)).until(/^HTTP\/1.1 100 Continue\r\n\r\n/);
    await wire.write(body);
    await wire.until(/HTTP\/1.1 201 /);
    wire.destroy();
  });

  it('leave nothing where the client goes away, and the server goes on', async () => {
    await AdminWorld.make(bench());
    const before = await kept();
    const body = formOf([fileOf(await tarArchive(savedImage(['a:v1'], [6 * MIB, 5 * MIB]).entries))]);
    for (const end of [0, 40, 300, 5 * MIB, 9 * MIB, body.byteLength - 10]) {
      const wire = await Wire.to(bench().node.port);
      wire.head(...requestLines('root', { 'content-length': String(body.byteLength) }));
      await wire.write(body.subarray(0, end));
      wire.destroy();
      await until(`nothing is left of ${end} bytes`, async () => {
        const now = await kept();
        return now.length === before.length && now.every((key, index) => key === before[index]);
      });
    }
    const headers = { ...basic('root'), ...FORM };
    (await new Client(bench().node).call('POST', importInto(), { headers, body })).expect(201);
  });

  it('are taken no faster than the store takes them', async () => {
    await AdminWorld.make(bench());
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const driver = withSlowSegments(bench().store.driver(), gate);
    const node = await bench().another({ ...OPTIONS, driver });
    let server: Socket | undefined;
    node.server.on('connection', (socket) => (server = socket));
    const body = formOf([fileOf(await tarArchive(savedImage(['a:v1'], [64 * MIB]).entries))]);
    const headers = { ...basic('root'), ...FORM };
    const answer = new Client(node).call('POST', importInto(), { headers, body });
    let read = -1;
    for (let still = 0; still < 10; still = server?.bytesRead === read && read > 0 ? still + 1 : 0) {
      read = server?.bytesRead ?? -1;
      await pause(20);
    }
    assert.ok(read < HELD, `${read} bytes were taken of which the store had none`);
    open();
    (await answer).expect(201);
  });

  it('are refused for what they hold without the rest of it', async () => {
    await AdminWorld.make(bench());
    const node = await bench().another({ ...OPTIONS, admin: { archives: { maxBytes: 4 * MIB } } });
    const start = Buffer.concat([Buffer.from(headOf(fileOf(''))), await beginning()]);
    const before = await kept();
    const { head, taken } = await endless('root', start, { node });
    assert.match(head, /^HTTP\/1.1 (413|422) /);
    assert.ok(taken < UNWANTED, `${taken}`);
    assert.deepEqual(await kept(), before);
  });
}

/** Takes bytes of a segment only when the gate is open. */
function withSlowSegments(driver: StorageDriver, gate: Promise<void>): StorageDriver {
  async function* slowly(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    await gate;
    yield* body;
  }
  const append: SegmentStore['append'] = (set, recorded, body, options) =>
    driver.segments.append(set, recorded, slowly(body), options);
  return withFaults(driver, { segments: withFaults(driver.segments, { append }) });
}
