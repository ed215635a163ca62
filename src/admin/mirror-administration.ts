import { InvalidValue } from '../domain/invalid-value.js';
import { parsePlatform } from '../domain/platform.js';
import { RegistryError } from '../errors/registry-error.js';
import type { MirrorActivity, WarmUpOutcome } from '../mirror/mirror-activity.js';
import { parseMirroredImage } from '../mirror/mirrored-image.js';
import type { MirroredImage } from '../mirror/mirrored-image.js';
import type { Mirror } from '../mirror/mirror.js';
import type { UpstreamCounts } from '../mirror/mirror-counters.js';
import type { WarmUps, WarmUpState } from '../mirror/warm-ups.js';
import type { MirrorPurge, MirrorPurgeReport, MirrorPurgeRequest } from './mirror-purge.js';

/** How long an answer waits for a warm-up to end. Milliseconds. */
const WAIT = 20_000;

/** What operators set of the mirror. Times are milliseconds. */
export interface MirrorSettings {
  /** 0 for ever. */
  readonly keep: number;
  readonly warm: {
    readonly images: readonly string[];
    readonly platforms: readonly string[];
    /** 0 for never. */
    readonly every: number;
  };
  /** The upstream of the root mirror, where there is one. */
  readonly root?: string;
}

/** A mirror that runs, and what is known of it. */
export interface RunningMirror {
  readonly mirror: Mirror;
  readonly activity: MirrorActivity;
  readonly warmUps: WarmUps;
}

export interface UpstreamStatus extends UpstreamCounts {
  readonly name: string;
  readonly url: string;
  readonly namespaces: string[];
  /** As this process knows it. */
  readonly state: 'up' | 'down' | 'limited';
  /** RFC 3339; absent before the first answer. */
  readonly since?: string;
  /** RFC 3339; until when it is not asked. */
  readonly until?: string;
  readonly reason?: string;
}

export interface MirrorStatus {
  /** In the order of the configuration. */
  readonly upstreams: UpstreamStatus[];
  readonly root: { readonly on: boolean; readonly upstream?: string };
  /** Seconds; 0 for ever. */
  readonly keep: number;
  readonly warm: {
    /** Seconds; 0 for never. */
    readonly every: number;
    readonly platforms: string[];
    readonly images: { readonly image: string; readonly last?: WarmUpOutcome }[];
  };
}

export interface MirrorAdministrationParts {
  readonly settings: MirrorSettings;
  readonly purge: MirrorPurge;
  /** Absent without upstreams. */
  readonly running?: (() => RunningMirror) | undefined;
}

/** What administrators see and do of the mirror. */
export class MirrorAdministration {
  constructor(private readonly parts: MirrorAdministrationParts) {}

  status(): MirrorStatus {
    const { settings } = this.parts;
    const running = this.parts.running?.();
    const { keep, warm, root } = settings;
    const last = (text: string): WarmUpOutcome | undefined => {
      const image = running && parsedIfValid(text, running.mirror);
      return image && running.activity.lastWarmUp(image.text);
    };
    return {
      upstreams: running === undefined ? [] : upstreamsOf(running),
      root: root === undefined || running === undefined ? { on: false } : { on: true, upstream: root },
      keep: Math.ceil(keep / 1000),
      warm: {
        every: Math.ceil(warm.every / 1000),
        platforms: [...warm.platforms],
        images: warm.images.map((image) => {
          const outcome = last(image);
          return outcome === undefined ? { image } : { image, last: outcome };
        }),
      },
    };
  }

  /**
   * Begins a warm-up or joins the one that runs, and waits at most 20 seconds for its end. Without platforms those of the
   * configuration are meant. @throws InvalidValue; RegistryError as pulling the image
   */
  async warm(
    image: string,
    platforms: readonly string[] = this.parts.settings.warm.platforms,
  ): Promise<WarmUpState & { readonly began: boolean }> {
    const running = this.parts.running?.();
    const parsed = parseMirroredImage(image, running?.mirror.upstreams.map(({ upstream }) => upstream) ?? []);
    if (running === undefined) throw new RegistryError('UNSUPPORTED', 'no upstream is configured');
    return running.warmUps.ask(parsed, platforms.map(parsePlatform), WAIT);
  }

  /** See `MirrorPurge.run`. */
  purge(request: MirrorPurgeRequest, signal?: AbortSignal): Promise<MirrorPurgeReport> {
    return this.parts.purge.run(request, signal);
  }
}

function upstreamsOf({ mirror, activity }: RunningMirror): UpstreamStatus[] {
  return mirror.upstreams.map(({ upstream, state }) => {
    const { name, url, namespaces } = upstream;
    const now = state();
    return {
      name,
      url: url.href,
      namespaces: [...namespaces],
      state: now.state,
      ...(now.since !== undefined && { since: new Date(now.since).toISOString() }),
      ...(now.until !== undefined && { until: new Date(now.until).toISOString() }),
      ...(now.reason !== undefined && { reason: now.reason }),
      ...activity.totals(name),
    };
  });
}

/** An image of the configuration may begin with an upstream that is not configured any more. */
function parsedIfValid(text: string, { upstreams }: Mirror): MirroredImage | undefined {
  try {
    return parseMirroredImage(
      text,
      upstreams.map(({ upstream }) => upstream),
    );
  } catch (error) {
    if (error instanceof InvalidValue) return undefined;
    throw error;
  }
}
