import type { RunningMirror } from '../admin/mirror-administration.js';
import { fanOut } from '../mirror/fan-out.js';
import { MirrorActivity } from '../mirror/mirror-activity.js';
import { MirrorLog } from '../mirror/mirror-log.js';
import type { Mirror } from '../mirror/mirror.js';
import { WarmUps } from '../mirror/warm-ups.js';
import type { Clock } from '../ports/clock.js';
import type { Logger } from '../ports/logger.js';
import type { MirrorTelemetry } from '../ports/mirror-telemetry.js';
import type { ReadOnlyMode } from '../registry/read-only-mode.js';
import { shareActivity } from './shared-counters.js';
import type { TallyExchange } from './shared-counters.js';

export interface MirrorSurroundings {
  /** The names of the upstreams. */
  readonly upstreams: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
  readonly readOnly: ReadOnlyMode;
  readonly exchange: TallyExchange;
}

/** A mirror with all that counts, tells and warms up around it. */
export interface StartedMirror {
  readonly running: RunningMirror;
  /** Gives up what is being taken. */
  readonly stop: () => Promise<void>;
}

/** Makes a mirror that is listened to. */
export function startMirror(
  { upstreams, log, clock, readOnly, exchange }: MirrorSurroundings,
  create: (telemetry: MirrorTelemetry) => Mirror,
): StartedMirror {
  const activity = new MirrorActivity(upstreams);
  const lines = new MirrorLog(log, clock);
  const mirror = create(fanOut(activity.counters, lines));
  const warmUps = new WarmUps({ mirror, activity, clock, readOnly });
  const stopSharing = shareActivity(activity, exchange, clock);
  return {
    running: { mirror, activity, warmUps },
    stop: async () => {
      warmUps.close();
      await mirror.close();
      stopSharing();
      lines.close();
    },
  };
}
