import { encodePath } from './object-names.js';

/** What `POST /v1/ACCOUNT?bulk-delete` came to; its HTTP status is 200 whatever happened. */
export interface BulkResult {
  /** Of the operation as a whole, such as `401 Unauthorized`; undefined where it was carried out. */
  readonly failure?: string;
  /** By object name: why it was not deleted. */
  readonly errors: ReadonlyMap<string, string>;
}

export function encodeBulkDelete(container: string, objects: readonly string[]): Buffer {
  const prefix = `/${encodePath(container)}/`;
  return Buffer.from(objects.map((object) => `${prefix}${encodePath(object)}\n`).join(''));
}

export function decodeBulkDelete(container: string, text: Buffer): BulkResult {
  let result: { 'Response Status'?: string; Errors?: readonly (readonly [string, string])[] };
  try {
    result = JSON.parse(text.toString()) as typeof result;
  } catch {
    return { failure: 'something that is no report', errors: new Map() };
  }
  const { 'Response Status': status = '', Errors: errors = [] } = result;
  const prefix = `/${container}/`;
  const named = errors.map(([path, reason]): [string, string] => {
    const name = `/${decodeURIComponent(path)}`.replace(/^\/+/, '/');
    return [name.startsWith(prefix) ? name.slice(prefix.length) : name, reason];
  });
  // With errors of single objects the whole is 400 as well.
  if (status.startsWith('200') || named.length > 0) return { errors: new Map(named) };
  return { failure: status, errors: new Map() };
}
