import { Command, CommanderError } from 'commander';
import { InvalidValue } from '../composition/admin-arguments.js';
import { ConfigError } from '../composition/process-config.js';
import { adoptCommand } from './adopt.js';
import type { CommandContext } from './command-context.js';
import { configCommand } from './config.js';
import { doctorCommand } from './doctor.js';
import { EXIT, QuietExit, UsageError } from './exit.js';
import { grantCommand } from './grants.js';
import { keyCommand } from './keys.js';
import { policyCommand } from './policy.js';
import { robotCommand } from './robots.js';
import { serveCommand } from './serve.js';
import { tokenCommand } from './tokens.js';
import { uploadsCommand } from './uploads.js';
import { userCommand } from './users.js';

/**
 * Runs one command line (without node and the script) and answers the exit code: 0, 1 for a failure, 2 for wrong usage
 * or a wrong configuration, 3 for a `policy explain` that denies. Errors are lines on stderr; a stack follows only at log level debug. Never throws.
 */
export async function run(argv: readonly string[], context: CommandContext): Promise<number> {
  let configPath: string | undefined;
  const program = createProgram(context);
  program.hook('preAction', (_, command) => {
    configPath = command.opts<{ config?: string }>().config;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    return report(error, context, configPath);
  }
}

function createProgram(context: CommandContext): Command {
  const program = new Command('stackyard')
    .description('A private container registry.')
    .version(context.version, '--version', 'print the version')
    .addCommand(serveCommand(context))
    .addCommand(configCommand(context))
    .addCommand(doctorCommand(context))
    .addCommand(userCommand(context))
    .addCommand(robotCommand(context))
    .addCommand(tokenCommand(context))
    .addCommand(grantCommand(context))
    .addCommand(policyCommand(context))
    .addCommand(keyCommand(context))
    .addCommand(uploadsCommand(context))
    .addCommand(adoptCommand(context));
  reportThroughContext(program, context);
  return program;
}

function reportThroughContext(command: Command, context: CommandContext): void {
  command.exitOverride().configureOutput({
    writeOut: context.out,
    writeErr: context.err,
    outputError: (text, write) => write(`stackyard: ${oneLine(text.replace(/^error: /, ''))}\n`),
  });
  for (const child of command.commands) reportThroughContext(child, context);
}

function report(error: unknown, context: CommandContext, configPath: string | undefined): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ConfigError) {
    for (const problem of error.problems) context.err(`stackyard: ${problem}\n`);
    return EXIT.usage;
  }
  if (error instanceof QuietExit) return error.code;
  context.err(`stackyard: ${oneLine(error instanceof Error ? error.message : String(error))}\n`);
  if (error instanceof UsageError || error instanceof InvalidValue) return EXIT.usage;
  if (error instanceof Error && error.stack !== undefined && isDebugging(context, configPath)) {
    context.err(`${error.stack}\n`);
  }
  return EXIT.failure;
}

function isDebugging(context: CommandContext, configPath: string | undefined): boolean {
  try {
    return context.loadConfig(configPath).log.level === 'debug';
  } catch {
    return false; // the error at hand is the one to tell
  }
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, '; ');
}
