import { Command, Option } from 'commander';
import type { OperationResult } from '../api/operations.js';
import { parseLocalName, type Grant } from '../composition/admin-arguments.js';
import {
  collected,
  givenGrant,
  parseAge,
  parseGrantText,
  parseLifetime,
  parseTokenId,
  wholeSeconds,
} from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions, type TargetOptions } from './command-context.js';
import { onAdminApi, withList, withResult } from './command-options.js';
import { printList, type ListOptions } from './lists.js';
import { printResult, readableTime, table } from './output.js';

type Token = OperationResult<'getToken'>;

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
  withResult(
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
      .option('--note <text>', 'what it is for'),
  ).action((owner: string, options: CreateOptions) => create(context, owner, options));
  withList(
    command
      .command('list')
      .description('show access tokens, without their secrets')
      .argument('[owner]', 'only those of this user or robot', parseLocalName),
  ).action((owner: string | undefined, options: ListOptions) => list(context, owner, options));
  withResult(
    command
      .command('show')
      .description('show an access token, without its secret')
      .argument('<id>', 'of the access token', parseTokenId),
  ).action((id: string, options: ResultOptions) => show(context, id, options));
  withResult(
    command
      .command('rotate')
      .description('make another access token of the same rights and lifetime, and let the old one expire')
      .argument('<id>', 'of the access token', parseTokenId)
      .addOption(overlapOption()),
  ).action((id: string, options: RotateOptions) => rotate(context, id, options));
  onAdminApi(
    command
      .command('revoke')
      .description('end an access token')
      .argument('<id>', 'of the access token', parseTokenId),
  ).action((id: string, options: TargetOptions) => revoke(context, id, options));
  return command;
}

function overlapOption(): Option {
  return new Option('--overlap <age>', 'the old one is good for so long')
    .argParser(parseAge)
    .default(DAY, '24h');
}

async function create(context: CommandContext, owner: string, options: CreateOptions): Promise<void> {
  const { limit, expires, note } = options;
  const body = {
    owner,
    ...(limit !== undefined && { limits: limit.map(givenGrant) }),
    ...(expires !== undefined && { expiresIn: wholeSeconds(expires) }),
    ...(note !== undefined && { note }),
  };
  const { value } = await withAdmin(context, options, (api) => api.call('createToken', { body }));
  printResult(
    context,
    options,
    value,
    ({ id, secret, expiresAt }) =>
      `made the access token ${id} of ${owner}, which expires ${readableTime(expiresAt, 'never')}\n` +
      `secret (shown only once): ${secret}\n`,
  );
}

async function list(context: CommandContext, owner: string | undefined, options: ListOptions): Promise<void> {
  const columns = {
    heading: ['id', 'owner', 'created', 'expires', 'last used', 'limits', 'note'],
    row: (token: Token) => [
      token.id,
      token.owner,
      readableTime(token.createdAt, ''),
      readableTime(token.expiresAt, 'never'),
      readableTime(token.lastUsedAt, 'never'),
      limitsOf(token),
      token.note ?? '-',
    ],
  };
  await withAdmin(context, options, (api) =>
    printList(context, options, columns, async (paging) => {
      const query = { ...paging, ...(owner !== undefined && { owner }) };
      return (await api.call('listTokens', { query })).value;
    }),
  );
}

async function show(context: CommandContext, id: string, options: ResultOptions): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('getToken', { params: { id } }));
  printResult(context, options, value, (token) =>
    table([
      ['id', id],
      ['owner', token.owner],
      ['created', readableTime(token.createdAt, '')],
      ['expires', readableTime(token.expiresAt, 'never')],
      ['last used', readableTime(token.lastUsedAt, 'never')],
      ['limits', limitsOf(token)],
      ['note', token.note ?? '-'],
      ['replaced by', token.replacedBy ?? '-'],
    ]),
  );
}

function limitsOf({ limits }: Token): string {
  return limits?.map(({ repositories, actions }) => `${repositories}:${actions.join(',')}`).join(' ') ?? '-';
}

async function rotate(context: CommandContext, id: string, options: RotateOptions): Promise<void> {
  const body = { overlap: wholeSeconds(options.overlap) };
  const { value } = await withAdmin(context, options, (api) =>
    api.call('rotateToken', { params: { id }, body }),
  );
  printResult(
    context,
    options,
    value,
    ({ id: made, secret, expiresAt, replaces }) =>
      `made the access token ${made}, which expires ${readableTime(expiresAt, 'never')}\n` +
      `secret (shown only once): ${secret}\n` +
      `${id} is good until ${readableTime(replaces.until, '')}\n`,
  );
}

async function revoke(context: CommandContext, id: string, options: TargetOptions): Promise<void> {
  await withAdmin(context, options, (api) => api.call('revokeToken', { params: { id } }));
  context.out(`the access token ${id} is revoked\n`);
}
