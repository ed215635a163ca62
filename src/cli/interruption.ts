import { Interrupted } from './exit.js';

type Signal = 'SIGINT' | 'SIGTERM';

/** Where signals of the system arrive. */
export interface SignalSource {
  once(signal: Signal, listener: (signal: Signal) => void): unknown;
  off(signal: Signal, listener: (signal: Signal) => void): unknown;
}

/**
 * Runs work whose signal the first SIGINT or SIGTERM aborts; a second one ends the process as ever. Work that is done
 * nevertheless is done. @throws Interrupted
 */
export async function interruptible<T>(
  source: SignalSource,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const release = (): void => {
    source.off('SIGINT', end);
    source.off('SIGTERM', end);
  };
  const end = (name: Signal): void => {
    release();
    abort.abort(new Interrupted(name));
  };
  source.once('SIGINT', end);
  source.once('SIGTERM', end);
  try {
    return await work(abort.signal);
  } catch (error) {
    abort.signal.throwIfAborted();
    throw error;
  } finally {
    release();
  }
}
