import { Command } from 'commander';
import { parseLocalName, type Grant } from '../composition/admin-arguments.js';
import { accountCommands } from './account-commands.js';
import { collected, jsonOption, parseGrantText, parseLifetime } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { configOption } from './config.js';
import { grid, readableTime } from './output.js';

interface CreateOptions extends ResultOptions {
  readonly grant?: readonly Grant[];
  readonly expires?: number;
}

/** `stackyard robot` */
export function robotCommand(context: CommandContext): Command {
  const command = new Command('robot').description('robots, such as CI, which log in with access tokens');
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
    )
    .addOption(jsonOption())
    .addOption(configOption())
    .action((name: string, options: CreateOptions) => create(context, name, options));
  command
    .command('list')
    .description('show the robots')
    .addOption(jsonOption())
    .addOption(configOption())
    .action((options: ResultOptions) => list(context, options));
  accountCommands(command, context, 'robot');
  return command;
}

async function create(context: CommandContext, name: string, options: CreateOptions): Promise<void> {
  const { expires: lifetime, grant: grants = [], json } = options;
  const { id, secret, expiresAt } = await withAdmin(context, options, ({ accounts }) =>
    accounts.createRobot(name, grants, lifetime === undefined ? {} : { lifetime }),
  );
  context.out(
    json
      ? `${JSON.stringify({ name, id, secret, expiresAt })}\n`
      : `made the robot ${name} with the access token ${id}, which expires ${readableTime(expiresAt, 'never')}\n` +
          `secret (shown only once): ${secret}\n` +
          `log in: docker login -u ${name} --password-stdin REGISTRY, with the secret on its standard input\n`,
  );
}

async function list(context: CommandContext, options: ResultOptions): Promise<void> {
  const robots = (await withAdmin(context, options, ({ accounts }) => accounts.list('robot'))).map(
    ({ name, createdAt, disabled }) => ({ name, createdAt, disabled }),
  );
  const rows = robots.map(({ name, createdAt, disabled }) => [
    name,
    readableTime(createdAt, ''),
    disabled ? 'disabled' : 'enabled',
  ]);
  context.out(options.json ? `${JSON.stringify(robots)}\n` : grid(['name', 'created', 'login'], rows));
}
