import { Command } from 'commander';
import type { StoreTools } from '../composition/store-tools.js';
import { withStore, type CommandContext, type ConfigOption } from './command-context.js';
import { configOption } from './config.js';
import { table } from './output.js';

interface AdoptOptions extends ConfigOption {
  readonly finish: boolean;
  readonly json: boolean;
}

/** `stackyard adopt` */
export function adoptCommand(context: CommandContext): Command {
  return new Command('adopt')
    .description('look at a store of another registry; with --finish, make it ours alone')
    .option(
      '--finish',
      'the other registry has stopped for good: write our markers, let purges remove',
      false,
    )
    .option('--json', 'print one JSON object', false)
    .addOption(configOption())
    .action(async ({ config, finish, json }: AdoptOptions) => {
      const report = await withStore(context, context.loadConfig(config), (store) => store.adopt({ finish }));
      context.out(json ? `${JSON.stringify(report)}\n` : describe(report));
    });
}

function describe({
  origin,
  shared,
  repositories,
  referrers,
}: Awaited<ReturnType<StoreTools['adopt']>>): string {
  return table([
    ['origin', origin],
    ['shared', shared ? 'yes; `stackyard adopt --finish` once the other registry has stopped' : 'no'],
    ['repositories', String(repositories)],
    ['referrers', String(referrers)],
  ]);
}
