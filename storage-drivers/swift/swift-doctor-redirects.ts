import { failureOf, ok, warning, type Verdict } from '../../src/ports/finding.js';
import { ClientTempUrlStore } from './client-temp-url-store.js';
import type { SwiftFacts } from './swift-doctor-facts.js';
import { Probe } from './swift-doctor-probe.js';
import { TEMP_URL_DIGESTS } from './temp-url.js';
import { TempUrls, keyIn } from './temp-urls.js';

/** Whether signed URLs work, where clients are sent to Swift by them. No key is ever set here. */
export async function checkRedirects(facts: SwiftFacts): Promise<Verdict> {
  facts.requireContainer();
  const { options, client, cluster } = facts;
  const store = new ClientTempUrlStore(client);
  const owner = await ownerOfKey(store);
  const key = owner === undefined ? 'there is no Temp-URL-Key' : `the Temp-URL-Key is that of the ${owner}`;
  if (!options.redirects) return ok(`off (storage.swift.redirect.enabled); ${key}`);
  if (owner === undefined && options.createTempUrlKey) {
    return warning(
      'neither the container nor the account has a Temp-URL-Key: the first redirect sets one',
      `let the server do it, or: swift post -m "Temp-URL-Key:$(openssl rand -hex 32)" ${options.container}`,
    );
  }
  const reason = await Probe.use(facts, async (probe) => {
    const { object } = await probe.put('temp-url', Buffer.from('a signed URL reads this'));
    const urls = new TempUrls(
      { ...options, store },
      { container: options.container, known: object, createKey: false },
    );
    await urls.check();
    return urls.reason;
  });
  if (reason !== undefined) {
    return failureOf(`signed URLs do not work, so blobs are proxied: ${reason}`, REMEDY);
  }
  const allowed = cluster?.tempurl?.allowed_digests;
  const digest = allowed && TEMP_URL_DIGESTS.find((one) => allowed.includes(one));
  return ok(`a signed URL was read; ${key}${digest === undefined ? '' : `, the digest ${digest}`}`);
}

const REMEDY =
  'check the tempurl middleware, the key and the clocks, or switch storage.swift.redirect.enabled off';

async function ownerOfKey(store: ClientTempUrlStore): Promise<'container' | 'account' | undefined> {
  if (keyIn('container', await store.containerHeaders()) !== undefined) return 'container';
  return keyIn('account', await store.accountHeaders()) === undefined ? undefined : 'account';
}
