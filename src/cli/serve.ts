import { Command } from 'commander';
import type { CommandContext, ConfigOption } from './command-context.js';
import { configOption } from './config.js';

/** `stackyard serve` */
export function serveCommand({ serve }: CommandContext): Command {
  return new Command('serve')
    .description('serve the registry until SIGTERM or SIGINT')
    .addOption(configOption())
    .action(({ config }: ConfigOption) => serve(config === undefined ? {} : { configPath: config }));
}
