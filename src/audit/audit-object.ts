import { AUDIT_PREFIX, auditKey } from '../domain/keys.js';
import type { Key } from '../domain/keys.js';
import type { AuditEvent } from '../ports/audit.js';
import { StorageError } from '../ports/storage-driver.js';

/**
 * Milliseconds. An object is named by the time of its oldest event, and none of its events is younger than that by
 * more: readers know from names alone where to look.
 */
export const OBJECT_SPAN = 10_000;
const HOUR_LENGTH = 'YYYY-MM-DDTHH'.length;

const HOUR = /^\d{4}-\d{2}-\d{2}T\d{2}$/;
const NAME = /^(\d{4}-\d{2}-\d{2}T\d{2})\/(\d{2})(\d{2})(\d{3})-[a-z0-9]+$/;

/** Of an object whose oldest event is of that time; `unique` lets no other process have the same. */
export function auditObjectKey(at: number, unique: string): Key {
  return auditKey(hourOf(at), `${timeInHour(at)}-${unique}`);
}

/** `YYYY-MM-DDTHH`, UTC. */
export function hourOf(time: number): string {
  return new Date(time).toISOString().slice(0, HOUR_LENGTH);
}

/** Sorts right before the objects of that time and after those before it. */
export function startOfTime(time: number): string {
  return auditKey(hourOf(time), timeInHour(time));
}

/** When an hour begins, in milliseconds since 1970; undefined for a text that is none. */
export function hourTime(hour: string): number | undefined {
  const time = HOUR.test(hour) ? Date.parse(`${hour}:00:00.000Z`) : NaN;
  return Number.isNaN(time) ? undefined : time;
}

/** The time by which an object is named; undefined for an object that is not of the trail. */
export function timeOfObject(key: string): number | undefined {
  const [, hour, minute, second, millisecond] = NAME.exec(key.slice(AUDIT_PREFIX.length)) ?? [];
  const time = hour === undefined ? NaN : Date.parse(`${hour}:${minute}:${second}.${millisecond}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** JSON lines in UTF-8. */
export function encodeEvents(events: readonly AuditEvent[]): Buffer {
  return Buffer.from(events.map((event) => `${JSON.stringify(event)}\n`).join(''));
}

/** @throws StorageError UNAVAILABLE for an object that is not whole: what was done there cannot be told */
export function decodeEvents(key: string, bytes: Buffer): AuditEvent[] {
  const lines = bytes.toString().split('\n');
  if (lines.pop() !== '') throw unreadable(key, 'its last line has no end');
  return lines.map((line, index) => {
    try {
      const event = JSON.parse(line) as Partial<AuditEvent> | null;
      const isEvent = typeof event?.action === 'string' && !Number.isNaN(Date.parse(event.at ?? ''));
      if (isEvent) return event as AuditEvent;
    } catch (error) {
      throw unreadable(key, `line ${index + 1} is not JSON`, error);
    }
    throw unreadable(key, `line ${index + 1} is no event`);
  });
}

/** `MMSSmmm`. */
function timeInHour(time: number): string {
  return new Date(time)
    .toISOString()
    .slice(HOUR_LENGTH + 1, -1)
    .replaceAll(/[:.]/g, '');
}

function unreadable(key: string, why: string, cause?: unknown): StorageError {
  const message = `the audit object ${key} cannot be read: ${why}; restore it from a backup or delete it`;
  return new StorageError('UNAVAILABLE', message, { cause });
}
