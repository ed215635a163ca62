import { examine, type Check } from '../../src/ports/examination.js';
import type { Finding } from '../../src/ports/finding.js';
import { checkContainer, checkReadAcl, checkWriteAcl } from './swift-doctor-container.js';
import { SwiftFacts, type SwiftExamination } from './swift-doctor-facts.js';
import { checkInfo } from './swift-doctor-info.js';
import { checkLargeObject } from './swift-doctor-large-object.js';
import { checkCatalog, checkLogin, checkToken } from './swift-doctor-login.js';
import { checkAccountQuota, checkContainerQuotas } from './swift-doctor-quotas.js';
import { checkRedirects } from './swift-doctor-redirects.js';
import { checkClock, checkStorage } from './swift-doctor-storage.js';

const REACH =
  'check that Swift runs there and can be reached from here, and that storage.swift.caFile has the authority of its certificate';
const ALLOW =
  'give the user a role that Swift accepts, such as swiftoperator, and look into the log of the proxies';

const CHECKS: readonly Check<SwiftFacts>[] = [
  { name: 'login', run: checkLogin, fix: 'check the URL and the credentials in storage.swift' },
  { name: 'token', run: checkToken, fix: 'check that the identity service runs' },
  { name: 'catalog', run: checkCatalog, fix: 'set storage.swift.region, interface or storageUrl' },
  { name: 'storage', run: checkStorage, fix: REACH },
  { name: 'clock', run: checkClock, fix: REACH },
  { name: 'info', run: checkInfo, fix: REACH },
  { name: 'container', run: checkContainer, fix: REACH },
  { name: 'read ACL', run: checkReadAcl, fix: REACH },
  { name: 'write ACL', run: checkWriteAcl, fix: REACH },
  { name: 'container quota', run: checkContainerQuotas, fix: REACH },
  { name: 'account quota', run: checkAccountQuota, fix: REACH },
  { name: 'large objects', run: checkLargeObject, fix: ALLOW },
  { name: 'redirects', run: checkRedirects, fix: ALLOW },
];

/**
 * Looks at an account and its container from the login to a large object, and leaves both as they were. Returns
 * whether there is a container that a server may open.
 */
export async function* examineSwift(options: SwiftExamination): AsyncGenerator<Finding, boolean, void> {
  const facts = new SwiftFacts(options);
  const { connect, request, retry } = options.times;
  try {
    yield* examine(CHECKS, facts, connect + request + retry);
  } finally {
    await facts.client.close();
  }
  return facts.isUsable;
}
