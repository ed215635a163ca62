import { readableBytes } from '../../src/domain/byte-size.js';
import { failure, ok, warning, type Verdict } from '../../src/ports/finding.js';
import { publicReaders } from './read-acl.js';
import type { SwiftFacts } from './swift-doctor-facts.js';
import { projectNameOf } from './swift-driver.js';

/** The container and its storage policy. It is never made here. */
export async function checkContainer(facts: SwiftFacts): Promise<readonly Verdict[]> {
  const { status, headers } = facts.requireAnswer();
  const { container, storagePolicy: wanted } = facts.options;
  if (status === 404) {
    const policy = wanted === undefined ? '' : ` with the storage policy ${wanted}`;
    const missing = warning(
      `there is no container ${container}: the first start makes it${policy}`,
      'correct storage.swift.container if it should be there already',
    );
    return [missing, ...unknownPolicy(facts)];
  }
  facts.isUsable = true;
  const policy = headers['x-storage-policy']?.toString();
  const amount = `${Number(headers['x-container-object-count'])} objects, ${readableBytes(Number(headers['x-container-bytes-used']))}`;
  if (wanted !== undefined && policy !== undefined && !namesOfPolicy(facts, policy).includes(wanted)) {
    return [
      warning(
        `${container} (${amount}) has the storage policy ${policy}, not ${wanted}`,
        'a container keeps its policy: leave storage.swift.storagePolicy out, or use another container',
      ),
    ];
  }
  return [ok(`${container}: ${amount}${policy === undefined ? '' : `, storage policy ${policy}`}`)];
}

/** Nobody outside the project may read: blobs are under names that anybody may know. */
export async function checkReadAcl(facts: SwiftFacts): Promise<Verdict> {
  const { container } = facts.options;
  const readers = othersIn(facts, 'x-container-read');
  if (readers.length === 0) return ok('nobody outside the project may read the container');
  facts.isUsable = false;
  return failure(
    `the container may be read by ${readers.join(', ')} (X-Container-Read): the server refuses it`,
    `swift post --read-acl '' ${container}`,
  );
}

export async function checkWriteAcl(facts: SwiftFacts): Promise<Verdict> {
  const writers = othersIn(facts, 'x-container-write');
  if (writers.length === 0) return ok('nobody outside the project may write to the container');
  return warning(
    `the container may be written by ${writers.join(', ')} (X-Container-Write)`,
    `swift post --write-acl '' ${facts.options.container}`,
  );
}

function othersIn(facts: SwiftFacts, header: 'x-container-read' | 'x-container-write'): string[] {
  const { account } = facts.options;
  return publicReaders(facts.requireContainer()[header]?.toString() ?? '', {
    account: facts.access?.storageUrl.pathname.replace(/\/$/, '').split('/').at(-1) ?? '',
    isKeystone: account.credentials.kind !== 'v1',
    projectName: projectNameOf(account),
  });
}

function unknownPolicy(facts: SwiftFacts): Verdict[] {
  const { storagePolicy: wanted } = facts.options;
  const policies = facts.cluster?.swift?.policies;
  if (wanted === undefined || policies === undefined || namesOfPolicy(facts, wanted).length > 0) return [];
  const names = policies.map(({ name }) => name).join(', ');
  return [
    failure(`Swift has no storage policy ${wanted}`, `set storage.swift.storagePolicy to one of ${names}`),
  ];
}

/** Every name of the policy that has this one; empty where none has it. */
function namesOfPolicy({ cluster }: SwiftFacts, name: string): string[] {
  const policies = cluster?.swift?.policies;
  if (policies === undefined) return [name];
  const found = policies.find((policy) => namesOf(policy).includes(name));
  return found === undefined ? [] : namesOf(found);
}

function namesOf({ name, aliases = '' }: { name: string; aliases?: string }): string[] {
  return [name, ...aliases.split(',').map((alias) => alias.trim())];
}
