import type { Namespaces } from '../../mirror/namespaces.js';
import type { ClientOrigin } from '../client-origin.js';
import type { Locate } from './dispatcher.js';

const NAMESPACE = /(?:^|&)ns=/;

/** The `ns` of a query (OCI distribution-spec "Registry Proxying"); undefined where it has none. */
export function namespaceIn(search: string): string | undefined {
  if (search === '' || !NAMESPACE.test(search)) return undefined;
  return new URLSearchParams(search).get('ns') ?? undefined;
}

/** Finds what is asked for with `ns` below `mirror/`, and what has none where it always was. */
export function locateByNamespace(namespaces: Namespaces, origin: ClientOrigin): Locate {
  return (asked, search, request) => {
    const namespace = namespaceIn(search);
    if (namespace === undefined) return undefined;
    const { host = '' } = request.headers;
    return namespaces.locate(asked, namespace, [host, hostOf(origin.urlOf(request))]);
  };
}

/** With its port; what a client calls this server need not be a URL. */
function hostOf(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}
