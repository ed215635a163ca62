import type { ContenderName } from './contender.js';

/** Pulls of an image that is new to every mirror. */
export interface PullCase {
  readonly name: string;
  /** Layers in MiB. */
  readonly layers: readonly number[];
  /** One is made by a real client, several at once by bare requests. */
  readonly pulls: number;
  /** Mbit/s of the link to the upstream; without it as fast as it goes. */
  readonly link?: number;
  /** The name under which the same pull is measured once more, now that the mirror has the image. */
  readonly again?: string;
  readonly contenders: readonly ContenderName[];
}

const BOTH = ['ours', 'peer'] as const;
const LARGE = [1, 10, 60, 60];
const CROWD = [1, 10, 40];

export function pullCases(quick: boolean): readonly PullCase[] {
  const large = quick ? [1, 10] : LARGE;
  const crowd = quick ? [1, 10] : CROWD;
  const first = { layers: large, pulls: 1, contenders: BOTH };
  const title = (layers: readonly number[]): string => `image (${layers.join(' + ')} MiB)`;
  const pulls = quick ? 20 : 200;
  return [
    {
      ...first,
      name: `first pull of an ${title(large)}`,
      again: `cached pull of an ${title(large)}`,
    },
    { ...first, name: `first pull of an ${title(large)}, link of 1 Gbit/s`, link: 1000 },
    { ...first, name: `first pull of an ${title(large)}, link of 200 Mbit/s`, link: 200 },
    {
      name: `${pulls} first pulls at once of an ${title(crowd)}`,
      layers: crowd,
      pulls,
      contenders: ['ours', 'ours, 2 workers', 'peer'],
    },
  ];
}
