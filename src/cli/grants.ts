import { Command } from 'commander';
import type { OperationResult } from '../api/operations.js';
import {
  granteeText,
  parseActions,
  parseGrantee,
  type Action,
  type Grant,
  type Grantee,
  type RepositoryPattern,
} from '../composition/admin-arguments.js';
import { givenGrant, parsePattern } from './arguments.js';
import { withAdmin, type CommandContext, type TargetOptions } from './command-context.js';
import { onAdminApi, withList } from './command-options.js';
import { removeGrant } from './grant-removal.js';
import { printList, type ListOptions } from './lists.js';
import { printable } from './output.js';

const GRANTEE = 'user:NAME, robot:NAME, group:NAME or role:NAME';

/** `stackyard grant` */
export function grantCommand(context: CommandContext): Command {
  const command = new Command('grant').description('who may do what in which repositories');
  command.addCommand(
    withGrant(new Command('add').description('permit actions'), (grantee, pattern, actions, options) =>
      add(context, grantee, { repositories: pattern, actions }, options),
    ),
  );
  command.addCommand(
    withGrant(new Command('remove').description('take a grant back'), (grantee, pattern, actions, options) =>
      remove(context, grantee, { repositories: pattern, actions }, options),
    ),
  );
  withList(
    command.command('list').description('show the grants').argument('[grantee]', GRANTEE, parseGrantee),
  ).action((grantee: Grantee | undefined, options: ListOptions) => list(context, grantee, options));
  return command;
}

type GrantAction = (
  grantee: Grantee,
  pattern: RepositoryPattern,
  actions: readonly Action[],
  options: TargetOptions,
) => Promise<void>;

function withGrant(command: Command, action: GrantAction): Command {
  return onAdminApi(
    command
      .argument('<grantee>', GRANTEE, parseGrantee)
      .argument('<pattern>', 'repository names; * stands within a component, ** for components', parsePattern)
      .argument('<actions>', 'pull, push, delete with commas between, or *', parseActions),
  ).action(action);
}

async function add(
  context: CommandContext,
  grantee: Grantee,
  grant: Grant,
  options: TargetOptions,
): Promise<void> {
  const body = { grantee: granteeText(grantee), ...givenGrant(grant) };
  const { value } = await withAdmin(context, options, (api) => api.call('addGrant', { body }));
  if (value.isStranger) {
    context.err(
      `stackyard: the store has no user ${printable(grantee.name)}; the grant is for one from elsewhere\n`,
    );
  }
  context.out(`${grantee.kind} ${printable(grantee.name)} may ${textOf(grant)}\n`);
}

async function remove(
  context: CommandContext,
  grantee: Grantee,
  grant: Grant,
  options: TargetOptions,
): Promise<void> {
  await withAdmin(context, options, (api) => removeGrant(api, granteeText(grantee), givenGrant(grant)));
  context.out(`${grantee.kind} ${printable(grantee.name)} lost the grant of ${textOf(grant)}\n`);
}

async function list(
  context: CommandContext,
  grantee: Grantee | undefined,
  options: ListOptions,
): Promise<void> {
  const columns = {
    heading: ['grantee', 'repositories', 'actions'],
    row: ({ grantee: holder, repositories, actions }: HeldGrant) => [holder, repositories, actions.join(',')],
  };
  await withAdmin(context, options, (api) =>
    printList(context, options, columns, async (paging) => {
      const query = { ...paging, ...(grantee !== undefined && { grantee: granteeText(grantee) }) };
      return (await api.call('listGrants', { query })).value;
    }),
  );
}

type HeldGrant = OperationResult<'listGrants'>['items'][number];

function textOf({ repositories, actions }: Grant): string {
  return `${actions.join(',')} in ${repositories.text}`;
}
