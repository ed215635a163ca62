import { Command } from 'commander';
import { parseLocalName } from '../composition/admin-arguments.js';
import type { AdminTools } from '../composition/admin-tools.js';
import { accountCommands } from './account-commands.js';
import { collected, jsonOption } from './arguments.js';
import { withAdmin, type CommandContext, type ConfigOption, type ResultOptions } from './command-context.js';
import { configOption } from './config.js';
import { UsageError } from './exit.js';
import { grid, readableTime } from './output.js';

interface PasswordOptions extends ResultOptions {
  readonly passwordStdin: boolean;
}

interface CreateOptions extends PasswordOptions {
  readonly admin: boolean;
  readonly group?: readonly string[];
}

const PASSWORD_STDIN = 'read the password from the first line of the standard input; else one is made';

/** `stackyard user` */
export function userCommand(context: CommandContext): Command {
  const command = new Command('user').description('users who log in with a password');
  command
    .command('create')
    .description('make a user')
    .argument('<name>', 'letters, digits, dots, dashes and underscores', parseLocalName)
    .option('--admin', 'who may do everything everywhere', false)
    .option('--group <group>', 'in this group; may be repeated', collected(parseLocalName))
    .option('--password-stdin', PASSWORD_STDIN, false)
    .addOption(jsonOption())
    .addOption(configOption())
    .action((name: string, options: CreateOptions) => create(context, name, options));
  command
    .command('list')
    .description('show the users')
    .addOption(jsonOption())
    .addOption(configOption())
    .action((options: ResultOptions) => list(context, options));
  command
    .command('passwd')
    .description('give a user another password; logins by the old one end')
    .argument('<name>', 'the user', parseLocalName)
    .option('--password-stdin', PASSWORD_STDIN, false)
    .addOption(jsonOption())
    .addOption(configOption())
    .action((name: string, options: PasswordOptions) => changePassword(context, name, options));
  command
    .command('groups')
    .description('put a user into these groups, and out of all others')
    .argument('<name>', 'the user', parseLocalName)
    .argument('[groups...]', 'all groups of the user', collected(parseLocalName))
    .addOption(configOption())
    .action((name: string, groups: readonly string[], options: ConfigOption) =>
      setGroups(context, name, groups, options),
    );
  command
    .command('admin')
    .description('let a user do everything everywhere, or no longer')
    .argument('<name>', 'the user', parseLocalName)
    .argument('<on|off>', 'on or off', parseSwitch)
    .addOption(configOption())
    .action((name: string, admin: boolean, options: ConfigOption) => setAdmin(context, name, admin, options));
  accountCommands(command, context, 'user');
  return command;
}

async function create(context: CommandContext, name: string, options: CreateOptions): Promise<void> {
  const { admin, group: groups = [] } = options;
  await withPassword(context, options, async ({ accounts }, password) => {
    await accounts.createUser(name, { password, admin, groups });
    return { name, text: `made the user ${name}` };
  });
}

async function changePassword(
  context: CommandContext,
  name: string,
  options: PasswordOptions,
): Promise<void> {
  await withPassword(context, options, async ({ accounts }, password) => {
    await accounts.setPassword(name, password);
    return { name, text: `${name} has another password` };
  });
}

/** Does the work with a password, and tells one that was made, this once. */
async function withPassword(
  context: CommandContext,
  options: PasswordOptions,
  work: (tools: AdminTools, password: string) => Promise<{ readonly name: string; readonly text: string }>,
): Promise<void> {
  const given = options.passwordStdin ? await context.readLine() : undefined;
  if (given === '') throw new UsageError('there is no password on the standard input');
  await withAdmin(context, options, async (tools) => {
    const password = given ?? tools.accounts.newPassword();
    const { name, text } = await work(tools, password);
    const made = given === undefined ? { password } : {};
    const told = given === undefined ? `password (shown only once): ${password}\n` : '';
    context.out(options.json ? `${JSON.stringify({ name, ...made })}\n` : `${text}\n${told}`);
  });
}

async function list(context: CommandContext, options: ResultOptions): Promise<void> {
  const users = await withAdmin(context, options, ({ accounts }) => accounts.list('user'));
  const rows = users.map(({ name, createdAt, admin, groups, disabled }) => [
    name,
    readableTime(createdAt, ''),
    admin ? 'admin' : '-',
    disabled ? 'disabled' : 'enabled',
    groups.join(' ') || '-',
  ]);
  context.out(
    options.json ? `${JSON.stringify(users)}\n` : grid(['name', 'created', 'admin', 'login', 'groups'], rows),
  );
}

async function setGroups(
  context: CommandContext,
  name: string,
  groups: readonly string[],
  options: ConfigOption,
): Promise<void> {
  await withAdmin(context, options, ({ accounts }) => accounts.setGroups(name, groups));
  context.out(`${name} is in ${groups.length === 0 ? 'no group' : groups.join(', ')}\n`);
}

async function setAdmin(
  context: CommandContext,
  name: string,
  admin: boolean,
  options: ConfigOption,
): Promise<void> {
  await withAdmin(context, options, ({ accounts }) => accounts.setAdmin(name, admin));
  context.out(`${name} is ${admin ? 'an admin' : 'no admin'}\n`);
}

/** @throws UsageError */
function parseSwitch(text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new UsageError(`'${text}' is neither on nor off`);
}
