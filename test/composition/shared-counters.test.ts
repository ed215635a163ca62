import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { TallyHub, relayTallies, shareActivity } from '../../src/composition/shared-counters.js';
import type { TallyExchange } from '../../src/composition/shared-counters.js';
import { MirrorActivity } from '../../src/mirror/mirror-activity.js';
import type { MirrorTally } from '../../src/mirror/mirror-activity.js';
import { ManualClock, SECOND } from '../audit/audit-world.js';
import type { TallyTask, TallyTold } from './tally-worker.js';

const KINDS = ['a', 'b'];

/** Processes of one server, joined by a hub, whose messages are plain data as those between processes are. */
class Bus {
  readonly hub = new TallyHub();
  told = 0;

  exchange(id: number): TallyExchange {
    let listener: (others: MirrorTally) => void = () => undefined;
    return {
      tell: (tally) => {
        this.told += 1;
        this.hub.told(id, structuredClone(tally), (others) => listener(structuredClone(others)));
      },
      hear: (next) => (listener = next),
    };
  }
}

class Member {
  readonly activity = new MirrorActivity(KINDS);
  readonly stop: () => void;

  constructor(bus: Bus, id: number, clock: ManualClock) {
    this.stop = shareActivity(this.activity, bus.exchange(id), clock);
  }

  receive(bytes: number): void {
    this.activity.counters.mirrorEvent({ upstream: 'a', kind: 'received', bytes });
  }

  get bytes(): number {
    return this.activity.totals('a').bytesReceived;
  }
}

describe('composition/shared-counters', () => {
  let clock: ManualClock;
  let bus: Bus;
  beforeEach(() => {
    clock = new ManualClock();
    bus = new Bus();
  });

  it('adds up what all processes of a server count', async () => {
    const members = [1, 2, 3].map((id) => new Member(bus, id, clock));
    for (const [at, member] of members.entries()) member.receive(10 ** at);
    assert.deepEqual(
      members.map(({ bytes }) => bytes),
      [1, 10, 100],
    );
    await clock.advance(SECOND);
    assert.deepEqual(
      members.map(({ bytes }) => bytes),
      [111, 111, 111],
    );
    assert.equal(members[0]?.activity.totals('b').bytesReceived, 0);
  });

  it('tells at most once a second, and nothing where nothing changed', async () => {
    const [one] = [1, 2].map((id) => new Member(bus, id, clock));
    const before = bus.told;
    await clock.advance(10 * SECOND);
    assert.equal(bus.told, before);
    for (let count = 0; count < 100; count += 1) one?.receive(1);
    await clock.advance(10 * SECOND);
    assert.equal(bus.told, before + 1);
  });

  it('keeps what a process counted that ended, and tells it to the one that follows', async () => {
    const [one, two] = [new Member(bus, 1, clock), new Member(bus, 2, clock)];
    one.receive(5);
    two.receive(7);
    await clock.advance(SECOND);
    bus.hub.ended(2);
    bus.hub.ended(2);
    const three = new Member(bus, 3, clock);
    assert.equal(three.bytes, 12);
    three.receive(100);
    await clock.advance(SECOND);
    assert.deepEqual([one.bytes, three.bytes], [112, 112]);
  });

  it('tells the rest when a process stops', () => {
    const [one, two] = [new Member(bus, 1, clock), new Member(bus, 2, clock)];
    one.receive(5);
    one.stop();
    assert.equal(two.bytes, 5);
  });

  it('shows of each image the last warm-up of any process', async () => {
    const [one, two] = [new Member(bus, 1, clock), new Member(bus, 2, clock)];
    one.activity.noteWarmUp('a/x:1', { at: '2026-01-01T00:00:02Z', outcome: 'ok', digest: 'sha256:2' });
    two.activity.noteWarmUp('a/x:1', { at: '2026-01-01T00:00:01Z', outcome: 'failed', reason: 'away' });
    two.activity.noteWarmUp('a/y:1', { at: '2026-01-01T00:00:01Z', outcome: 'failed', reason: 'away' });
    await clock.advance(SECOND);
    for (const { activity } of [one, two]) {
      assert.equal(activity.lastWarmUp('a/x:1')?.outcome, 'ok');
      assert.equal(activity.lastWarmUp('a/y:1')?.reason, 'away');
      assert.equal(activity.lastWarmUp('a/z:1'), undefined);
    }
  });
});

describe('composition/shared-counters: among the workers of a server', function () {
  this.timeout(30_000);
  const workers: Worker[] = [];
  before(() => {
    cluster.setupPrimary({
      exec: fileURLToPath(new URL('./tally-worker.js', import.meta.url)),
      execArgv: [],
    });
    relayTallies();
  });
  after(async () => {
    await Promise.all(workers.map(kill));
    cluster.removeAllListeners();
  });

  async function start(): Promise<Worker> {
    const worker = cluster.fork();
    workers.push(worker);
    await told(worker, 'ready');
    return worker;
  }
  function count(worker: Worker, bytes: number, until: number): Promise<void> {
    worker.send({ type: 'count', bytes, until } satisfies TallyTask);
    return told(worker, 'knows');
  }
  function told(worker: Worker, type: TallyTold['type']): Promise<void> {
    return new Promise((resolve) => {
      worker.on('message', (message: TallyTold) => {
        if (message.type === type) resolve();
      });
    });
  }
  async function kill(worker: Worker): Promise<void> {
    if (worker.isDead()) return;
    const ended = once(worker, 'exit');
    worker.process.kill('SIGKILL');
    await ended;
  }

  it('adds up, and keeps what one that was killed had told', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    await Promise.all([count(one, 1, 11), count(two, 10, 11)]);
    await kill(two);
    const three = await start();
    await Promise.all([count(one, 0, 111), count(three, 100, 111)]);
  });
});
