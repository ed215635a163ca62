import type { RunningMirror } from '../admin/mirror-administration.js';
import type { Config } from '../config/index.js';
import { parsePlatform } from '../domain/platform.js';
import { parseMirroredImage } from '../mirror/mirrored-image.js';
import type { Clock } from '../ports/clock.js';
import type { Locker } from '../ports/locker.js';
import type { Logger } from '../ports/logger.js';

const LOCK = 'scheduled warm-ups';

export interface WarmTimerParts {
  readonly clock: Clock;
  /** Held as long as the timer runs: of all workers of a server one warms up, and another when that one ends. */
  readonly locker: Locker;
  readonly log: Logger;
}

/**
 * Warms up the configured images at once and then every `every`, one after the other; a failure is a line of the log, and
 * what takes longer than that is not begun anew. Answers how to stop.
 */
export function startWarmTimer(
  running: RunningMirror,
  settings: Config['mirror']['warm'],
  { clock, locker, log }: WarmTimerParts,
): () => void {
  const { every, images } = settings;
  let stopped = every === 0 || images.length === 0;
  let end = (): void => {
    stopped = true;
  };
  if (stopped) return end;
  let isWarming = false;
  const warm = async (): Promise<void> => {
    if (isWarming) return;
    isWarming = true;
    for (const image of images) {
      if (stopped) break;
      const reason = await warmOne(running, image, settings, log);
      if (reason === undefined || stopped) continue;
      log.warn({ image, reason }, 'a warm-up failed; it runs again later');
    }
    isWarming = false;
  };
  const untilEnd = (): Promise<void> =>
    new Promise((resolve) => {
      if (stopped) return resolve();
      void warm();
      const stopTimer = clock.every(every, () => void warm());
      end = () => {
        stopped = true;
        stopTimer();
        resolve();
      };
    });
  void locker.alone(LOCK, untilEnd);
  return () => end();
}

/** Answers why it failed. */
async function warmOne(
  { mirror, warmUps }: RunningMirror,
  text: string,
  settings: Config['mirror']['warm'],
  log: Logger,
): Promise<string | undefined> {
  try {
    const upstreams = mirror.upstreams.map(({ upstream }) => upstream);
    const image = parseMirroredImage(text, upstreams);
    const report = await warmUps.run(image, settings.platforms.map(parsePlatform));
    log[report.fetched > 0 ? 'info' : 'debug'](report, 'warmed up');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
