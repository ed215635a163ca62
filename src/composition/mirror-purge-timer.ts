import { MirrorPurge } from '../admin/mirror-purge.js';
import type { Config } from '../config/index.js';
import { RegistryError } from '../errors/registry-error.js';
import { Reservations } from '../mirror/reservations.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import { ReadOnlyMode } from '../registry/read-only-mode.js';
import { openRegistry } from './open-registry.js';
import type { ServedStore } from './store-opener.js';
import { noInvalidations } from './worker-bus.js';

const DAY = 24 * 60 * 60 * 1000;

/**
 * Removes what was taken from upstreams and not asked for during `mirror.keep`, as soon as the store is open and then
 * daily; of a shared store it only reports. Answers how to stop.
 */
export function startMirrorPurgeTimer(
  store: Pick<ServedStore, 'whenOpen'>,
  config: Config,
  clock: Clock,
  log: Logger,
): () => void {
  const stop = new AbortController();
  let stopTimer = (): void => undefined;
  store.whenOpen(({ driver, format }) => {
    const { keep } = config.mirror;
    if (stop.signal.aborted || keep === 0) return;
    const purge = new MirrorPurge({
      registry: openRegistry(driver, format, config, noInvalidations),
      driver,
      readOnly: new ReadOnlyMode(driver, clock, noInvalidations),
      reservations: new Reservations(driver),
      deletion: config.registry.delete,
      shared: format.shared,
      clock,
    });
    let isRunning = false;
    const run = async (): Promise<void> => {
      if (isRunning) return;
      isRunning = true;
      await purgeUnused(purge, keep, stop.signal, log);
      isRunning = false;
    };
    void run();
    stopTimer = clock.every(DAY, () => void run());
  });
  return () => {
    stop.abort();
    stopTimer();
  };
}

async function purgeUnused(
  purge: MirrorPurge,
  unused: number,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  try {
    const report = await purge.run({ unused }, signal);
    if (report.failed !== undefined)
      log.warn(report, 'purged unused images of upstreams, but not all; the rest later');
    else log.info(report, 'purged unused images of upstreams');
  } catch (error) {
    if (signal.aborted) return;
    const fields = { reason: (error as Error).message };
    // Read-only, or deletion switched off: so the operator wished it.
    if (error instanceof RegistryError && error.code === 'UNSUPPORTED')
      log.info(fields, 'unused images of upstreams stay');
    else log.error(fields, 'the purge of unused images of upstreams failed; it runs again later');
  }
}
