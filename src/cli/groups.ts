import { Command } from 'commander';
import type { OperationResult } from '../api/operations.js';
import { parseLocalName } from '../composition/admin-arguments.js';
import { withAdmin, type CommandContext, type TargetOptions } from './command-context.js';
import { onAdminApi, withList } from './command-options.js';
import { printList, type ListOptions } from './lists.js';

type Group = OperationResult<'listGroups'>['items'][number];

/** `stackyard group` */
export function groupCommand(context: CommandContext): Command {
  const command = new Command('group').description('the groups that users are in');
  withList(command.command('list').description('show the groups with their members')).action(
    (options: ListOptions) => list(context, options),
  );
  onAdminApi(onMember(command.command('add').description('put a user into a group'))).action(
    (group: string, user: string, options: TargetOptions) => add(context, { group, user }, options),
  );
  onAdminApi(onMember(command.command('remove').description('take a user out of a group'))).action(
    (group: string, user: string, options: TargetOptions) => remove(context, { group, user }, options),
  );
  return command;
}

interface Member {
  readonly group: string;
  readonly user: string;
}

function onMember(command: Command): Command {
  return command
    .argument('<group>', 'its name', parseLocalName)
    .argument('<user>', 'the user', parseLocalName);
}

async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const columns = {
    heading: ['group', 'members'],
    row: ({ name, members }: Group) => [name, members.join(' ')],
  };
  await withAdmin(context, options, (api) =>
    printList(context, options, columns, async (query) => (await api.call('listGroups', { query })).value),
  );
}

async function add(context: CommandContext, params: Member, options: TargetOptions): Promise<void> {
  await withAdmin(context, options, (api) => api.call('addMember', { params }));
  context.out(`${params.user} is in ${params.group}\n`);
}

async function remove(context: CommandContext, params: Member, options: TargetOptions): Promise<void> {
  await withAdmin(context, options, (api) => api.call('removeMember', { params }));
  context.out(`${params.user} is not in ${params.group}\n`);
}
