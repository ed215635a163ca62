import { InvalidValue } from '../domain/invalid-value.js';
import { Digest } from '../domain/digest.js';
import type { RepositoryName } from '../domain/repository-name.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import { walkRepositories } from '../registry/catalog.js';
import { fallbackReferrers, referrersIn } from '../registry/referrer-scan.js';
import type { Registry } from '../registry/registry.js';
import { writeFormat } from '../registry/store-format.js';
import type { StoreFormat } from '../registry/store-format.js';
import { healStore } from './heal-store.js';
import type { HealOptions, HealReport } from './heal-store.js';
import { countBlobs } from './stored-blobs.js';
import type { BlobForms } from './stored-blobs.js';

export interface AdoptReport {
  readonly origin: StoreFormat['origin'];
  /** Whether another registry may still write to the store. */
  readonly shared: boolean;
  readonly repositories: number;
  /** Manifests that have a subject. */
  readonly referrers: number;
  /** By what each is made of; as they were before a heal. */
  readonly blobs: BlobForms;
  readonly heal?: Omit<HealReport, 'blobs'>;
}

export interface AdoptOptions {
  /** The other registry has stopped for good. */
  readonly finish: boolean;
  /** Converts what it stored in a form of its own. */
  readonly heal?: HealOptions;
}

const NOT_WHILE_SHARED =
  'the store is shared: another registry may still write to it, and would work on what a heal replaces; ' +
  'stop that registry for good and add --finish, or see with --dry-run what there is to heal';
const FALLBACK_TAG = /^(sha256|sha512)-([0-9a-f]{64,128})$/;

/**
 * Tells what a store holds, and with `finish` makes it this registry's alone: writes the markers that another
 * registry does not know of, then records that nobody else writes any more. May be repeated.
 * @throws Error, in one line, for a heal of a store that stays shared
 */
export async function adoptStore(
  driver: StorageDriver,
  registry: Registry,
  format: StoreFormat,
  { finish, heal }: AdoptOptions,
): Promise<AdoptReport> {
  const shared = format.shared && !finish;
  if (shared && heal !== undefined && !heal.dryRun) throw new Error(NOT_WHILE_SHARED);
  let repositories = 0;
  let referrers = 0;
  for await (const name of walkRepositories(driver)) {
    repositories += 1;
    if (finish) await registry.catalog.mark(name);
    for (const { subject, referrer } of await allReferrers(driver, registry, name)) {
      referrers += 1;
      if (finish) await registry.referrers.put(name, subject, referrer);
    }
  }
  if (finish) await writeFormat(driver, { ...format, shared });
  const found = { origin: format.origin, shared, repositories, referrers };
  if (heal === undefined) return { ...found, blobs: await countBlobs(driver) };
  const { blobs, ...report } = await healStore(driver, registry.damaged, heal);
  return { ...found, blobs, heal: report };
}

/** Those that name their subject, then those that only a fallback tag lists. */
async function allReferrers(
  driver: StorageDriver,
  { manifests, tags }: Registry,
  name: RepositoryName,
): ReturnType<typeof referrersIn> {
  const found = [...(await referrersIn(driver, manifests, name))];
  for (const tag of await tags.list(name)) {
    const subject = fallbackSubject(tag);
    if (subject === undefined) continue;
    for (const referrer of await fallbackReferrers(manifests, name, subject)) {
      if (found.some((known) => known.referrer.digest.equals(referrer.digest))) continue;
      found.push({ subject, referrer });
    }
  }
  return found;
}

/** OCI distribution-spec "Referrers Tag Schema"; a tag that only looks like one has no subject. */
function fallbackSubject(tag: string): Digest | undefined {
  const [, algorithm, hex] = FALLBACK_TAG.exec(tag) ?? [];
  try {
    return algorithm === undefined ? undefined : Digest.parse(`${algorithm}:${hex}`);
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}
