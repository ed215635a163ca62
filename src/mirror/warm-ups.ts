import { RegistryError } from '../errors/registry-error.js';
import type { WishedPlatform } from '../domain/platform.js';
import type { Clock } from '../ports/clock.js';
import type { ReadOnlyMode } from '../registry/read-only-mode.js';
import type { MirrorActivity } from './mirror-activity.js';
import type { MirroredImage } from './mirrored-image.js';
import { warmImage } from './warm-up.js';
import type { WarmUpProgress, WarmUpReport, WarmedMirror } from './warm-up.js';

/** Warm-ups that run at once in one process. */
const MOST_RUNNING = 16;
/** How long an answer waits for whoever was told that it runs still. */
const KEPT = 60_000;

export type WarmUpState =
  | { readonly state: 'done'; readonly report: WarmUpReport }
  | { readonly state: 'running'; readonly takenBytes: number; readonly totalBytes?: number };

interface Running {
  readonly work: Promise<WarmUpReport>;
  readonly progress: WarmUpProgress;
  waiting: number;
  /** Milliseconds since 1970; once it is over. */
  overSince?: number;
}

export interface WarmUpParts {
  readonly mirror: WarmedMirror;
  readonly activity: Pick<MirrorActivity, 'noteWarmUp'>;
  readonly clock: Clock;
  readonly readOnly: Pick<ReadOnlyMode, 'requireWritable'>;
}

/** Warm-ups of this process: of one image for the same platforms one at a time, which all who ask for it share. */
export class WarmUps {
  private readonly running = new Map<string, Running>();
  private readonly closing = new AbortController();

  constructor(private readonly parts: WarmUpParts) {}

  /**
   * Begins a warm-up, or joins the one that runs or is just over, and waits for its end for so many milliseconds. It
   * goes on if the caller does not wait.
   * @throws RegistryError as `warmImage`; UNAVAILABLE where too many run
   */
  async ask(
    image: MirroredImage,
    platforms: readonly WishedPlatform[],
    wait: number,
  ): Promise<WarmUpState & { readonly began: boolean }> {
    const { key, running, began } = this.find(image, platforms);
    const report = await this.shared(key, running, this.endOf(running.work, wait));
    return report === undefined
      ? { state: 'running', ...running.progress, began }
      : { state: 'done', report, began };
  }

  /** Waits for its end. @throws as `ask` */
  async run(image: MirroredImage, platforms: readonly WishedPlatform[]): Promise<WarmUpReport> {
    const { key, running } = this.find(image, platforms);
    return this.shared(key, running, running.work);
  }

  /** Gives up what runs. */
  close(): void {
    this.closing.abort(new RegistryError('UNAVAILABLE', 'the server is stopping'));
  }

  private find(
    image: MirroredImage,
    platforms: readonly WishedPlatform[],
  ): { readonly key: string; readonly running: Running; readonly began: boolean } {
    this.forgetOld();
    const key = JSON.stringify([image.text, platforms]);
    const known = this.running.get(key);
    return { key, running: known ?? this.begin(key, image, platforms), began: known === undefined };
  }

  /** Forgets it once it is over and all who waited know. */
  private async shared<T>(key: string, running: Running, waiting: Promise<T>): Promise<T> {
    running.waiting += 1;
    try {
      return await waiting;
    } finally {
      running.waiting -= 1;
      if (running.overSince !== undefined && running.waiting === 0) this.running.delete(key);
    }
  }

  private begin(key: string, image: MirroredImage, platforms: readonly WishedPlatform[]): Running {
    const count = [...this.running.values()].filter(({ overSince }) => overSince === undefined).length;
    if (count >= MOST_RUNNING) {
      throw new RegistryError(
        'UNAVAILABLE',
        `${MOST_RUNNING} warm-ups run already; try again when one is over`,
        {
          headers: { 'Retry-After': '20' },
        },
      );
    }
    const progress: WarmUpProgress = { takenBytes: 0 };
    const { activity, clock } = this.parts;
    const at = (): string => new Date(clock.now()).toISOString();
    const work = this.warm(image, platforms, progress).then(
      (report) => {
        activity.noteWarmUp(image.text, { at: at(), outcome: 'ok', digest: report.digest });
        return report;
      },
      (error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        activity.noteWarmUp(image.text, { at: at(), outcome: 'failed', reason });
        throw error;
      },
    );
    const running: Running = { work, progress, waiting: 0 };
    this.running.set(key, running);
    const over = (): void => {
      running.overSince = clock.now();
    };
    void work.then(over, over);
    return running;
  }

  private async warm(
    image: MirroredImage,
    platforms: readonly WishedPlatform[],
    progress: WarmUpProgress,
  ): Promise<WarmUpReport> {
    const { mirror, readOnly } = this.parts;
    await readOnly.requireWritable();
    return warmImage(mirror, image, platforms, this.closing.signal, progress);
  }

  /** Undefined where that takes longer. */
  private async endOf(work: Promise<WarmUpReport>, wait: number): Promise<WarmUpReport | undefined> {
    let stop = (): void => undefined;
    const late = new Promise<undefined>((resolve) => {
      stop = this.parts.clock.every(wait, () => resolve(undefined));
    });
    return Promise.race([work, late]).finally(() => stop());
  }

  /** What nobody came for. */
  private forgetOld(): void {
    const before = this.parts.clock.now() - KEPT;
    for (const [key, { overSince }] of this.running)
      if (overSince !== undefined && overSince <= before) this.running.delete(key);
  }
}
