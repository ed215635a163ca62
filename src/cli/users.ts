import { Command } from 'commander';
import type { AdminConnection } from '../api/admin-connection.js';
import type { OperationResult } from '../api/operations.js';
import { parseLocalName } from '../composition/admin-arguments.js';
import { accountCommands, changeUser } from './account-commands.js';
import { collected } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions, type TargetOptions } from './command-context.js';
import { onAdminApi, withList, withResult } from './command-options.js';
import { UsageError } from './exit.js';
import { printList, type ListOptions } from './lists.js';
import { printResult, readableTime, table } from './output.js';

interface PasswordOptions extends ResultOptions {
  readonly passwordStdin: boolean;
}

interface CreateOptions extends PasswordOptions {
  readonly admin: boolean;
  readonly group?: readonly string[];
}

type User = OperationResult<'getUser'>;
type ChangedUser = OperationResult<'updateUser'>;
/** Of a user that is made or changed. */
type PasswordWish = { readonly password: string } | { readonly makePassword: true };

const PASSWORD_STDIN = 'read the password from the first line of the standard input; else one is made';

/** `stackyard user` */
export function userCommand(context: CommandContext): Command {
  const command = new Command('user').description('users who log in with a password');
  withResult(
    command
      .command('create')
      .description('make a user')
      .argument('<name>', 'letters, digits, dots, dashes and underscores', parseLocalName)
      .option('--admin', 'who may do everything everywhere', false)
      .option('--group <group>', 'in this group; may be repeated', collected(parseLocalName))
      .option('--password-stdin', PASSWORD_STDIN, false),
  ).action((name: string, options: CreateOptions) => create(context, name, options));
  withList(command.command('list').description('show the users')).action((options: ListOptions) =>
    list(context, options),
  );
  withResult(
    command.command('show').description('show a user').argument('<name>', 'the user', parseLocalName),
  ).action((name: string, options: ResultOptions) => show(context, name, options));
  withResult(
    command
      .command('passwd')
      .description('give a user another password; logins by the old one end')
      .argument('<name>', 'the user', parseLocalName)
      .option('--password-stdin', PASSWORD_STDIN, false),
  ).action((name: string, options: PasswordOptions) => changePassword(context, name, options));
  onAdminApi(
    command
      .command('groups')
      .description('put a user into these groups, and out of all others')
      .argument('<name>', 'the user', parseLocalName)
      .argument('[groups...]', 'all groups of the user', collected(parseLocalName)),
  ).action((name: string, groups: readonly string[], options: TargetOptions) =>
    setGroups(context, name, groups, options),
  );
  onAdminApi(
    command
      .command('admin')
      .description('let a user do everything everywhere, or no longer')
      .argument('<name>', 'the user', parseLocalName)
      .argument('<on|off>', 'on or off', parseSwitch),
  ).action((name: string, admin: boolean, options: TargetOptions) => setAdmin(context, name, admin, options));
  accountCommands(command, context, 'user');
  return command;
}

async function create(context: CommandContext, name: string, options: CreateOptions): Promise<void> {
  const { admin, group: groups = [] } = options;
  await withPassword(context, options, `made the user ${name}`, async (api, wish) => {
    const body = { name, ...wish, admin, groups };
    return (await api.call('createUser', { body })).value;
  });
}

async function changePassword(
  context: CommandContext,
  name: string,
  options: PasswordOptions,
): Promise<void> {
  await withPassword(context, options, `${name} has another password`, (api, wish) =>
    changeUser(api, name, wish),
  );
}

/** Does the work with a password, and tells one that was made, this once. */
async function withPassword(
  context: CommandContext,
  options: PasswordOptions,
  text: string,
  work: (api: AdminConnection, wish: PasswordWish) => Promise<ChangedUser>,
): Promise<void> {
  const given = options.passwordStdin ? await context.readLine() : undefined;
  if (given === '') throw new UsageError('there is no password on the standard input');
  const wish: PasswordWish = given === undefined ? { makePassword: true } : { password: given };
  const user = await withAdmin(context, options, (api) => work(api, wish));
  printResult(context, options, user, ({ password }) =>
    password === undefined ? `${text}\n` : `${text}\npassword (shown only once): ${password}\n`,
  );
}

async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const columns = {
    heading: ['name', 'created', 'admin', 'login', 'groups'],
    row: ({ name, createdAt, admin, disabled, groups }: User) => [
      name,
      readableTime(createdAt, ''),
      admin ? 'admin' : '-',
      disabled ? 'disabled' : 'enabled',
      groups.join(' ') || '-',
    ],
  };
  await withAdmin(context, options, (api) =>
    printList(context, options, columns, async (query) => (await api.call('listUsers', { query })).value),
  );
}

async function show(context: CommandContext, name: string, options: ResultOptions): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('getUser', { params: { name } }));
  printResult(context, options, value, ({ createdAt, admin, disabled, groups }) =>
    table([
      ['name', name],
      ['created', readableTime(createdAt, '')],
      ['admin', admin ? 'yes' : 'no'],
      ['login', disabled ? 'disabled' : 'enabled'],
      ['groups', groups.join(' ') || '-'],
    ]),
  );
}

async function setGroups(
  context: CommandContext,
  name: string,
  groups: readonly string[],
  options: TargetOptions,
): Promise<void> {
  await withAdmin(context, options, (api) => changeUser(api, name, { groups }));
  context.out(`${name} is in ${groups.length === 0 ? 'no group' : groups.join(', ')}\n`);
}

async function setAdmin(
  context: CommandContext,
  name: string,
  admin: boolean,
  options: TargetOptions,
): Promise<void> {
  await withAdmin(context, options, (api) => changeUser(api, name, { admin }));
  context.out(`${name} is ${admin ? 'an admin' : 'no admin'}\n`);
}

/** @throws UsageError */
function parseSwitch(text: string): boolean {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new UsageError(`'${text}' is neither on nor off`);
}
