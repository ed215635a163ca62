import { AuditHistory } from '../../src/audit/audit-history.js';
import { AuditLog } from '../../src/audit/audit-log.js';
import { AUDIT_PREFIX, listedKey } from '../../src/domain/keys.js';
import type { Key } from '../../src/domain/keys.js';
import { RepositoryPattern } from '../../src/domain/repository-pattern.js';
import type { AuditEvent, AuditQuery, NewAuditEvent } from '../../src/ports/audit.js';
import type { Clock } from '../../src/ports/clock.js';
import { listAll } from '../../src/ports/listing.js';
import { StorageError } from '../../src/ports/storage-driver.js';
import type { StorageDriver } from '../../src/ports/storage-driver.js';
import { createMemoryDriver } from '../../storage-drivers/memory/memory-driver.js';
import { LogLines } from '../composition/log-lines.js';
import { withFaults } from '../registry/faulty.js';
import { fakeIds } from '../support/in-process.js';

export const SECOND = 1000;
export const HOUR = 3600 * SECOND;
/** A quiet hour begins. */
export const NINE = Date.UTC(2026, 0, 5, 9);
export const EVER: AuditQuery = { from: 0, to: Date.UTC(2100, 0) };

/** Advanced by the test; what is due runs on the way. */
export class ManualClock implements Clock {
  private readonly timers = new Set<{ readonly period: number; due: number; readonly run: () => void }>();

  constructor(private time = NINE) {}

  now(): number {
    return this.time;
  }

  every(period: number, run: () => void): () => void {
    const timer = { period, due: this.time + period, run };
    this.timers.add(timer);
    return () => this.timers.delete(timer);
  }

  /** With the timers standing still. */
  jump(milliseconds: number): void {
    this.time += milliseconds;
  }

  /** Lets what the timers began come to its end. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      const [next] = [...this.timers].sort((a, b) => a.due - b.due);
      if (next === undefined || next.due > end) break;
      this.time = next.due;
      next.due += next.period;
      next.run();
      await settled();
    }
    this.time = end;
  }
}

export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((done) => setImmediate(done));
}

export function pull(more: Partial<NewAuditEvent> = {}): NewAuditEvent {
  return { action: 'manifest.pull', outcome: 'ok', by: 'alice', from: '10.0.0.1', repository: 'a', ...more };
}

export function login(by: string, more: Partial<NewAuditEvent> = {}): NewAuditEvent {
  return { action: 'login', outcome: 'ok', by, from: '10.0.0.1', ...more };
}

/** A memory store whose writes can be held or fail. */
export class AuditWorld {
  readonly clock = new ManualClock();
  readonly ids = fakeIds();
  readonly log = new LogLines();
  readonly store: StorageDriver;
  readonly driver: StorageDriver;
  readonly puts: Key[] = [];
  failing = false;
  private gate: Promise<void> = Promise.resolve();

  /** Over a store of its own, unless it is given one. */
  constructor(store?: StorageDriver) {
    const { clock, ids } = this;
    this.store = store ?? createMemoryDriver({ clock, ids });
    this.driver = withFaults(this.store, {
      put: async (key, bytes, options) => {
        this.puts.push(key);
        await this.gate;
        if (this.failing) throw new StorageError('UNAVAILABLE', 'the store is away');
        return this.store.put(key, bytes, options);
      },
    });
  }

  trail(...strict: readonly string[]): AuditLog {
    const patterns = strict.map((text) => RepositoryPattern.parse(text));
    return new AuditLog(
      { driver: this.driver, clock: this.clock, ids: this.ids, log: this.log },
      { strict: patterns },
    );
  }

  /** From now on writes wait for what is answered to be called. */
  hold(): () => void {
    let release = (): void => undefined;
    this.gate = new Promise((resolve) => (release = resolve));
    return release;
  }

  /** Everything that was written, an array an object. */
  async objects(): Promise<readonly (readonly AuditEvent[])[]> {
    const objects: AuditEvent[][] = [];
    for await (const key of listAll(this.store, { prefix: AUDIT_PREFIX })) {
      const lines = (await this.store.read(listedKey(key))).toString().trimEnd().split('\n');
      objects.push(lines.map((line) => JSON.parse(line) as AuditEvent));
    }
    return objects;
  }

  events(query: AuditQuery = EVER, after?: string): Promise<readonly AuditEvent[]> {
    return eventsIn(this.store, query, after);
  }
}

export async function eventsIn(
  driver: StorageDriver,
  query: AuditQuery = EVER,
  after?: string,
): Promise<readonly AuditEvent[]> {
  const events: AuditEvent[] = [];
  for await (const event of new AuditHistory(driver).events(query, after)) events.push(event);
  return events;
}
