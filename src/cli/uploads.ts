import { Command } from 'commander';
import { formatDuration } from '../composition/process-config.js';
import type { StoreTools } from '../composition/store-tools.js';
import { parseAge } from './arguments.js';
import { withStore, type CommandContext, type ConfigOption } from './command-context.js';
import { configOption } from './config.js';
import { counted, jsonText, readableBytes } from './output.js';

interface PurgeOptions extends ConfigOption {
  readonly olderThan?: number;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** `stackyard uploads purge` */
export function uploadsCommand(context: CommandContext): Command {
  const command = new Command('uploads').description('look after upload sessions');
  command
    .command('purge')
    .description('remove what dead upload sessions left')
    .option('--older-than <age>', 'age such as 8d; else uploads.purgeAfter', parseAge)
    .option('--dry-run', 'only tell what would be removed', false)
    .option('--json', 'print one JSON object', false)
    .addOption(configOption())
    .action((options: PurgeOptions) => purge(context, options));
  return command;
}

async function purge(context: CommandContext, options: PurgeOptions): Promise<void> {
  const config = context.loadConfig(options.config);
  const olderThan = options.olderThan ?? config.uploads.purgeAfter;
  if (olderThan < config.uploads.maxAge && !options.dryRun) {
    const maxAge = formatDuration(config.uploads.maxAge);
    context.err(
      `stackyard: uploads that still run may be cut off: they may last ${maxAge} (uploads.maxAge)\n`,
    );
  }
  const report = await withStore(context, config, (store) =>
    store.purgeUploads({ olderThan, dryRun: options.dryRun }),
  );
  context.out(options.json ? `${jsonText(report)}\n` : describe(report));
}

function describe({
  steps,
  sets,
  bytes,
  dryRun,
  reason,
}: Awaited<ReturnType<StoreTools['purgeUploads']>>): string {
  const amount = `${counted(steps, 'step record')} and ${counted(sets, 'segment set')} (${readableBytes(bytes)})`;
  const why = reason === undefined ? '' : `; nothing was removed: ${reason}`;
  return `${dryRun || reason !== undefined ? 'would remove' : 'removed'} ${amount}${why}\n`;
}
