import { Command } from 'commander';
import { parseActions, parseGrantee } from '../composition/admin-arguments.js';
import type { Action, Grantee, RepositoryPattern } from '../composition/admin-arguments.js';
import type { AdminTools } from '../composition/admin-tools.js';
import { jsonOption, parsePattern } from './arguments.js';
import { withAdmin, type CommandContext, type ConfigOption, type ResultOptions } from './command-context.js';
import { configOption } from './config.js';
import { grid, printable } from './output.js';

interface Told {
  readonly grantee: string;
  readonly repositories: string;
  readonly actions: string;
}

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
  command
    .command('list')
    .description('show the grants')
    .argument('[grantee]', GRANTEE, parseGrantee)
    .addOption(jsonOption())
    .addOption(configOption())
    .action((grantee: Grantee | undefined, options: ResultOptions) => list(context, grantee, options));
  return command;
}

type GrantAction = (
  grantee: Grantee,
  pattern: RepositoryPattern,
  actions: readonly Action[],
  options: ConfigOption,
) => Promise<void>;

function withGrant(command: Command, action: GrantAction): Command {
  return command
    .argument('<grantee>', GRANTEE, parseGrantee)
    .argument('<pattern>', 'repository names; * stands within a component, ** for components', parsePattern)
    .argument('<actions>', 'pull, push, delete with commas between, or *', parseActions)
    .addOption(configOption())
    .action(action);
}

type Grant = Parameters<AdminTools['permissions']['add']>[1];

async function add(
  context: CommandContext,
  grantee: Grantee,
  grant: Grant,
  options: ConfigOption,
): Promise<void> {
  const { isStranger } = await withAdmin(context, options, ({ permissions }) =>
    permissions.add(grantee, grant),
  );
  if (isStranger) {
    context.err(
      `stackyard: the store has no user ${printable(grantee.name)}; the grant is for one from elsewhere\n`,
    );
  }
  const { repositories, actions } = toldOf(grantee, grant);
  context.out(`${grantee.kind} ${grantee.name} may ${actions} in ${repositories}\n`);
}

async function remove(
  context: CommandContext,
  grantee: Grantee,
  grant: Grant,
  options: ConfigOption,
): Promise<void> {
  await withAdmin(context, options, ({ permissions }) => permissions.remove(grantee, grant));
  const { repositories, actions } = toldOf(grantee, grant);
  context.out(`${grantee.kind} ${grantee.name} lost the grant of ${actions} in ${repositories}\n`);
}

async function list(
  context: CommandContext,
  grantee: Grantee | undefined,
  options: ResultOptions,
): Promise<void> {
  const held: Told[] = [];
  await withAdmin(context, options, async ({ permissions }) => {
    for await (const { grantee: holder, grant } of permissions.list(grantee))
      held.push(toldOf(holder, grant));
  });
  const rows = held.map(({ grantee: holder, repositories, actions }) => [holder, repositories, actions]);
  context.out(
    options.json ? `${JSON.stringify(held)}\n` : grid(['grantee', 'repositories', 'actions'], rows),
  );
}

function toldOf({ kind, name }: Grantee, { repositories, actions }: Grant): Told {
  return { grantee: `${kind}:${name}`, repositories: repositories.text, actions: actions.join(',') };
}
