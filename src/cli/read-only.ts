import { Command } from 'commander';
import type { OperationResult } from '../api/operations.js';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { withResult } from './command-options.js';
import { printResult, printable, readableTime } from './output.js';

interface OnOptions extends ResultOptions {
  readonly reason?: string;
}

/** `stackyard read-only` */
export function readOnlyCommand(context: CommandContext): Command {
  const command = new Command('read-only').description(
    'let nothing be pushed, deleted or imported for a while',
  );
  withResult(
    command
      .command('on')
      .description(
        'refuse pushes, deletions and imports until it is ended, for the reason given first; every server knows within 5 seconds',
      )
      .option('--reason <text>', 'told to whoever is refused'),
  ).action((options: OnOptions) => {
    const { reason } = options;
    return set(context, { readOnly: true, ...(reason !== undefined && { reason }) }, options);
  });
  withResult(command.command('off').description('end that')).action((options: ResultOptions) =>
    set(context, { readOnly: false }, options),
  );
  withResult(command.command('show').description('tell whether it is so')).action((options: ResultOptions) =>
    show(context, options),
  );
  return command;
}

async function set(
  context: CommandContext,
  body: { readonly readOnly: boolean; readonly reason?: string },
  options: ResultOptions,
): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('setReadOnlyMode', { body }));
  printResult(context, options, value, describe);
}

async function show(context: CommandContext, options: ResultOptions): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('getReadOnlyMode'));
  printResult(context, options, value, describe);
}

function describe({ readOnly, since, by, reason }: OperationResult<'getReadOnlyMode'>): string {
  if (!readOnly) return 'the registry may be written\n';
  const facts = [
    since === undefined ? '' : ` since ${readableTime(since, '')}`,
    by === undefined || by === '' ? '' : `, set by ${by}`,
    reason === undefined ? '' : `: ${reason}`,
  ];
  return `${printable(`the registry is read-only${facts.join('')}`)}\n`;
}
