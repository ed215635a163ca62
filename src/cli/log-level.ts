import { Argument, Command } from 'commander';
import type { OperationInput, OperationResult } from '../api/operations.js';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { withResult } from './command-options.js';
import { printResult } from './output.js';

type Level = OperationResult<'getLogLevel'>['level'];

const LEVELS: readonly Level[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** `stackyard log-level` */
export function logLevelCommand(context: CommandContext): Command {
  const command = new Command('log-level').description('the least level that servers write to their logs');
  withResult(command.command('show').description('tell it')).action((options: ResultOptions) =>
    show(context, options),
  );
  withResult(
    command
      .command('set')
      .description('set it until it is set otherwise; every server knows within 10 seconds')
      .addArgument(new Argument('<level>', 'the least level').choices(LEVELS)),
  ).action((level: Level, options: ResultOptions) => set(context, { level }, options));
  withResult(command.command('reset').description('back to that of the configuration')).action(
    (options: ResultOptions) => set(context, { level: null }, options),
  );
  return command;
}

async function show(context: CommandContext, options: ResultOptions): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('getLogLevel'));
  printResult(context, options, value, describe);
}

async function set(
  context: CommandContext,
  body: OperationInput<'setLogLevel'>['body'],
  options: ResultOptions,
): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('setLogLevel', { body }));
  printResult(context, options, value, describe);
}

function describe({ level, configured }: OperationResult<'getLogLevel'>): string {
  return `${level}, ${configured ? 'as configured' : 'set by an administrator'}\n`;
}
