import { Digest } from './digest.js';
import type { Grantee } from './grant.js';
import { componentOf, flatName, nameOfComponent } from './key-component.js';
import type { Tag } from './reference.js';
import type { RepositoryName } from './repository-name.js';

export { flatName, unflatName } from './key-component.js';
export { digestOfKey, linkedDigest } from './listed-digest.js';

declare const brand: unique symbol;

/** The name of an object in the store. Made in this file and nowhere else. */
export type Key = string & { readonly [brand]: 'Key' };

const key = (text: string): Key => text as Key;

/*
 * docker/registry/v2/ is CNCF distribution's layout (registry/storage/paths.go):
 *
 *   blobs/sha256/<2 hex>/<hex>/data                           every byte: layers, configs, manifests
 *   repositories/<name>/_layers/<alg>/<hex>/link              a blob belongs to the repository
 *   repositories/<name>/_manifests/revisions/<alg>/<hex>/link a manifest belongs to the repository
 *   repositories/<name>/_manifests/tags/<tag>/current/link    what the tag points to
 *   repositories/<name>/_manifests/tags/<tag>/index/<alg>/<hex>/link
 *
 * A link holds a digest, without a newline. stackyard/v1/ is what distribution has no place for.
 */
const V2 = 'docker/registry/v2';
const OWN = 'stackyard/v1';
const BLOB_DATA = new RegExp(`^${V2}/blobs/([a-z0-9]+)/([0-9a-f]{2})/(\\2[0-9a-f]+)/data$`);

/** Prefixes under which a driver may be asked to store; drivers keep what is theirs elsewhere. */
export const KEY_ROOTS = [`${V2}/`, `${OWN}/`] as const;

/** Holds every blob of the store. */
export const BLOBS_PREFIX = `${V2}/blobs/`;
/** Holds every repository of the store. */
export const REPOSITORIES_PREFIX = `${V2}/repositories/`;
/** Holds all that distribution keeps. */
export const DISTRIBUTION_PREFIX = `${V2}/`;
export const FORMAT_KEY = key(`${OWN}/format`);
export const CATALOG_PREFIX = `${OWN}/catalog/`;
export const SESSION_KEYS_PREFIX = `${OWN}/keys/upload/`;
export const TOKEN_KEYS_PREFIX = `${OWN}/keys/token/`;
export const PRINCIPALS_PREFIX = `${OWN}/auth/principals/`;
export const ACCESS_TOKENS_PREFIX = `${OWN}/auth/tokens/`;
export const GRANTS_PREFIX = `${OWN}/auth/grants/`;
/** Tells that the store had a first user. */
export const FIRST_ADMIN_KEY = key(`${OWN}/auth/first-admin`);
export const UPLOAD_STEPS_PREFIX = `${OWN}/uploads/`;
export const DAMAGED_PREFIX = `${OWN}/damaged/`;
const SEGMENT_OWNERS_PREFIX = `${OWN}/segments/`;
/** Lists what was done, by time. */
export const AUDIT_PREFIX = `${OWN}/audit/`;
/** Lists answers that a repeated request gets again. */
export const IDEMPOTENCY_PREFIX = `${OWN}/auth/idempotency/`;
/** Lists what is being taken from upstreams. */
export const MIRROR_FETCHES_PREFIX = `${OWN}/mirror/fetches/`;
/** Lists when manifests of the mirror were last asked for, one repository beside the other. */
export const MIRROR_UPSTREAMS_PREFIX = `${OWN}/mirror/upstreams/`;
export const MIRROR_USES_PREFIX = `${OWN}/mirror/uses/`;

const repository = (name: RepositoryName): string => `${REPOSITORIES_PREFIX}${name}`;
const linkPath = (digest: Digest): string => `${digest.algorithm}/${digest.hex}/link`;

/** Bytes are always kept under their sha256, whatever algorithm a link names them by. */
export function blobDataKey(digest: Digest): Key {
  return key(`${V2}/blobs/${digest.algorithm}/${digest.hex.slice(0, 2)}/${digest.hex}/data`);
}

/** The digest under which the key keeps its bytes; undefined for a key that is no blob's. */
export function blobDigestOfKey(text: string): Digest | undefined {
  const [, algorithm, , hex] = BLOB_DATA.exec(text) ?? [];
  return algorithm === undefined ? undefined : Digest.parseIfValid(`${algorithm}:${hex}`);
}

/** Tells that the bytes kept under the digest are proven not to be its own. */
export function damagedMarkKey(digest: Digest): Key {
  return key(`${DAMAGED_PREFIX}${digest.algorithm}/${digest.hex}`);
}

export function layerLinkKey(name: RepositoryName, digest: Digest): Key {
  return key(`${repository(name)}/_layers/${linkPath(digest)}`);
}

/** Lists layer links; `linkedDigest` reads what it finds. */
export function layersPrefix(name: RepositoryName): string {
  return `${repository(name)}/_layers/`;
}

export function revisionLinkKey(name: RepositoryName, digest: Digest): Key {
  return key(`${repository(name)}/_manifests/revisions/${linkPath(digest)}`);
}

/** Lists revision links; `linkedDigest` reads what it finds. */
export function revisionsPrefix(name: RepositoryName): string {
  return `${repository(name)}/_manifests/revisions/`;
}

export function tagCurrentKey(name: RepositoryName, tag: Tag): Key {
  return key(`${repository(name)}/_manifests/tags/${tag}/current/link`);
}

export function tagIndexKey(name: RepositoryName, tag: Tag, digest: Digest): Key {
  return key(`${tagIndexPrefix(name, tag)}${linkPath(digest)}`);
}

export function tagIndexPrefix(name: RepositoryName, tag: Tag): string {
  return `${repository(name)}/_manifests/tags/${tag}/index/`;
}

/** A listing of it by `/` has one prefix a tag. */
export function tagsPrefix(name: RepositoryName): string {
  return `${repository(name)}/_manifests/tags/`;
}

/** Begins every object of the repository itself, none of those nested in it. */
export function repositoryFilesPrefix(name: RepositoryName): string {
  return `${repository(name)}/_`;
}

export function catalogMarkerKey(name: RepositoryName): Key {
  return key(`${CATALOG_PREFIX}${flatName(name)}`);
}

export function referrersPrefix(name: RepositoryName, subject: Digest): string {
  return `${OWN}/referrers/${flatName(name)}/${subject.algorithm}/${subject.hex}/`;
}

export function referrerKey(name: RepositoryName, subject: Digest, referrer: Digest): Key {
  return key(`${referrersPrefix(name, subject)}${referrer.algorithm}/${referrer.hex}`);
}

/** Tells that what lies below `mirror/<upstream>/` is taken from it, and never pushed. */
export const mirrorUpstreamKey = (upstream: string): Key => key(`${MIRROR_UPSTREAMS_PREFIX}${upstream}`);

/** Tells who takes the blob for the repository, and how much of it lies where. */
export function mirrorFetchKey(name: RepositoryName, digest: Digest): Key {
  return key(`${MIRROR_FETCHES_PREFIX}${flatName(name)}/${digest.algorithm}/${digest.hex}`);
}

/** Tells by its age when the manifest was last asked for. */
export function mirrorUseKey(name: RepositoryName, digest: Digest): Key {
  return key(`${MIRROR_USES_PREFIX}${flatName(name)}/${digest.algorithm}/${digest.hex}`);
}

/** Tells which immutable tag was to point to a manifest. */
export function pinKey(name: RepositoryName, digest: Digest): Key {
  return key(`${OWN}/pins/${flatName(name)}/${digest.algorithm}/${digest.hex}`);
}

/** The media type of a manifest whose body does not tell it. */
export function mediaTypeKey(name: RepositoryName, digest: Digest): Key {
  return key(`${OWN}/types/${flatName(name)}/${digest.algorithm}/${digest.hex}`);
}

/** List what is kept of a repository's manifests beside distribution's files; each key ends in the digest of one. */
export function manifestExtrasPrefixes(name: RepositoryName): readonly string[] {
  const prefixes = ['types', 'pins', 'referrers'].map((kind) => `${OWN}/${kind}/${flatName(name)}/`);
  return name.startsWith('mirror/') ? [...prefixes, `${MIRROR_USES_PREFIX}${flatName(name)}/`] : prefixes;
}

/** One step of an upload session, named by the offset at which it starts. */
export function uploadStepKey(set: string, start: number): Key {
  return key(`${UPLOAD_STEPS_PREFIX}${set}/${start}`);
}

/** Tells that a blob was made of the set's segments; `name` is the blob's sha256 in hexadecimal. */
export function segmentOwnerKey(set: string, name: string): Key {
  return key(`${SEGMENT_OWNERS_PREFIX}${set}/${name}`);
}

export function sessionKeyKey(id: string): Key {
  return key(`${SESSION_KEYS_PREFIX}${id}`);
}

/** A key that signs tokens, named by its key id. */
export function tokenKeyKey(id: string): Key {
  return key(`${TOKEN_KEYS_PREFIX}${id}`);
}

/** A user or robot. */
export function principalKey(name: string): Key {
  return key(`${PRINCIPALS_PREFIX}${name}`);
}

/** Tells that a user or robot may not log in, whatever its record says. */
export function disabledKey(name: string): Key {
  return key(`${OWN}/auth/disabled/${name}`);
}

export function accessTokenKey(id: string): Key {
  return key(`${ACCESS_TOKENS_PREFIX}${id}`);
}

/** Lists the access tokens of one principal. */
export function ownedTokensPrefix(owner: string): string {
  return `${OWN}/auth/token-owners/${owner}/`;
}

/** Tells that an access token belongs to a principal. */
export function ownedTokenKey(owner: string, id: string): Key {
  return key(`${ownedTokensPrefix(owner)}${id}`);
}

/** When an access token was last used. */
export function tokenUseKey(id: string): Key {
  return key(`${OWN}/auth/token-uses/${id}`);
}

/** Lists the grants of one grantee. */
export function grantsPrefix({ kind, name }: Grantee): string {
  return `${GRANTS_PREFIX}${kind}/${componentOf(name)}/`;
}

export function grantKey(grantee: Grantee, id: string): Key {
  return key(`${grantsPrefix(grantee)}${id}`);
}

/** Changes whenever what was given to somebody until now shall hold no longer. */
export function generationKey(kind: Grantee['kind'] | 'token', name: string): Key {
  return key(`${OWN}/auth/generations/${kind}/${componentOf(name)}`);
}

/** The grantee in whose name a listed grant is kept. @throws InvalidValue */
export function granteeOfKey(text: string): { kind: string; name: string } {
  const [kind = '', component = ''] = text.slice(GRANTS_PREFIX.length).split('/');
  return { kind, name: nameOfComponent(component) };
}

/** Some events; `hour` is `YYYY-MM-DDTHH`, and names within it sort by time. */
export function auditKey(hour: string, name: string): Key {
  return key(`${AUDIT_PREFIX}${hour}/${name}`);
}

/** What operators set while servers run. */
export function settingKey(name: 'read-only' | 'log-level'): Key {
  return key(`${OWN}/settings/${name}`);
}

/** The answer to the request that a digest stands for. */
export function idempotencyKey(digest: string): Key {
  return key(`${IDEMPOTENCY_PREFIX}${digest}`);
}

/** What `stackyard doctor` writes, reads and removes again. */
export function doctorKey(name: string): Key {
  return key(`${OWN}/doctor/${name}`);
}

/** Whether an object lets its reader forge tokens or guess passwords, or tells who does what. */
export function isPrivateKey(text: string): boolean {
  return ['keys', 'auth', 'audit'].some((folder) => text.startsWith(`${OWN}/${folder}/`));
}

/** A key that a listing of the store returned. */
export function listedKey(text: string): Key {
  return key(text);
}
