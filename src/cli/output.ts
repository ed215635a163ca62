import type { CommandContext, ResultOptions } from './command-context.js';

export { readableBytes } from '../composition/process-config.js';

/** `1 set`, `2 sets`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Rows of names and values, the values below one another. */
export function table(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = widest(rows.map(([name]) => name));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`.trimEnd() + '\n').join('');
}

/** Rows under a heading, each column as wide as it needs. */
export function grid(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [heading, ...rows.map((row) => row.map(printable))];
  const widths = columnWidths(lines);
  return lines.map((line) => aligned(line, widths)).join('');
}

/** Of cells that are printable. */
export function columnWidths(lines: readonly (readonly string[])[]): readonly number[] {
  const columns = lines.reduce((most, line) => Math.max(most, line.length), 0);
  return Array.from({ length: columns }, (_, column) => widest(lines.map((line) => line[column] ?? '')));
}

/** Lists may be longer than a call may have arguments. */
function widest(cells: readonly string[]): number {
  return cells.reduce((width, { length }) => Math.max(width, length), 0);
}

/** One line of a table; cells that are too long move the others. */
export function aligned(line: readonly string[], widths: readonly number[]): string {
  const text = line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ');
  return `${text.trimEnd()}\n`;
}

/** To the second; `never` and the like for none. */
export function readableTime(time: string | undefined, none: string): string {
  return time?.replace(/\.\d+Z$/, 'Z') ?? none;
}

const STEERING = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** One line; names and notes from elsewhere must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(STEERING, '?');
}

/** JSON with what could steer the terminal as `\uXXXX`. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replaceAll(STEERING, escaped);
}

function escaped(character: string): string {
  return [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('');
}

/** What the API answered as it is with --json, else for people. */
export function printResult<T>(
  { out }: CommandContext,
  { json }: ResultOptions,
  value: T,
  text: (value: T) => string,
): void {
  out(json ? `${jsonText(value)}\n` : text(value));
}
