import type { Exchange } from './exchange.js';
import { parseTarget, type RequestTarget } from './request-target.js';

/** A target that names an object. */
export type ObjectTarget = RequestTarget & { readonly container: string; readonly object: string };

/**
 * The objects that a request writes or deletes: its own, or those of a bulk delete. Not the segments that
 * `?multipart-manifest=delete` takes with it, nor the target of a COPY.
 */
export async function writtenObjects(exchange: Exchange): Promise<ObjectTarget[]> {
  const { method, target } = exchange;
  if (target.parameters.has('bulk-delete')) {
    const names = (await exchange.body()).toString('latin1').split('\n');
    return names
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => parseTarget(`${target.account ?? ''}/${name.replace(/^\//, '')}`))
      .filter(isObject);
  }
  if (!['PUT', 'POST', 'DELETE'].includes(method)) return [];
  const own = parseTarget(target.raw.split('?', 1)[0] ?? '');
  return isObject(own) ? [own] : [];
}

export function isObject(target: RequestTarget): target is ObjectTarget {
  return target.container !== undefined && target.object !== undefined;
}
