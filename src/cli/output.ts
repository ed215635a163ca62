import type { CommandContext, ResultOptions } from './command-context.js';

export { readableBytes } from '../composition/process-config.js';

/** `1 set`, `2 sets`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Rows of names and values, the values below one another. */
export function table(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
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
  const columns = Math.max(0, ...lines.map((line) => line.length));
  return Array.from({ length: columns }, (_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
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

/** One line; names and notes from elsewhere must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
}

/** What the API answered as it is with --json, else for people. */
export function printResult<T>(
  { out }: CommandContext,
  { json }: ResultOptions,
  value: T,
  text: (value: T) => string,
): void {
  out(json ? `${JSON.stringify(value)}\n` : text(value));
}
