import { Command, CommanderError } from 'commander';
import { ApiProblem } from '../api/admin-connection.js';
import { InvalidValue } from '../composition/admin-arguments.js';
import { ConfigError } from '../composition/process-config.js';
import { ProfileError } from '../composition/profiles.js';
import { adoptCommand } from './adopt.js';
import { exportCommand, importCommand } from './archives.js';
import { auditCommand } from './audit.js';
import { clientConfigCommand } from './client-config.js';
import { showExamples } from './command-tree.js';
import { completionCommand } from './completion.js';
import { copyCommand } from './copy.js';
import { groupCommand } from './groups.js';
import { logLevelCommand } from './log-level.js';
import { mirrorCommand } from './mirror.js';
import { loginCommand, logoutCommand, whoamiCommand } from './login.js';
import { manifestCommand } from './manifests.js';
import { readOnlyCommand } from './read-only.js';
import { repositoryCommand } from './repositories.js';
import { tagCommand } from './tags.js';
import type { CommandContext } from './command-context.js';
import { configCommand } from './config.js';
import { doctorCommand } from './doctor.js';
import { caOption, serverOption } from './command-options.js';
import { EXIT, EXIT_MEANINGS, Interrupted, QuietExit, UsageError, exitCodeOf } from './exit.js';
import { grantCommand } from './grants.js';
import { keyCommand } from './keys.js';
import { printable } from './output.js';
import { policyCommand } from './policy.js';
import { robotCommand } from './robots.js';
import { serveCommand } from './serve.js';
import { tokenCommand } from './tokens.js';
import { uploadsCommand } from './uploads.js';
import { userCommand } from './users.js';

/**
 * Runs one command line (without node and the script) and answers the exit code, one of `EXIT` or that of a signal. Errors are lines on
 * stderr; a stack follows only at log level debug. Never throws.
 */
export async function run(argv: readonly string[], context: CommandContext): Promise<number> {
  let configPath: string | undefined;
  const program = createProgram(context);
  program.hook('preAction', (_, command) => {
    shareTarget(program, command);
    configPath = command.opts<{ config?: string }>().config;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    return report(error, context, configPath);
  }
}

/** Gives a command the server that was named anywhere on the line. @throws UsageError where it has none */
function shareTarget(program: Command, command: Command): void {
  for (const [name, value] of Object.entries(program.opts<Record<string, unknown>>())) {
    const option = command.options.find((each) => each.attributeName() === name);
    if (option === undefined) throw new UsageError(`${command.name()} takes no --${name}`);
    command.setOptionValue(name, value);
  }
}

export function createProgram(context: CommandContext): Command {
  const program = new Command('stackyard')
    .description('A private container registry.')
    .version(context.version, '--version', 'print the version')
    .addOption(serverOption())
    .addOption(caOption())
    .addHelpText('after', `\n${exitCodes()}`)
    .addCommand(serveCommand(context))
    .addCommand(configCommand(context))
    .addCommand(doctorCommand(context))
    .addCommand(loginCommand(context))
    .addCommand(logoutCommand(context))
    .addCommand(whoamiCommand(context))
    .addCommand(userCommand(context))
    .addCommand(robotCommand(context))
    .addCommand(groupCommand(context))
    .addCommand(tokenCommand(context))
    .addCommand(grantCommand(context))
    .addCommand(policyCommand(context))
    .addCommand(keyCommand(context))
    .addCommand(repositoryCommand(context))
    .addCommand(tagCommand(context))
    .addCommand(manifestCommand(context))
    .addCommand(copyCommand(context))
    .addCommand(importCommand(context))
    .addCommand(exportCommand(context))
    .addCommand(auditCommand(context))
    .addCommand(readOnlyCommand(context))
    .addCommand(logLevelCommand(context))
    .addCommand(mirrorCommand(context))
    .addCommand(clientConfigCommand(context))
    .addCommand(uploadsCommand(context))
    .addCommand(adoptCommand(context))
    .addCommand(completionCommand(context));
  showExamples(program);
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

function exitCodes(): string {
  const lines = Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `  ${code}  ${meaning}\n`);
  return `Exit codes:\n${lines.join('')}`;
}

function report(error: unknown, context: CommandContext, configPath: string | undefined): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof ConfigError) {
    for (const problem of error.problems) context.err(`stackyard: ${problem}\n`);
    return EXIT.usage;
  }
  if (error instanceof QuietExit || error instanceof Interrupted) return error.code;
  context.err(`stackyard: ${printable(oneLine(error instanceof Error ? error.message : String(error)))}\n`);
  if (error instanceof UsageError || error instanceof InvalidValue || error instanceof ProfileError) {
    return EXIT.usage;
  }
  if (error instanceof Error && error.stack !== undefined && isDebugging(context, configPath)) {
    context.err(`${error.stack}\n`);
  }
  return error instanceof ApiProblem ? exitCodeOf(error) : EXIT.failure;
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
