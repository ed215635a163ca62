import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../composition/process-config.js';

/** A time (RFC 3339), which may be told by what time it is now. */
export type Moment = (now: number) => string;

/** An age or a time of the calendar. */
export function parseMoment(text: string): Moment {
  const age = parseDuration(text);
  if (age !== undefined) return (now) => new Date(Math.max(0, now - age)).toISOString();
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new InvalidArgumentError('Give an age such as 24h, or a time such as 2026-01-31T12:00:00Z.');
  }
  return () => new Date(time).toISOString();
}
