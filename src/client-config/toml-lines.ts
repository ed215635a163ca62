/** A line of a TOML file, as far as it can be told without reading all of TOML. */
export type TomlLine =
  | { readonly kind: 'table'; readonly path: readonly string[] }
  /** `path` is without the table's; `value` without a comment, that of several lines whole. */
  | { readonly kind: 'key'; readonly path: readonly string[]; readonly value: string }
  /** Blank, a comment, or a further line of a value. */
  | { readonly kind: 'other' }
  | { readonly kind: 'unreadable' };

const KEY = String.raw`[A-Za-z0-9_-]+|"[^"\\]*"|'[^']*'`;
const PATH = String.raw`(?:${KEY})(?:[ \t]*\.[ \t]*(?:${KEY}))*`;
const TABLE = new RegExp(
  String.raw`^[ \t]*(?:\[[ \t]*(${PATH})[ \t]*\]|\[\[[ \t]*(${PATH})[ \t]*\]\])[ \t]*$`,
);
const ENTRY = new RegExp(String.raw`^[ \t]*(${PATH})[ \t]*=[ \t]*(.*?)[ \t]*$`, 's');

/**
 * Tells the kind of each line of a text. Strings of several lines, and keys with escapes, are unreadable: after such a
 * line nothing is known.
 */
export function tomlLines(lines: readonly string[]): readonly TomlLine[] {
  const told: TomlLine[] = [];
  let open: { at: number; path: readonly string[]; value: string; depth: number } | undefined;
  for (const [at, line] of lines.entries()) {
    const code = codeOf(line.replace(/\r?\n$/, ''));
    if (code === undefined) {
      told.push({ kind: 'unreadable' });
    } else if (open !== undefined) {
      open.value += ` ${code.text}`;
      open.depth += code.depth;
      told.push({ kind: 'other' });
      if (open.depth <= 0) {
        told[open.at] = { kind: 'key', path: open.path, value: open.value };
        open = undefined;
      }
    } else {
      const line = lineOf(code.text);
      told.push(line);
      if (line.kind === 'key' && code.depth > 0)
        open = { at, path: line.path, value: line.value, depth: code.depth };
    }
  }
  // A list that never ends.
  if (open !== undefined) told[open.at] = { kind: 'unreadable' };
  return told;
}

function lineOf(code: string): TomlLine {
  if (/^[ \t]*$/.test(code)) return { kind: 'other' };
  const table = TABLE.exec(code);
  if (table !== null) return { kind: 'table', path: keysOf(table[1] ?? table[2] ?? '') };
  const entry = ENTRY.exec(code);
  if (entry === null) return { kind: 'unreadable' };
  return { kind: 'key', path: keysOf(entry[1] ?? ''), value: entry[2] ?? '' };
}

function keysOf(path: string): readonly string[] {
  return [...path.matchAll(new RegExp(KEY, 'g'))].map(([key]) =>
    /^["']/.test(key) ? key.slice(1, -1) : key,
  );
}

/** A line without its comment, and how many more brackets it opens than it closes; undefined where that cannot be told. */
function codeOf(line: string): { readonly text: string; readonly depth: number } | undefined {
  let depth = 0;
  let quote: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const each = line.charAt(at);
    if (quote !== undefined) {
      if (each === '\\' && quote === '"') at++;
      else if (each === quote) quote = undefined;
    } else if (each === '#') {
      return { text: line.slice(0, at), depth };
    } else if (each === '"' || each === "'") {
      if (line.startsWith(each.repeat(3), at)) return undefined;
      quote = each;
    } else if (each === '[' || each === '{') depth++;
    else if (each === ']' || each === '}') depth--;
  }
  return quote === undefined ? { text: line, depth } : undefined;
}
