import { Command } from 'commander';
import type { OperationResult } from '../api/operations.js';
import { parseRepositoryName } from '../composition/admin-arguments.js';
import { parseReferenceText, parseTagText } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions, type TargetOptions } from './command-context.js';
import { onAdminApi, withList, withResult } from './command-options.js';
import { printList, type ListOptions } from './lists.js';
import { printResult, readableBytes, readableTime, table } from './output.js';

type Tag = OperationResult<'getTag'>;

/** `stackyard tag` */
export function tagCommand(context: CommandContext): Command {
  const command = new Command('tag').description('the tags of a repository');
  withList(onRepository(command.command('list').description('show the tags by name'))).action(
    (repository: string, options: ListOptions) => list(context, repository, options),
  );
  withResult(onTag(command.command('show').description('show a tag'))).action(
    (repository: string, tag: string, options: ResultOptions) => show(context, { repository, tag }, options),
  );
  withResult(
    onTag(command.command('set').description('point a tag to a manifest of the repository')).argument(
      '<reference>',
      'a tag or digest of the manifest',
      parseReferenceText,
    ),
  ).action((repository: string, tag: string, reference: string, options: ResultOptions) =>
    set(context, { repository, tag }, reference, options),
  );
  onAdminApi(onTag(command.command('delete').description('remove a tag, not its manifest'))).action(
    (repository: string, tag: string, options: TargetOptions) =>
      remove(context, { repository, tag }, options),
  );
  return command;
}

interface TagName {
  readonly repository: string;
  readonly tag: string;
}

function onRepository(command: Command): Command {
  return command.argument('<repository>', 'its name', parseRepositoryName);
}

function onTag(command: Command): Command {
  return onRepository(command).argument('<tag>', 'its name', parseTagText);
}

async function list(context: CommandContext, repository: string, options: ListOptions): Promise<void> {
  const columns = {
    heading: ['tag', 'digest', 'size', 'updated'],
    row: ({ name, digest, size, updatedAt }: Tag) => [
      name,
      digest,
      sizeText(size),
      readableTime(updatedAt, ''),
    ],
  };
  await withAdmin(context, options, (api) =>
    printList(
      context,
      options,
      columns,
      async (query) => (await api.call('listTags', { params: { repository }, query })).value,
    ),
  );
}

async function show(context: CommandContext, params: TagName, options: ResultOptions): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('getTag', { params }));
  printResult(context, options, value, ({ name, digest, mediaType, size, updatedAt, immutable }) =>
    table([
      ['tag', name],
      ['digest', digest],
      ['media type', mediaType ?? 'unreadable'],
      ['size', sizeText(size)],
      ['updated', readableTime(updatedAt, '')],
      ['immutable', immutable ? 'yes' : 'no'],
    ]),
  );
}

async function set(
  context: CommandContext,
  params: TagName,
  reference: string,
  options: ResultOptions,
): Promise<void> {
  const { value } = await withAdmin(context, options, (api) =>
    api.call('setTag', { params, body: { reference } }),
  );
  printResult(context, options, value, ({ digest, previous }) => {
    const before = previous === undefined || previous === digest ? '' : `, no longer to ${previous}`;
    return `${params.repository}:${params.tag} points to ${digest}${before}\n`;
  });
}

async function remove(context: CommandContext, params: TagName, options: TargetOptions): Promise<void> {
  await withAdmin(context, options, (api) => api.call('deleteTag', { params }));
  context.out(`the tag ${params.repository}:${params.tag} is deleted\n`);
}

function sizeText(size: number | undefined): string {
  return size === undefined ? 'unknown' : readableBytes(size);
}
