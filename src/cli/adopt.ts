import { Command, Option } from 'commander';
import type { StoreTools } from '../composition/store-tools.js';
import { withStore, type CommandContext, type ConfigOption } from './command-context.js';
import { configOption } from './config.js';
import { counted, jsonText, readableBytes, table } from './output.js';

interface AdoptOptions extends ConfigOption {
  readonly finish: boolean;
  readonly heal: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

type AdoptReport = Awaited<ReturnType<StoreTools['adopt']>>;
type Heal = NonNullable<AdoptReport['heal']>;
type HealOptions = NonNullable<Parameters<StoreTools['adopt']>[0]['heal']>;
type Amount = Heal['healed'];

/** `stackyard adopt` */
export function adoptCommand(context: CommandContext): Command {
  return new Command('adopt')
    .description('look at a store of another registry; with --finish, make it ours alone')
    .option(
      '--finish',
      'the other registry has stopped for good: write our markers, let purges remove',
      false,
    )
    .option('--heal', 'check the blobs that it stored in a form of its own, and convert them', false)
    .addOption(
      new Option('--dry-run', 'with --heal: only check them')
        .default(false)
        .conflicts('finish')
        .implies({ heal: true }),
    )
    .option('--json', 'print one JSON object', false)
    .addOption(configOption())
    .action((options: AdoptOptions) => adopt(context, options));
}

async function adopt(
  context: CommandContext,
  { config, finish, heal, dryRun, json }: AdoptOptions,
): Promise<void> {
  const report = await withStore(context, context.loadConfig(config), (store) =>
    store.adopt({ finish, ...(heal && { heal: watched(context, dryRun) }) }),
  );
  context.progress?.('');
  context.out(json ? `${jsonText(report)}\n` : describe(report));
  const left = report.heal?.failures.length ?? 0;
  if (left > 0) {
    throw new Error(
      `${counted(left, 'blob')} cannot be healed; push what is damaged again, and repeat for what did not answer`,
    );
  }
}

/** Failures are lines of their own as they come, progress is the line below them. */
function watched({ err, progress }: CommandContext, dryRun: boolean): HealOptions {
  return {
    dryRun,
    onFailure: ({ digest, reason }) => {
      progress?.('');
      err(`stackyard: ${digest} was left as it was: ${reason}\n`);
    },
    onProgress: ({ blobs, healed }) => {
      const seen = blobs.plain.count + blobs.large.count + blobs.legacy.count;
      progress?.(`${counted(seen, 'blob')} seen, ${dryRun ? 'healthy' : 'healed'}: ${amount(healed)}`);
    },
  };
}

function describe({ origin, shared, repositories, referrers, blobs, heal }: AdoptReport): string {
  return table([
    ['origin', origin],
    ['shared', shared ? 'yes; `stackyard adopt --finish` once the other registry has stopped' : 'no'],
    ['repositories', String(repositories)],
    ['referrers', String(referrers)],
    ['plain blobs', amount(blobs.plain)],
    ['large blobs', amount(blobs.large)],
    ['legacy blobs', `${amount(blobs.legacy)}${advice(blobs.legacy, heal)}`],
    ...(heal === undefined ? [] : rowsOf(heal)),
  ]);
}

function rowsOf({ healed, uploads, failures, dryRun }: Heal): (readonly [name: string, value: string])[] {
  return [
    [dryRun ? 'to heal' : 'healed', amount(healed)],
    [dryRun ? 'to remove' : 'removed', counted(uploads, 'stale upload')],
    ['not healed', String(failures.length)],
  ];
}

function advice({ count }: Amount, heal: Heal | undefined): string {
  return count > 0 && heal === undefined ? '; `stackyard adopt --heal` converts them' : '';
}

function amount({ count, bytes }: Amount): string {
  return `${count} (${readableBytes(bytes)})`;
}
