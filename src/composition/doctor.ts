import { resolve } from 'node:path';
import { examineFilesystem } from '../../storage-drivers/filesystem/filesystem-doctor.js';
import type { DriverName } from '../../storage-drivers/index.js';
import { examineSwift } from '../../storage-drivers/swift/swift-doctor.js';
import { ConfigError, type Config } from '../config/index.js';
import { STORE_CHECKS } from '../jobs/store-examination.js';
import { examine } from '../ports/examination.js';
import { failureOf, type Finding } from '../ports/finding.js';
import { createStorage, swiftOptions } from './storage.js';
import { systemClock, systemIds } from './system.js';
import { createTelemetry } from './telemetry.js';

export type { Finding } from '../ports/finding.js';

type Findings<T> = AsyncGenerator<Finding, T, void>;

/** Each returns whether there is a store that may be opened as it is. */
const EXAMINERS: Readonly<Record<DriverName, (config: Config) => Findings<boolean>>> = {
  filesystem: ({ storage }) =>
    examineFilesystem({ root: resolve(storage.filesystem.root), uid: process.getuid?.() }),
  memory: async function* () {
    yield {
      check: 'memory',
      level: 'warning',
      found: 'the store is forgotten when the process ends',
      fix: 'set storage.driver to filesystem or swift',
    };
    return true;
  },
  swift: (config) => {
    const options = swiftOptions(config);
    if (options === undefined) throw new TypeError('the swift driver has no account');
    const parts = { clock: systemClock, ids: systemIds, redirects: config.storage.swift.redirect.enabled };
    return examineSwift({ ...options, ...parts });
  },
};

/** Milliseconds: nobody waits at a terminal for what a server waits for. */
const LONGEST_RETRY = 2000;

/** Examines the store of the configuration that `load` gives, and leaves it as it was. Never throws. */
export async function* examineStore(load: () => Config): Findings<void> {
  let config: Config;
  try {
    config = impatient(load());
  } catch (error) {
    yield* configurationFindings(error);
    return;
  }
  const { driver: name, shared, swift } = config.storage;
  yield { check: 'configuration', level: 'ok', found: `valid; storage.driver is ${name}` };
  const isUsable = yield* EXAMINERS[name](config);
  const driver = isUsable ? createStorage(config, createTelemetry()) : undefined;
  try {
    const facts = { driver, clock: systemClock, ids: systemIds, shared };
    yield* examine(STORE_CHECKS, facts, swift.connectTimeout + swift.requestTimeout + swift.retryFor);
  } finally {
    await driver?.close();
  }
}

function* configurationFindings(error: unknown): Generator<Finding, void, void> {
  const problems = error instanceof ConfigError ? error.problems : [error];
  for (const problem of problems) {
    yield {
      check: 'configuration',
      ...failureOf(problem, 'see stackyard config print and docs/configuration.md'),
    };
  }
}

function impatient(config: Config): Config {
  const { storage } = config;
  const retryFor = Math.min(storage.swift.retryFor, LONGEST_RETRY);
  return { ...config, storage: { ...storage, swift: { ...storage.swift, retryFor } } };
}
