import { Command } from 'commander';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { withResult } from './command-options.js';
import { counted, grid, printResult, readableTime } from './output.js';

interface RotateOptions extends ResultOptions {
  readonly now: boolean;
}

/** `stackyard key` */
export function keyCommand(context: CommandContext): Command {
  const command = new Command('key').description('the keys that sign bearer tokens');
  withResult(command.command('list').description('show the keys, the newest first')).action(
    (options: ResultOptions) => list(context, options),
  );
  withResult(
    command
      .command('rotate')
      .description('sign with a new key, and remove those that nothing needs any more')
      .option('--now', 'remove all others at once: everybody has to log in again', false),
  ).action((options: RotateOptions) => rotate(context, options));
  return command;
}

async function list(context: CommandContext, options: ResultOptions): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('listKeys'));
  printResult(context, options, value.items, (keys) =>
    grid(
      ['id', 'created', 'use'],
      keys.map(({ id, createdAt, signs, neededUntil }) => [
        id,
        readableTime(createdAt, ''),
        signs ? 'signs' : `verifies until ${readableTime(neededUntil, '')}`,
      ]),
    ),
  );
}

async function rotate(context: CommandContext, options: RotateOptions): Promise<void> {
  const body = { now: options.now };
  const { value } = await withAdmin(context, options, (api) => api.call('rotateKeys', { body }));
  printResult(
    context,
    options,
    value,
    ({ created, removed }) =>
      `${created} signs from now on; removed ${counted(removed.length, 'older key')}\n`,
  );
}
