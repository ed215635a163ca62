import type { Command } from 'commander';
import { parseLocalName } from '../composition/admin-arguments.js';
import { withAdmin, type CommandContext, type ConfigOption } from './command-context.js';
import { configOption } from './config.js';

type Kind = 'user' | 'robot';

/** Adds `enable`, `disable` and `delete`, which users and robots have alike. */
export function accountCommands(command: Command, context: CommandContext, kind: Kind): void {
  command
    .command('disable')
    .description(`let a ${kind} do nothing more, and keep all it has`)
    .argument('<name>', `the ${kind}`, parseLocalName)
    .addOption(configOption())
    .action((name: string, options: ConfigOption) => setDisabled(context, { kind, name }, true, options));
  command
    .command('enable')
    .description(`undo disable`)
    .argument('<name>', `the ${kind}`, parseLocalName)
    .addOption(configOption())
    .action((name: string, options: ConfigOption) => setDisabled(context, { kind, name }, false, options));
  command
    .command('delete')
    .description(`remove a ${kind} with its access tokens and grants`)
    .argument('<name>', `the ${kind}`, parseLocalName)
    .addOption(configOption())
    .action((name: string, options: ConfigOption) => remove(context, { kind, name }, options));
}

interface AccountName {
  readonly kind: Kind;
  readonly name: string;
}

async function setDisabled(
  context: CommandContext,
  account: AccountName,
  disabled: boolean,
  options: ConfigOption,
): Promise<void> {
  await withAdmin(context, options, ({ accounts }) => accounts.setDisabled(account, disabled));
  context.out(`the ${account.kind} ${account.name} is ${disabled ? 'disabled' : 'enabled'}\n`);
}

async function remove(context: CommandContext, account: AccountName, options: ConfigOption): Promise<void> {
  await withAdmin(context, options, ({ accounts }) => accounts.remove(account));
  context.out(`the ${account.kind} ${account.name} is deleted\n`);
}
