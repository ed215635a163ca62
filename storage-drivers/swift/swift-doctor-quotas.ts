import type { IncomingHttpHeaders } from 'node:http';
import { readableBytes } from '../../src/domain/byte-size.js';
import { failure, ok, warning, type Verdict } from '../../src/ports/finding.js';
import type { SwiftFacts } from './swift-doctor-facts.js';
import { swiftFailure } from './swift-failure.js';

/** The part of a quota above which it is told. */
const NEARLY_FULL = 0.9;

/** Swift's container quotas: of bytes, and of objects. */
export async function checkContainerQuotas(facts: SwiftFacts): Promise<readonly Verdict[]> {
  const headers = facts.requireContainer();
  const fix = (kind: string): string =>
    `raise it: swift post -m 'Quota-${kind}:NUMBER' ${facts.options.container}, or delete images`;
  const bytes = verdictOn(
    headers,
    'x-container-meta-quota-bytes',
    'x-container-bytes-used',
    readableBytes,
    fix('Bytes'),
  );
  const count = verdictOn(
    headers,
    'x-container-meta-quota-count',
    'x-container-object-count',
    objects,
    fix('Count'),
  );
  const found = [bytes, count].filter((verdict) => verdict !== undefined);
  return found.length === 0 ? [ok('none')] : found;
}

/** The quota of the account, which only an operator sets. */
export async function checkAccountQuota(facts: SwiftFacts): Promise<Verdict> {
  facts.requireAnswer();
  const { client } = facts;
  const { status, headers } = await client.sendForHead({ method: 'HEAD', at: 'account' });
  if (status === 403) return ok('not told to this user');
  if (status !== 200 && status !== 204)
    throw swiftFailure(client.nameOf({ method: 'HEAD', at: 'account' }), status);
  const fix = "have the cluster's operator raise it, or delete images";
  return (
    verdictOn(headers, 'x-account-meta-quota-bytes', 'x-account-bytes-used', readableBytes, fix) ?? ok('none')
  );
}

function verdictOn(
  headers: IncomingHttpHeaders,
  quotaHeader: string,
  usedHeader: string,
  shown: (amount: number) => string,
  fix: string,
): Verdict | undefined {
  const text = headers[quotaHeader]?.toString() ?? '';
  if (!/^\d+$/.test(text)) return undefined;
  const quota = Number(text);
  const used = Number(headers[usedHeader] ?? 0);
  const left = Math.max(quota - used, 0);
  const found = `${shown(used)} of ${shown(quota)} are used, ${shown(left)} are left`;
  if (left === 0) return failure(`${found}: Swift refuses what is pushed`, fix);
  return used > quota * NEARLY_FULL ? warning(found, fix) : ok(found);
}

function objects(count: number): string {
  return `${count} objects`;
}
