import { Command } from 'commander';
import type { OperationResult } from '../api/operations.js';
import { parseRepositoryName } from '../composition/admin-arguments.js';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { withList, withResult } from './command-options.js';
import { UsageError } from './exit.js';
import { printList, type ListOptions } from './lists.js';
import { counted, printResult, readableBytes, table } from './output.js';

interface DeleteOptions extends ResultOptions {
  readonly yes: boolean;
}

interface UsageOptions extends ResultOptions {
  readonly namespace?: string;
}

/** `stackyard repository` */
export function repositoryCommand(context: CommandContext): Command {
  const command = new Command('repository').description('the repositories and what they hold');
  withList(
    command
      .command('list')
      .description('show the repositories')
      .argument('[prefix]', 'only those whose names begin so'),
  ).action((prefix: string | undefined, options: ListOptions) => list(context, prefix, options));
  withResult(
    command
      .command('show')
      .description('show a repository')
      .argument('<repository>', 'its name', parseRepositoryName),
  ).action((repository: string, options: ResultOptions) => show(context, repository, options));
  withResult(
    command
      .command('delete')
      .description('remove a repository with all its manifests and tags')
      .argument('<repository>', 'its name', parseRepositoryName)
      .option('--yes', 'do not ask', false),
  ).action((repository: string, options: DeleteOptions) => remove(context, repository, options));
  withResult(
    command
      .command('usage')
      .description('tell what a repository holds, or all below a namespace together')
      .argument('[repository]', 'its name', parseRepositoryName)
      .option('--namespace <name>', 'such as team; without it and without a repository all'),
  ).action((repository: string | undefined, options: UsageOptions) =>
    repository === undefined
      ? namespaceUsage(context, options)
      : repositoryUsage(context, repository, options),
  );
  return command;
}

async function list(
  context: CommandContext,
  prefix: string | undefined,
  options: ListOptions,
): Promise<void> {
  const columns = { heading: ['repository'], row: ({ name }: { readonly name: string }) => [name] };
  await withAdmin(context, options, (api) =>
    printList(context, options, columns, async (paging) => {
      const query = { ...paging, ...(prefix !== undefined && { prefix }) };
      return (await api.call('listRepositories', { query })).value;
    }),
  );
}

async function show(context: CommandContext, repository: string, options: ResultOptions): Promise<void> {
  const params = { repository };
  const { value } = await withAdmin(context, options, (api) => api.call('getRepository', { params }));
  printResult(context, options, value, ({ name, tags }) =>
    table([
      ['repository', name],
      ['tags', String(tags)],
    ]),
  );
}

async function remove(context: CommandContext, repository: string, options: DeleteOptions): Promise<void> {
  await confirm(context, repository, options);
  const params = { repository };
  const { value } = await withAdmin(context, options, (api) => api.call('deleteRepository', { params }));
  printResult(
    context,
    options,
    value,
    ({ manifests, tags, blobs }) =>
      `the repository ${repository} is deleted: ` +
      `${counted(tags, 'tag')}, ${counted(manifests, 'manifest')}, ${counted(blobs, 'blob')}\n`,
  );
}

/** @throws UsageError where it is not meant */
async function confirm({ ask }: CommandContext, repository: string, { yes }: DeleteOptions): Promise<void> {
  if (yes) return;
  if (ask === undefined) throw new UsageError(`give --yes to delete ${repository} with all that it holds`);
  const answer = await ask(`Type ${repository} to delete it with all that it holds: `);
  if (answer !== repository) throw new UsageError('nothing was deleted');
}

async function repositoryUsage(
  context: CommandContext,
  repository: string,
  options: UsageOptions,
): Promise<void> {
  if (options.namespace !== undefined) throw new UsageError('give a repository or --namespace, not both');
  const params = { repository };
  const { value } = await withAdmin(context, options, (api) => api.call('getRepositoryUsage', { params }));
  printResult(context, options, value, (usage) =>
    table([['repository', usage.repository], ...amounts(usage), ['size', readableBytes(usage.bytes)]]),
  );
}

async function namespaceUsage(context: CommandContext, options: UsageOptions): Promise<void> {
  const { namespace } = options;
  const query = namespace === undefined ? {} : { namespace };
  const { value } = await withAdmin(context, options, (api) => api.call('getNamespaceUsage', { query }));
  printResult(context, options, value, (usage) =>
    table([
      ['namespace', usage.namespace === '' ? 'all' : usage.namespace],
      ['repositories', String(usage.repositories)],
      ...amounts(usage),
      ['size', `${usage.complete ? '' : 'at most '}${readableBytes(usage.bytes)}, each blob once`],
      ['apparent size', `${readableBytes(usage.apparentBytes)}, each repository by itself`],
    ]),
  );
}

function amounts({
  manifests,
  blobs,
}: Pick<OperationResult<'getRepositoryUsage'>, 'manifests' | 'blobs'>): [string, string][] {
  return [
    ['manifests', String(manifests)],
    ['blobs', String(blobs)],
  ];
}
