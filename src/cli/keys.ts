import { Command } from 'commander';
import { jsonOption } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { configOption } from './config.js';
import { counted, grid, readableTime } from './output.js';

interface RotateOptions extends ResultOptions {
  readonly now: boolean;
}

/** `stackyard key` */
export function keyCommand(context: CommandContext): Command {
  const command = new Command('key').description('the keys that sign bearer tokens');
  command
    .command('list')
    .description('show the keys, the newest first')
    .addOption(jsonOption())
    .addOption(configOption())
    .action((options: ResultOptions) => list(context, options));
  command
    .command('rotate')
    .description('sign with a new key, and remove those that nothing needs any more')
    .option('--now', 'remove all others at once: everybody has to log in again', false)
    .addOption(jsonOption())
    .addOption(configOption())
    .action((options: RotateOptions) => rotate(context, options));
  return command;
}

async function list(context: CommandContext, options: ResultOptions): Promise<void> {
  const keys = await withAdmin(context, options, (tools) => tools.keys.list());
  const rows = keys.map(({ id, createdAt, signs, neededUntil }) => [
    id,
    readableTime(createdAt, ''),
    signs ? 'signs' : `verifies until ${readableTime(neededUntil, '')}`,
  ]);
  context.out(options.json ? `${JSON.stringify(keys)}\n` : grid(['id', 'created', 'use'], rows));
}

async function rotate(context: CommandContext, options: RotateOptions): Promise<void> {
  const { now } = options;
  const rotation = await withAdmin(context, options, (tools) => tools.keys.rotate({ now }));
  const { created, removed } = rotation;
  context.out(
    options.json
      ? `${JSON.stringify(rotation)}\n`
      : `${created} signs from now on; removed ${counted(removed.length, 'older key')}\n`,
  );
}
