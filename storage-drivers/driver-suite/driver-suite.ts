import { concurrencyCases } from './concurrency-cases.js';
import { listingCases } from './listing-cases.js';
import { objectCases, sharingCases } from './object-cases.js';
import { segmentCases } from './segment-cases.js';
import { segmentCommitCases } from './segment-commit-cases.js';
import { streamCases } from './stream-cases.js';
import { Subject, type Cases, type DriverFixture, type SuiteOptions } from './subject.js';
import { verifiedCases } from './verified-cases.js';

export type { DriverFixture, SuiteOptions } from './subject.js';

const GROUPS: Readonly<Record<string, Cases>> = {
  objects: objectCases,
  streams: streamCases,
  'verified objects': verifiedCases,
  listing: listingCases,
  segments: segmentCases,
  commit: segmentCommitCases,
  concurrency: concurrencyCases,
};

/**
 * Registers mocha tests of every guarantee in ports/storage-driver.ts; each runs on a store of its own. A test
 * fails too when anything is left that it did not delete through the driver.
 */
export function describeDriver(
  name: string,
  factory: () => Promise<DriverFixture>,
  options: SuiteOptions = {},
): void {
  describe(`storage driver: ${name}`, () => {
    let subject: Subject | undefined;
    const current = (): Subject => {
      if (subject === undefined) throw new Error('a case used its subject outside a test');
      return subject;
    };

    beforeEach(async () => {
      subject = new Subject(await factory(), options);
    });

    afterEach(async function () {
      const ended = subject;
      subject = undefined;
      if (this.currentTest?.state === 'failed') await ended?.abandon();
      else await ended?.end();
    });

    for (const [group, cases] of Object.entries(GROUPS)) describe(group, () => cases(current));
    if (options.oneProcess !== true) describe('several processes', () => sharingCases(current));
  });
}
