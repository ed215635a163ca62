import { Option } from 'commander';
import type { Command } from 'commander';
import { jsonOption, parseCount } from './arguments.js';
import { configOption } from './config.js';

export function serverOption(): Option {
  return new Option(
    '--server <url>',
    'work on this server by its admin API; else on STACKYARD_SERVER, else on the store of the configuration',
  );
}

export function caOption(): Option {
  return new Option('--ca <file>', "certificates (PEM) that the server's is checked against");
}

/** Where a command of the admin API works. */
export function onAdminApi(command: Command): Command {
  return command.addOption(serverOption()).addOption(caOption()).addOption(configOption());
}

/** The same for one that prints a result. */
export function withResult(command: Command): Command {
  return onAdminApi(command.addOption(jsonOption()));
}

/** The same for one that prints a list. */
export function withList(command: Command): Command {
  return withResult(command.option('--limit <count>', 'print no more than so many', parseCount));
}
