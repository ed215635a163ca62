import { Command, Option } from 'commander';
import { printConfig } from '../composition/process-config.js';
import type { CommandContext, ConfigOption } from './command-context.js';

/** The `--config` option that every command takes. */
export function configOption(): Option {
  return new Option('--config <file>', 'configuration file; else STACKYARD_CONFIG, else ./stackyard.yaml');
}

/** `stackyard config print|check` */
export function configCommand({ loadConfig, out }: CommandContext): Command {
  const command = new Command('config').description('look at the configuration');
  command
    .command('print')
    .description('print every value and where it came from')
    .addOption(configOption())
    .action(({ config }: ConfigOption) => out(printConfig(loadConfig(config))));
  command
    .command('check')
    .description('tell every problem of the configuration')
    .addOption(configOption())
    .action(({ config }: ConfigOption) => {
      loadConfig(config);
      out('the configuration is valid\n');
    });
  return command;
}
