import { z } from 'zod';
import { formatDuration, formatSize, parseDuration, parseSize } from './units.js';

/** What a key accepts. Every kind reads both the YAML value and the text of an environment variable. */
export interface Kind<T extends z.ZodType> {
  readonly schema: T;
  /** Completes "give …" in an error message. */
  readonly accepts: string;
  /** The value as it would be written in the file. */
  readonly print: (value: unknown) => unknown;
}

/** setTimeout takes no more than 2^31 - 1 ms (24.8 days); longer ones would fire at once. */
export const LONGEST_TIMER = '24d';

const asIs = (value: unknown): unknown => value;
const digits = z.string().regex(/^\d+$/).transform(Number);

/** Text that is not empty. */
export function text() {
  return { schema: z.string().min(1), accepts: 'text that is not empty', print: asIs };
}

export function flag() {
  const written = z.stringbool({ truthy: ['true'], falsy: ['false'] });
  return { schema: z.union([z.boolean(), written]), accepts: 'true or false', print: asIs };
}

/** Both bounds are inclusive. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER) {
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} up` : `${min} to ${max}`;
  return {
    schema: z.union([z.number(), digits]).pipe(z.int().min(min).max(max)),
    accepts: `a whole number from ${range}`,
    print: asIs,
  };
}

export function integerOr<const W extends string>(word: W, min: number) {
  const number = integer(min);
  return {
    schema: z.union([z.literal(word), number.schema]),
    accepts: `${number.accepts}, or ${word}`,
    print: asIs,
  };
}

export function oneOf<const V extends readonly [string, ...string[]]>(...values: V) {
  const list = values.length === 1 ? values[0] : `one of ${values.join(', ')}`;
  return { schema: z.enum(values), accepts: list, print: asIs };
}

/** Milliseconds; both bounds are inclusive and written as in the file. */
export function duration(min = '0s', max?: string) {
  const least = parseDuration(min) ?? 0;
  const most = max === undefined ? Number.MAX_SAFE_INTEGER : (parseDuration(max) ?? 0);
  const bounds = `${least > 0 ? ` of at least ${min}` : ''}${max === undefined ? '' : ` up to ${max}`}`;
  return {
    schema: z.string().transform(parseDuration).pipe(z.int().min(least).max(most)),
    accepts: `a duration${bounds}: a whole number and ms, s, m, h or d, such as 30s`,
    print: (value: unknown) => formatDuration(Number(value)),
  };
}

/** Bytes; both bounds are inclusive and written as in the file. */
export function size(min = '0B', max?: string) {
  const least = parseSize(min) ?? 0;
  const most = max === undefined ? Number.MAX_SAFE_INTEGER : (parseSize(max) ?? 0);
  const bounds = `${least > 0 ? ` of at least ${min}` : ''}${max === undefined ? '' : ` up to ${max}`}`;
  return {
    schema: z.union([z.number(), z.string().transform(parseSize)]).pipe(z.int().min(least).max(most)),
    accepts: `a size${bounds}: a whole number and B, KiB, MiB or GiB, such as 64MiB`,
    print: (value: unknown) => formatSize(Number(value)),
  };
}

/** Text of a shape; `accepts` tells which. */
export function shaped(accepts: string, fits: (value: string) => boolean) {
  return { schema: z.string().refine(fits), accepts, print: asIs };
}

/** A YAML list, or the text of a variable with commas between the entries. */
export function list<T extends z.ZodType>(of: Kind<T>) {
  return {
    schema: z.preprocess((value) => (typeof value === 'string' ? split(value) : value), z.array(of.schema)),
    accepts: `a list, each entry ${of.accepts}`,
    print: (value: unknown) => (value as readonly unknown[]).map(of.print),
  };
}

function split(value: string): string[] {
  return value.split(',').map((entry) => entry.trim());
}
