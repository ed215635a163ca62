import { Command } from 'commander';
import type { OperationResult } from '../api/operations.js';
import { parseLocalName, type Grant } from '../composition/admin-arguments.js';
import { accountCommands } from './account-commands.js';
import { collected, givenGrant, parseGrantText, parseLifetime, wholeSeconds } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { withList, withResult } from './command-options.js';
import { printList, type ListOptions } from './lists.js';
import { printResult, readableTime, table } from './output.js';

interface CreateOptions extends ResultOptions {
  readonly grant?: readonly Grant[];
  readonly expires?: number;
}

type Robot = OperationResult<'getRobot'>;

/** `stackyard robot` */
export function robotCommand(context: CommandContext): Command {
  const command = new Command('robot').description('robots, such as CI, which log in with access tokens');
  withResult(
    command
      .command('create')
      .description('make a robot with its grants and one access token')
      .argument('<name>', 'letters, digits, dots, dashes and underscores', parseLocalName)
      .option(
        '--grant <pattern:actions>',
        'such as team/**:pull,push; may be repeated',
        collected(parseGrantText),
      )
      .option(
        '--expires <age>',
        'the access token is good for so long, such as 90d; else for ever',
        parseLifetime,
      ),
  ).action((name: string, options: CreateOptions) => create(context, name, options));
  withList(command.command('list').description('show the robots')).action((options: ListOptions) =>
    list(context, options),
  );
  withResult(
    command.command('show').description('show a robot').argument('<name>', 'the robot', parseLocalName),
  ).action((name: string, options: ResultOptions) => show(context, name, options));
  accountCommands(command, context, 'robot');
  return command;
}

async function create(context: CommandContext, name: string, options: CreateOptions): Promise<void> {
  const { expires, grant = [] } = options;
  const body = {
    name,
    grants: grant.map(givenGrant),
    ...(expires !== undefined && { expiresIn: wholeSeconds(expires) }),
  };
  const { value } = await withAdmin(context, options, (api) => api.call('createRobot', { body }));
  printResult(
    context,
    options,
    value,
    ({ id, secret, expiresAt }) =>
      `made the robot ${name} with the access token ${id}, which expires ${readableTime(expiresAt, 'never')}\n` +
      `secret (shown only once): ${secret}\n` +
      `log in: docker login -u ${name} --password-stdin REGISTRY, with the secret on its standard input\n`,
  );
}

async function list(context: CommandContext, options: ListOptions): Promise<void> {
  const columns = {
    heading: ['name', 'created', 'login'],
    row: ({ name, createdAt, disabled }: Robot) => [
      name,
      readableTime(createdAt, ''),
      disabled ? 'disabled' : 'enabled',
    ],
  };
  await withAdmin(context, options, (api) =>
    printList(context, options, columns, async (query) => (await api.call('listRobots', { query })).value),
  );
}

async function show(context: CommandContext, name: string, options: ResultOptions): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('getRobot', { params: { name } }));
  printResult(context, options, value, ({ createdAt, disabled }) =>
    table([
      ['name', name],
      ['created', readableTime(createdAt, '')],
      ['login', disabled ? 'disabled' : 'enabled'],
    ]),
  );
}
