import { Command, Option } from 'commander';
import { parseLocalName, type Grant } from '../composition/admin-arguments.js';
import type { AdminTools } from '../composition/admin-tools.js';
import { collected, jsonOption, parseAge, parseGrantText, parseLifetime, parseTokenId } from './arguments.js';
import { withAdmin, type CommandContext, type ConfigOption, type ResultOptions } from './command-context.js';
import { configOption } from './config.js';
import { grid, readableTime } from './output.js';

type TokenInfo = Awaited<ReturnType<AdminTools['tokens']['list']>>[number];

interface CreateOptions extends ResultOptions {
  readonly limit?: readonly Grant[];
  readonly expires?: number;
  readonly note?: string;
}

interface RotateOptions extends ResultOptions {
  readonly overlap: number;
}

const DAY = 24 * 60 * 60 * 1000;

/** `stackyard token` */
export function tokenCommand(context: CommandContext): Command {
  const command = new Command('token').description('access tokens, which stand for a user or robot');
  command
    .command('create')
    .description('make an access token')
    .argument('<owner>', 'the user or robot', parseLocalName)
    .option(
      '--limit <pattern:actions>',
      'allows nothing beyond, such as team/**:pull; may be repeated',
      collected(parseGrantText),
    )
    .option('--expires <age>', 'is good for so long, such as 30d; else for ever', parseLifetime)
    .option('--note <text>', 'what it is for')
    .addOption(jsonOption())
    .addOption(configOption())
    .action((owner: string, options: CreateOptions) => create(context, owner, options));
  command
    .command('list')
    .description('show access tokens, without their secrets')
    .argument('[owner]', 'only those of this user or robot', parseLocalName)
    .addOption(jsonOption())
    .addOption(configOption())
    .action((owner: string | undefined, options: ResultOptions) => list(context, owner, options));
  command
    .command('rotate')
    .description('make another access token of the same rights and lifetime, and let the old one expire')
    .argument('<id>', 'of the access token', parseTokenId)
    .addOption(overlapOption())
    .addOption(jsonOption())
    .addOption(configOption())
    .action((id: string, options: RotateOptions) => rotate(context, id, options));
  command
    .command('revoke')
    .description('end an access token')
    .argument('<id>', 'of the access token', parseTokenId)
    .addOption(configOption())
    .action((id: string, options: ConfigOption) => revoke(context, id, options));
  return command;
}

function overlapOption(): Option {
  return new Option('--overlap <age>', 'the old one is good for so long')
    .argParser(parseAge)
    .default(DAY, '24h');
}

async function create(context: CommandContext, owner: string, options: CreateOptions): Promise<void> {
  const { limit: limits = [], expires, note } = options;
  const issued = await withAdmin(context, options, ({ tokens }) =>
    tokens.create(owner, {
      limits,
      ...(expires !== undefined && { lifetime: expires }),
      ...(note !== undefined && { note }),
    }),
  );
  const { id, secret, expiresAt } = issued;
  context.out(
    options.json
      ? `${JSON.stringify(issued)}\n`
      : `made the access token ${id} of ${owner}, which expires ${readableTime(expiresAt, 'never')}\n` +
          `secret (shown only once): ${secret}\n`,
  );
}

async function list(
  context: CommandContext,
  owner: string | undefined,
  options: ResultOptions,
): Promise<void> {
  const tokens = await withAdmin(context, options, (tools) => tools.tokens.list(owner));
  const heading = ['id', 'owner', 'created', 'expires', 'last used', 'limits', 'note'];
  context.out(options.json ? `${JSON.stringify(tokens)}\n` : grid(heading, tokens.map(rowOf)));
}

function rowOf({ id, owner, createdAt, expiresAt, lastUsedAt, limits, note }: TokenInfo): string[] {
  return [
    id,
    owner,
    readableTime(createdAt, ''),
    readableTime(expiresAt, 'never'),
    readableTime(lastUsedAt, 'never'),
    limits?.map(({ repositories, actions }) => `${repositories}:${actions}`).join(' ') ?? '-',
    note ?? '-',
  ];
}

async function rotate(context: CommandContext, id: string, options: RotateOptions): Promise<void> {
  const rotated = await withAdmin(context, options, ({ tokens }) => tokens.rotate(id, options.overlap));
  const { secret, expiresAt, replaces } = rotated;
  context.out(
    options.json
      ? `${JSON.stringify(rotated)}\n`
      : `made the access token ${rotated.id}, which expires ${readableTime(expiresAt, 'never')}\n` +
          `secret (shown only once): ${secret}\n` +
          `${id} is good until ${readableTime(replaces.until, '')}\n`,
  );
}

async function revoke(context: CommandContext, id: string, options: ConfigOption): Promise<void> {
  await withAdmin(context, options, ({ tokens }) => tokens.revoke(id));
  context.out(`the access token ${id} is revoked\n`);
}
