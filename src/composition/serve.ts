import cluster from 'node:cluster';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { createAuthStore } from './auth.js';
import { BcryptThread } from './bcrypt-thread.js';
import { ensureFirstAdmin } from './first-admin.js';
import { StartError, listen } from './listen.js';
import { processLocks, workerLocks } from './locks.js';
import { createLogger } from './logger.js';
import type { AdjustableLogger } from './logger.js';
import { loadProcessConfig } from './process-config.js';
import type { Config } from './process-config.js';
import { startMirrorPurgeTimer } from './mirror-purge-timer.js';
import { startPurgeTimer } from './purge-timer.js';
import type { PurgeTimes } from './purge-timer.js';
import { openServedStore } from './served-store.js';
import { composeServer } from './server.js';
import type { ComposedServer } from './server.js';
import { noExchange, workerExchange } from './shared-counters.js';
import type { OpenStore } from './store.js';
import type { ServedStore } from './store-opener.js';
import { systemClock, systemIds } from './system.js';
import { createTelemetry } from './telemetry.js';
import { readVersion } from './version.js';
import { noInvalidations, workerInvalidations } from './worker-bus.js';
import { startWorkers, workerCount } from './workers.js';
import type { StartFailure } from './workers.js';
import type { Logger } from '../ports/logger.js';
import { StorageError } from '../ports/storage-driver.js';

const FLUSH_MS = 1000;

/** Of the server, then of the root mirror if it has one of its own. */
type Addresses = readonly [ListenAddress, ...ListenAddress[]];
type ListenAddress = Pick<AddressInfo, 'address' | 'port'>;

/** Serves until SIGTERM or SIGINT, then drains. @throws ConfigError, StartError */
export async function serve(options: { configPath?: string } = {}): Promise<void> {
  const config = loadProcessConfig(options.configPath);
  const log = createLogger(config.log.level);
  if (cluster.isWorker) return serveAsWorker(config, log);
  const workers = workerCount(config.server.workers);
  await (workers > 1 ? serveByWorkers(config, log, workers, options.configPath) : serveAlone(config, log));
  await flushed(log);
}

async function serveAlone(config: Config, log: AdjustableLogger): Promise<void> {
  const stop = stopSignal();
  const composed = await composeServer({
    config,
    log,
    invalidations: noInvalidations,
    locker: processLocks(),
    exchange: noExchange,
    setLevel: log.setLevel,
  });
  const { store, drain } = composed;
  await makeFirstAdmin(config, log, store);
  announce(config, log, await listenOn(composed, config));
  const stopPurging = startPurging(config, store, log);
  const signal = await stop;
  log.info({ signal }, 'draining');
  stopPurging();
  const { cut } = await drain();
  log.info({ cut }, 'stopped');
}

async function serveByWorkers(
  config: Config,
  log: Logger,
  count: number,
  configPath: string | undefined,
): Promise<void> {
  const stop = stopSignal();
  const store = await openServedStore(config, log, createTelemetry());
  await makeFirstAdmin(config, log, store);
  const args = configPath === undefined ? [] : ['--config', configPath];
  const workers = await startWorkers(count, args, log, config.mirror.root.port === undefined ? 1 : 2);
  announce(config, log, workers.addresses);
  const stopPurging = startPurging(config, store, log);
  const signal = await stop;
  log.info({ signal }, 'draining');
  stopPurging();
  await workers.stop();
  await store.close();
  log.info({}, 'stopped');
}

async function serveAsWorker(config: Config, log: AdjustableLogger): Promise<void> {
  // Who signals the whole group, as systemd does, signals a worker twice; it ends at once only with its primary.
  const stop = stopSignal({ repeated: true });
  try {
    const composed = await composeServer({
      config,
      log,
      invalidations: workerInvalidations(),
      locker: workerLocks(),
      exchange: workerExchange(),
      setLevel: log.setLevel,
    });
    await listenOn(composed, config);
    await stop;
    await composed.drain();
    await flushed(log);
    process.disconnect();
  } catch (error) {
    process.send?.({ type: 'start-failed', reason: (error as Error).message } satisfies StartFailure);
    process.exitCode = 1;
    process.disconnect();
  }
}

/** @throws StartError */
async function listenOn(
  { server, rootMirror }: ComposedServer,
  { server: { host, port }, mirror: { root } }: Config,
): Promise<Addresses> {
  const address = await listen(server, host, port);
  if (rootMirror === undefined || root.port === undefined) return [address];
  const keys = { host: 'mirror.root.host', port: 'mirror.root.port' };
  return [address, await listen(rootMirror, root.host, root.port, keys)];
}

/** Now where the store is open, else when it opens. @throws StartError */
async function makeFirstAdmin(config: Config, log: Logger, store: ServedStore): Promise<void> {
  if (config.auth.mode === 'none') return;
  const make = async ({ driver }: OpenStore): Promise<void> => {
    const hasher = new BcryptThread();
    const parts = { driver, clock: systemClock, ids: systemIds };
    const { principals } = createAuthStore(parts);
    const terminal = process.stderr.isTTY ? (text: string) => void process.stderr.write(text) : undefined;
    try {
      await ensureFirstAdmin({ ...parts, principals, hasher, log, terminal }, config.auth);
    } finally {
      await hasher.close();
    }
  };
  if (store.current instanceof StorageError) {
    store.whenOpen((open) => {
      make(open).catch((error: Error) =>
        log.error({ reason: error.message }, 'could not make the first user'),
      );
    });
    return;
  }
  await make(store.current).catch((error: Error) => {
    throw new StartError(error.message, { cause: error });
  });
}

/** Answers how to stop. */
function startPurging(config: Config, store: ServedStore, log: Logger): () => void {
  const stops = [
    startPurgeTimer(store, purgeTimes(config), systemClock, log),
    startMirrorPurgeTimer(store, config, systemClock, log),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function purgeTimes({ uploads, audit }: Config): PurgeTimes {
  return { ...uploads, auditKeep: audit.keep };
}

/** A reader of the log that does not read must not keep the process: its lines are lost then. */
async function flushed(log: Logger): Promise<void> {
  const written = await Promise.race([
    log.flush().then(() => true),
    setTimeout(FLUSH_MS, false, { ref: false }),
  ]);
  if (!written) process.exit();
}

/** The first of them; a second ends the process at once unless they may be repeated. */
function stopSignal({ repeated = false } = {}): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      if (repeated) process.on(signal, () => resolve(signal));
      else process.once(signal, () => resolve(signal));
    }
  });
}

function announce(config: Config, log: Logger, [own, ofRootMirror]: Addresses): void {
  const { server, mirror, storage, auth } = config;
  const { address, port } = own;
  const version = readVersion();
  const workers = workerCount(server.workers);
  log.info({ version, address, port, workers, storage: storage.driver }, 'listening');
  const { upstream, names } = mirror.root;
  if (ofRootMirror !== undefined || names.length > 0) {
    const { address, port } = ofRootMirror ?? own;
    log.info({ upstream, address, port, names }, 'the root mirror is served');
  }
  if (!process.stderr.isTTY) return;
  const scheme = server.tls.certificate === undefined ? 'http' : 'https';
  const host = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  process.stderr.write(
    `Stackyard ${version} serves ${scheme}://${host}\n` +
      (auth.mode === 'none' ? '' : `Log in: docker login ${host}\n`) +
      `Push an image: docker push ${host}/NAME:TAG\n`,
  );
}
