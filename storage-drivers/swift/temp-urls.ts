import type { Clock } from '../../src/ports/clock.js';
import type { Ids } from '../../src/ports/ids.js';
import { TEMP_URL_DIGESTS, signTempUrl } from './temp-url.js';
import type { TempUrlDigest, TempUrlMethod } from './temp-url.js';

/** The requests that TempURLs need. Header names are in lower case. Each throws where Swift does not answer. */
export interface TempUrlStore {
  /** HEAD of the container. */
  containerHeaders(): Promise<Readonly<Record<string, string>>>;
  /** HEAD of the account; empty where the user may not see it. */
  accountHeaders(): Promise<Readonly<Record<string, string>>>;
  /** GET /info; empty where the cluster hides it. */
  info(): Promise<{ readonly tempurl?: TempUrlInfo }>;
  /** POST X-Container-Meta-Temp-URL-Key. */
  setContainerKey(key: string): Promise<void>;
  storageUrl(): Promise<URL>;
  /** The status of a GET without a token, its body dropped. */
  probe(url: URL): Promise<number>;
}

/** What a cluster tells of its tempurl middleware. */
export interface TempUrlInfo {
  readonly methods?: readonly string[];
  readonly allowed_digests?: readonly string[];
}

export interface TempUrlOptions {
  readonly container: string;
  /** The object that a self-test reads: small, and there. */
  readonly known: string;
  /** Whether a container without any key may be given one. */
  readonly createKey: boolean;
}

export interface TempUrlParts {
  readonly store: TempUrlStore;
  readonly clock: Clock;
  readonly ids: Ids;
}

interface Signer {
  readonly key: string;
  readonly digest: TempUrlDigest;
  readonly storageUrl: URL;
}

const KEY_BYTES = 32;
const REREAD_AFTER = 10 * 60_000;
/** Another node may at the same moment have found no key either, and set its own over ours. */
const REREAD_NEW_KEY_AFTER = 5_000;
const FIRST_RETRY_AFTER = 60_000;
const LAST_RETRY_AFTER = 10 * 60_000;
const PROBE_LIFETIME = 60_000;
/** Ceph's RGW does not tell what it takes. */
const UNTOLD_DIGESTS: readonly TempUrlDigest[] = ['sha256', 'sha1'];

/** The key's header, after `x-container-meta-` or `x-account-meta-`. */
const KEY_NAMES = ['temp-url-key', 'temp-url-key-2'] as const;

/**
 * Signs URLs of a container's objects with a key that a self-test proved, or answers none. The key is read again
 * every 10 minutes; after a failure it is tried again after 1 to 10 minutes.
 */
export class TempUrls {
  private signer: Signer | undefined;
  private failure: string | undefined;
  private due = Number.NEGATIVE_INFINITY;
  private retryAfter = FIRST_RETRY_AFTER;
  private checking: Promise<void> | undefined;

  constructor(
    private readonly parts: TempUrlParts,
    private readonly options: TempUrlOptions,
  ) {}

  /** Why there are no URLs now. */
  get reason(): string | undefined {
    return this.failure;
  }

  /** A URL that lets its holder read the object until then; undefined while the self-test fails. */
  async url(object: string, method: TempUrlMethod, expiresAt: Date): Promise<URL | undefined> {
    await this.check();
    if (this.signer === undefined) return undefined;
    return signTempUrl({ ...this.signer, container: this.options.container, object, method, expiresAt });
  }

  /** Reads the key and tests it, where that is due. Never throws: see `reason`. */
  check(): Promise<void> {
    if (this.parts.clock.now() < this.due) return Promise.resolve();
    this.checking ??= this.read().finally(() => (this.checking = undefined));
    return this.checking;
  }

  private async read(): Promise<void> {
    const { clock } = this.parts;
    let isNew = false;
    try {
      const found = await this.readKey();
      isNew = found.isNew;
      this.signer = await this.tested(found.key);
      this.failure = undefined;
      this.retryAfter = FIRST_RETRY_AFTER;
      this.due = clock.now() + (isNew ? REREAD_NEW_KEY_AFTER : REREAD_AFTER);
    } catch (error) {
      this.signer = undefined;
      this.failure = error instanceof Error ? error.message : String(error);
      this.due = clock.now() + (isNew ? REREAD_NEW_KEY_AFTER : this.retryAfter);
      if (!isNew) this.retryAfter = Math.min(this.retryAfter * 2, LAST_RETRY_AFTER);
    }
  }

  private async readKey(): Promise<{ key: string; isNew: boolean }> {
    const { store, ids } = this.parts;
    const found = keyIn('container', await store.containerHeaders());
    if (found !== undefined) return { key: found, isNew: false };
    const inherited = keyIn('account', await store.accountHeaders());
    if (inherited !== undefined) return { key: inherited, isNew: false };
    if (!this.options.createKey) {
      throw new Error('neither the container nor the account has a Temp-URL-Key; set one');
    }
    await store.setContainerKey(ids.secret(KEY_BYTES).toString('hex'));
    const set = keyIn('container', await store.containerHeaders());
    if (set === undefined) throw new Error('the container does not show the Temp-URL-Key that was set');
    return { key: set, isNew: true };
  }

  /** The first digest with which a URL of the known object is answered. @throws Error with the reason */
  private async tested(key: string): Promise<Signer> {
    const { store, clock } = this.parts;
    const { container, known } = this.options;
    const storageUrl = await store.storageUrl();
    const expiresAt = new Date(clock.now() + PROBE_LIFETIME);
    let status = 0;
    for (const digest of digestsOf((await store.info()).tempurl)) {
      const signer = { key, digest, storageUrl };
      status = await store.probe(
        signTempUrl({ ...signer, container, object: known, method: 'GET', expiresAt }),
      );
      if (status === 200) return signer;
    }
    throw new Error(`the TempURL of ${container}/${known} was answered ${status}${adviceOn(status)}`);
  }
}

export function keyIn(
  scope: 'container' | 'account',
  headers: Readonly<Record<string, string>>,
): string | undefined {
  return KEY_NAMES.map((name) => headers[`x-${scope}-meta-${name}`]).find(
    (key) => key !== undefined && key !== '',
  );
}

/** Those worth a try. @throws Error where the cluster signs nothing that is of use */
function digestsOf({ methods, allowed_digests: allowed }: TempUrlInfo = {}): readonly TempUrlDigest[] {
  if (methods !== undefined && !methods.includes('GET')) {
    throw new Error("the cluster's tempurl middleware does not allow GET");
  }
  if (allowed === undefined) return UNTOLD_DIGESTS;
  const best = TEMP_URL_DIGESTS.find((digest) => allowed.includes(digest));
  if (best === undefined) {
    throw new Error(`the cluster signs TempURLs with none of ${TEMP_URL_DIGESTS.join(', ')}`);
  }
  return [best];
}

function adviceOn(status: number): string {
  if (status === 401 || status === 403) {
    return ": check the Temp-URL-Key, this machine's clock, and that the proxies run tempurl before auth";
  }
  return status === 404 ? ': it is not there' : '';
}
