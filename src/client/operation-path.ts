import type { Operation } from '../api/operation.js';
import { API_PREFIX } from '../api/operations.js';

type Value = string | number | boolean | readonly string[] | undefined;

/** Below a server's own path, as it is sent: each part encoded, names of several values repeated. */
export function pathOf(
  { path }: Pick<Operation, 'path'>,
  { params = {}, query = {} }: { readonly params?: unknown; readonly query?: unknown },
): string {
  const parts = params as Readonly<Record<string, string>>;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts[name] ?? ''));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query as Readonly<Record<string, Value>>)) {
    for (const each of Array.isArray(value) ? (value as string[]) : [value])
      if (each !== undefined) search.append(name, String(each));
  }
  return `${API_PREFIX}${filled}${search.size === 0 ? '' : `?${search.toString()}`}`;
}
