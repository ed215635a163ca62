import type { Config } from '../config/index.js';
import { createMirror } from '../mirror/create-mirror.js';
import { FETCH_LIMITS } from '../mirror/fetch/fetch-parts.js';
import { MirrorUses } from '../mirror/mirror-uses.js';
import type { Mirror } from '../mirror/mirror.js';
import { Namespaces } from '../mirror/namespaces.js';
import { unlessReadOnly } from '../mirror/upstream/read-only-upstream.js';
import { UpstreamClient } from '../mirror/upstream/upstream-client.js';
import { UPSTREAM_LIMITS } from '../mirror/upstream/upstream-limits.js';
import type { Upstream } from '../mirror/upstream/upstream.js';
import type { Locker } from '../ports/locker.js';
import type { Logger } from '../ports/logger.js';
import type { MirrorTelemetry } from '../ports/mirror-telemetry.js';
import type { StorageDriver } from '../ports/storage-driver.js';
import type { ReadOnlyMode } from '../registry/read-only-mode.js';
import type { Registry } from '../registry/registry.js';
import { systemClock, systemIds } from './system.js';

/** What the bytes of a manifest or list may take. Milliseconds. */
const BODY_TIMEOUT = 30_000;

export interface ConfiguredMirrorParts {
  readonly registry: Registry;
  readonly driver: StorageDriver;
  readonly readOnly: ReadOnlyMode;
  readonly locker: Locker;
  readonly log: Logger;
  readonly telemetry: MirrorTelemetry;
}

/** The mirror of the upstreams over the registry, as the configuration wishes it. */
export function createConfiguredMirror(
  { mirror: rules, registry: { maxManifestBytes } }: Config,
  upstreams: readonly Upstream[],
  parts: ConfiguredMirrorParts,
): Mirror {
  const { driver, readOnly, log, telemetry } = parts;
  const { connectTimeout, answerTimeout, idleTimeout, maxConnections } = rules;
  const limits = { ...UPSTREAM_LIMITS, connectTimeout, answerTimeout, idleTimeout, maxConnections };
  const namespaces = new Namespaces(upstreams, []);
  const asked = upstreams.map((upstream) => {
    const client = new UpstreamClient(upstream, { clock: systemClock, telemetry, log }, limits);
    return [upstream, unlessReadOnly(client, readOnly)] as const;
  });
  return createMirror(
    {
      ...parts,
      upstreams: new Map(asked),
      remoteOf: (name) => namespaces.remoteOf(name),
      uses: new MirrorUses(driver, systemClock, log),
      clock: systemClock,
      ids: systemIds,
    },
    { ...FETCH_LIMITS, ...rules, bodyTimeout: BODY_TIMEOUT, maxManifestBytes },
  );
}
