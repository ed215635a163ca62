import { parseArgs } from 'node:util';

/** What one invocation of the bench does. */
export interface Options {
  readonly storage: 'filesystem' | 'swift';
  readonly only: RegExp;
  readonly runs: number;
  readonly seconds: number;
  readonly workers: number;
  readonly connections: number;
  readonly json: string | undefined;
  readonly quick: boolean;
  readonly oursOnly: boolean;
  /** Run the peer in our place as well: shows what the harness itself scatters. */
  readonly selfTest: boolean;
  readonly list: boolean;
  /** A directory that node's CPU profiles of ours are written to when it stops. */
  readonly profile: string | undefined;
  /** Nothing new is started after this many minutes. */
  readonly minutes: number;
}

export const usage = `npm run bench -- [options]
  --storage NAME     filesystem (default) or swift: one of SWIFT_TEST_ENV, else started for this
  --only REGEX       only scenarios whose name matches
  --runs N           interleaved runs per scenario (default 3; quick: 1)
  --seconds N        aimed length of one measurement (default 3; quick: 1)
  --workers N        server.workers of ours (default 1)
  --connections N    connections of the small-request scenarios (default 32; swift: 8)
  --json FILE        also write every sample there
  --quick            small data, one short run: a smoke test of the bench, not a result
  --ours-only        without the peer
  --self-test        the peer in both places: the noise of the harness
  --profile DIR      write CPU profiles of ours there (costs some CPU itself)
  --list             print the scenarios' names and stop
  --minutes N        start nothing more after N minutes (default 20)`;

function positive(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} wants a positive whole number, not ${text}`);
  return value;
}

function storageOf(text: string): Options['storage'] {
  if (text === 'filesystem' || text === 'swift') return text;
  throw new Error(`--storage wants filesystem or swift, not ${text}`);
}

/** Throws on an unknown option or a bad value; the message is for the user. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      storage: { type: 'string', default: 'filesystem' },
      only: { type: 'string', default: '' },
      runs: { type: 'string' },
      seconds: { type: 'string' },
      workers: { type: 'string' },
      connections: { type: 'string' },
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      'ours-only': { type: 'boolean', default: false },
      'self-test': { type: 'boolean', default: false },
      profile: { type: 'string' },
      list: { type: 'boolean', default: false },
      minutes: { type: 'string' },
    },
  });
  return {
    storage: storageOf(values.storage),
    only: new RegExp(values.only, 'i'),
    runs: positive('runs', values.runs, values.quick ? 1 : 3),
    seconds: positive('seconds', values.seconds, values.quick ? 1 : 3),
    workers: positive('workers', values.workers, 1),
    connections: positive('connections', values.connections, values.storage === 'swift' ? 8 : 32),
    json: values.json,
    quick: values.quick,
    oursOnly: values['ours-only'],
    selfTest: values['self-test'],
    profile: values.profile,
    list: values.list,
    minutes: positive('minutes', values.minutes, 20),
  };
}
