import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import type { Worker } from 'node:cluster';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { grantLocks, processLocks } from '../../src/composition/locks.js';
import { temporaryDirectory } from '../support/temporary.js';
import type { TemporaryDirectory } from '../support/temporary.js';
import type { Task, Told } from './lock-worker.js';

/** Resolves when it is told to. */
function gate(): { readonly passed: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open: () => open() };
}

describe('composition/locks: within a process', () => {
  it('lets one work after the other go on, in the order in which they came', async () => {
    const locks = processLocks();
    const steps: string[] = [];
    const work = (name: string) => async (): Promise<string> => {
      steps.push(`${name} begins`);
      await new Promise((resolve) => setImmediate(resolve));
      steps.push(`${name} ends`);
      return name;
    };
    const names = ['a', 'b', 'c', 'd'];
    assert.deepEqual(await Promise.all(names.map((name) => locks.alone('key', work(name)))), names);
    assert.deepEqual(
      steps,
      names.flatMap((name) => [`${name} begins`, `${name} ends`]),
    );
  });

  it('lets works of different keys go on together', async () => {
    const locks = processLocks();
    const first = gate();
    const held = locks.alone('one', () => first.passed);
    await locks.alone('other', async () => first.open());
    await held;
  });

  it('goes on after a work that fails, and tells its caller alone', async () => {
    const locks = processLocks();
    const failure = new Error('a mistake');
    const failing = locks.alone('key', () => Promise.reject(failure));
    const throwing = locks.alone('key', () => {
      throw failure;
    });
    const next = locks.alone('key', async () => 'done');
    await assert.rejects(failing, failure);
    await assert.rejects(throwing, failure);
    assert.equal(await next, 'done');
    assert.equal(await locks.alone('key', async () => 'again'), 'again');
  });
});

/** A worker with locks, as a server's are. */
class LockWorker {
  private constructor(readonly worker: Worker) {}

  static async start(): Promise<LockWorker> {
    const worker = new LockWorker(cluster.fork());
    await worker.told('ready', '');
    return worker;
  }

  told(type: Told['type'], key: string): Promise<void> {
    return new Promise((resolve) => {
      const listen = (told: Told): void => {
        if (told.type !== type || told.key !== key) return;
        this.worker.off('message', listen);
        resolve();
      };
      this.worker.on('message', listen);
    });
  }

  /** Resolves once it holds the lock. */
  hold(key: string): Promise<void> {
    const held = this.told('holds', key);
    this.send({ type: 'hold', key });
    return held;
  }

  release(key: string): void {
    this.send({ type: 'release', key });
  }

  async count(key: string, path: string, times: number): Promise<void> {
    const counted = this.told('counted', key);
    this.send({ type: 'count', key, path, times });
    await counted;
  }

  async kill(): Promise<void> {
    if (this.worker.isDead()) return;
    const ended = once(this.worker, 'exit');
    this.worker.process.kill('SIGKILL');
    await ended;
  }

  private send(task: Task): void {
    this.worker.send(task);
  }
}

describe('composition/locks: among the workers of a server', function () {
  this.timeout(30_000);
  let home: TemporaryDirectory;
  let workers: LockWorker[] = [];
  before(async () => {
    home = await temporaryDirectory('locks');
    cluster.setupPrimary({ exec: fileURLToPath(new URL('./lock-worker.js', import.meta.url)), execArgv: [] });
    grantLocks();
  });
  after(() => {
    cluster.removeAllListeners();
    return home.remove();
  });
  beforeEach(async () => {
    workers = await Promise.all([LockWorker.start(), LockWorker.start(), LockWorker.start()]);
  });
  afterEach(() => Promise.all(workers.map((worker) => worker.kill())));

  function three(): readonly [LockWorker, LockWorker, LockWorker] {
    const [one, two, three] = workers;
    assert.ok(one && two && three);
    return [one, two, three];
  }

  it('lets one work at a time change a thing', async () => {
    const path = join(home.path, 'count');
    await writeFile(path, '0');
    await Promise.all(workers.map((worker) => worker.count('key', path, 40)));
    assert.equal(await readFile(path, 'utf8'), '120');
  });

  it('gives a lock on when its holder lets go, to whoever asked first', async () => {
    const [one, two, last] = three();
    const order: string[] = [];
    await one.hold('key');
    const second = two.hold('key').then(() => order.push('two'));
    await two.hold('another'); // what it asked before has arrived
    const third = last.hold('key').then(() => order.push('last'));
    await last.hold('yet another');
    assert.deepEqual(order, []);
    one.release('key');
    await second;
    assert.deepEqual(order, ['two']);
    two.release('key');
    await third;
  });

  it('takes a lock from a holder that is killed', async () => {
    const [one, two] = three();
    await one.hold('key');
    await one.hold('other');
    const next = [two.hold('key'), two.hold('other')];
    await two.hold('another');
    await one.kill();
    await Promise.all(next);
  });

  it('passes over one that is killed while it waits', async () => {
    const [one, two, last] = three();
    await one.hold('key');
    void two.hold('key');
    await two.hold('another');
    const next = last.hold('key');
    await last.hold('yet another');
    await two.kill();
    one.release('key');
    await next;
    last.release('key');
  });
});
