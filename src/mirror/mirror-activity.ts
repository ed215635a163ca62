import { MirrorCounters, sumOf } from './mirror-counters.js';
import type { CountsByUpstream, UpstreamCounts } from './mirror-counters.js';

/** What came of the last warm-up of an image. */
export interface WarmUpOutcome {
  /** RFC 3339. */
  readonly at: string;
  readonly outcome: 'ok' | 'failed';
  readonly digest?: string;
  /** Of a failure, in one line. */
  readonly reason?: string;
}

/** What processes of one server tell one another of the mirror; plain data. */
export interface MirrorTally {
  readonly counts: CountsByUpstream;
  /** By image. */
  readonly warmed: Readonly<Record<string, WarmUpOutcome>>;
}

export const NO_TALLY: MirrorTally = { counts: {}, warmed: {} };
/** Images whose last warm-up is remembered. */
const MOST_WARMED = 1000;

/** Sums what was counted; of each image the latest warm-up counts. */
export function together(tallies: readonly MirrorTally[]): MirrorTally {
  const names = new Set(tallies.flatMap(({ counts }) => Object.keys(counts)));
  const counts = [...names].map((name) => [name, sumOf(tallies.map((each) => each.counts[name]))] as const);
  const warmed = tallies
    .flatMap((each) => Object.entries(each.warmed))
    .sort(([, one], [, other]) => (one.at < other.at ? -1 : 1));
  return { counts: Object.fromEntries(counts), warmed: Object.fromEntries(warmed.slice(-MOST_WARMED)) };
}

/** What the mirror did in this process and, as far as they told, in the others of this server. */
export class MirrorActivity {
  readonly counters: MirrorCounters;
  private readonly warmed = new Map<string, WarmUpOutcome>();
  private others: MirrorTally = NO_TALLY;
  private warmUps = 0;

  constructor(upstreams: readonly string[]) {
    this.counters = new MirrorCounters(upstreams);
  }

  /** Grows with each change of what this process has to tell. */
  get changes(): number {
    return this.counters.changes + this.warmUps;
  }

  noteWarmUp(image: string, outcome: WarmUpOutcome): void {
    this.warmUps += 1;
    this.warmed.delete(image);
    this.warmed.set(image, outcome);
    const [oldest] = this.warmed.keys();
    if (this.warmed.size > MOST_WARMED && oldest !== undefined) this.warmed.delete(oldest);
  }

  /** What this process did, since it started. */
  own(): MirrorTally {
    return { counts: this.counters.counts, warmed: Object.fromEntries(this.warmed) };
  }

  /** What all others did, those that ended included. */
  hear(others: MirrorTally): void {
    this.others = others;
  }

  totals(upstream: string): UpstreamCounts {
    return sumOf([this.counters.counts[upstream], this.others.counts[upstream]]);
  }

  lastWarmUp(image: string): WarmUpOutcome | undefined {
    const own = this.warmed.get(image);
    const other = this.others.warmed[image];
    if (own === undefined || other === undefined) return own ?? other;
    return own.at < other.at ? other : own;
  }
}
