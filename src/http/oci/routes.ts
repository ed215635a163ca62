import type { RepositoryName } from '../../domain/repository-name.js';
import type { Action, Scope } from '../../domain/scope.js';
import type { AuditAction } from '../../ports/audit.js';
import { getBase, getExtensions } from './base.js';
import { deleteBlob, getBlob, headBlob } from './blobs.js';
import type { OciCall } from './call.js';
import { getCatalog, getReferrers, getTags } from './lists.js';
import { deleteManifest, getManifest, putManifest } from './manifests.js';
import type { Shape } from './path.js';
import { deleteUpload, getUpload, patchUpload, postUpload, putUpload } from './uploads.js';

/** What a route needs: actions on its repository, the catalog, or only to be known. */
export type Access = readonly Action[] | 'catalog' | 'none';

export interface Route {
  readonly method: string;
  readonly shape: Shape;
  readonly access: Access;
  /** What the audit trail is told that it does. */
  readonly audit?: AuditAction;
  readonly handle: (call: OciCall) => Promise<void> | void;
}

/** Every endpoint of the registry API (OCI distribution-spec "Endpoints" and Docker's catalog). */
export const ROUTES: readonly Route[] = [
  { method: 'GET', shape: 'base', access: 'none', handle: getBase },
  { method: 'HEAD', shape: 'base', access: 'none', handle: getBase },
  { method: 'GET', shape: 'catalog', access: 'catalog', handle: getCatalog },
  { method: 'GET', shape: 'extensions', access: 'none', handle: getExtensions },
  { method: 'GET', shape: 'repository-extensions', access: ['pull'], handle: getExtensions },
  { method: 'GET', shape: 'tags', access: ['pull'], handle: getTags },
  { method: 'GET', shape: 'referrers', access: ['pull'], handle: getReferrers },
  { method: 'GET', shape: 'manifest', access: ['pull'], audit: 'manifest.pull', handle: getManifest },
  { method: 'HEAD', shape: 'manifest', access: ['pull'], handle: getManifest },
  { method: 'PUT', shape: 'manifest', access: ['pull', 'push'], audit: 'manifest.push', handle: putManifest },
  {
    method: 'DELETE',
    shape: 'manifest',
    access: ['delete'],
    audit: 'manifest.delete',
    handle: deleteManifest,
  },
  { method: 'GET', shape: 'blob', access: ['pull'], audit: 'blob.pull', handle: getBlob },
  { method: 'HEAD', shape: 'blob', access: ['pull'], handle: headBlob },
  { method: 'DELETE', shape: 'blob', access: ['delete'], audit: 'blob.delete', handle: deleteBlob },
  { method: 'POST', shape: 'uploads', access: ['pull', 'push'], handle: postUpload },
  { method: 'GET', shape: 'upload', access: ['pull', 'push'], handle: getUpload },
  { method: 'PATCH', shape: 'upload', access: ['pull', 'push'], handle: patchUpload },
  { method: 'PUT', shape: 'upload', access: ['pull', 'push'], handle: putUpload },
  { method: 'DELETE', shape: 'upload', access: ['pull', 'push'], handle: deleteUpload },
];

/** The scopes that a route's access means for a repository. */
export function scopesOf(access: Access, name: RepositoryName | undefined): readonly Scope[] {
  if (access === 'none') return [];
  if (access === 'catalog') return [{ type: 'registry', name: 'catalog', actions: ['*'] }];
  return name === undefined ? [] : [{ type: 'repository', name, actions: access }];
}
