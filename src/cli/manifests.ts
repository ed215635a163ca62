import { Command } from 'commander';
import type { OperationResult } from '../api/operations.js';
import { parseRepositoryName } from '../composition/admin-arguments.js';
import { parseDigestText, parseReferenceText } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions, type TargetOptions } from './command-context.js';
import { onAdminApi, withList, withResult } from './command-options.js';
import { printList, type ListOptions } from './lists.js';
import { manifestText } from './manifest-text.js';
import { printResult, readableBytes } from './output.js';

interface ReferrersOptions extends ListOptions {
  readonly artifactType?: string;
}

type Revision = OperationResult<'listManifests'>['items'][number];
type Referrer = OperationResult<'listReferrers'>['items'][number];

/** `stackyard manifest` */
export function manifestCommand(context: CommandContext): Command {
  const command = new Command('manifest').description('the manifests of a repository, with and without tags');
  withList(onRepository(command.command('list').description('show the manifests'))).action(
    (repository: string, options: ListOptions) => list(context, repository, options),
  );
  withResult(
    onRepository(
      command.command('show').description('show a manifest with its configuration, history and sizes'),
    ).argument('<reference>', 'a tag or digest', parseReferenceText),
  ).action((repository: string, reference: string, options: ResultOptions) =>
    show(context, { repository, reference }, options),
  );
  onAdminApi(
    onDigest(command.command('delete').description('remove a manifest and every tag that points to it')),
  ).action((repository: string, digest: string, options: TargetOptions) =>
    remove(context, { repository, reference: digest }, options),
  );
  withList(
    onDigest(
      command.command('referrers').description('show the manifests that name this one as their subject'),
    ).option('--artifact-type <type>', 'only those of this type'),
  ).action((repository: string, digest: string, options: ReferrersOptions) =>
    referrers(context, { repository, reference: digest }, options),
  );
  return command;
}

interface ManifestName {
  readonly repository: string;
  readonly reference: string;
}

function onRepository(command: Command): Command {
  return command.argument('<repository>', 'its name', parseRepositoryName);
}

function onDigest(command: Command): Command {
  return onRepository(command).argument('<digest>', 'of the manifest', parseDigestText);
}

async function list(context: CommandContext, repository: string, options: ListOptions): Promise<void> {
  const columns = {
    heading: ['digest', 'size', 'media type'],
    row: ({ digest, size, mediaType }: Revision) => [digest, sizeText(size), mediaType ?? 'unreadable'],
  };
  await withAdmin(context, options, (api) =>
    printList(
      context,
      options,
      columns,
      async (query) => (await api.call('listManifests', { params: { repository }, query })).value,
    ),
  );
}

async function show(context: CommandContext, params: ManifestName, options: ResultOptions): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('getManifest', { params }));
  printResult(context, options, value, manifestText);
}

async function remove(context: CommandContext, params: ManifestName, options: TargetOptions): Promise<void> {
  await withAdmin(context, options, (api) => api.call('deleteManifest', { params }));
  context.out(`the manifest ${params.reference} of ${params.repository} is deleted\n`);
}

async function referrers(
  context: CommandContext,
  params: ManifestName,
  options: ReferrersOptions,
): Promise<void> {
  const { artifactType } = options;
  const columns = {
    heading: ['digest', 'size', 'artifact type'],
    row: (referrer: Referrer) => [
      referrer.digest,
      readableBytes(referrer.size),
      referrer.artifactType ?? '-',
    ],
  };
  await withAdmin(context, options, (api) =>
    printList(context, options, columns, async (paging) => {
      const query = { ...paging, ...(artifactType !== undefined && { artifactType }) };
      return (await api.call('listReferrers', { params, query })).value;
    }),
  );
}

function sizeText(size: number | undefined): string {
  return size === undefined ? 'unknown' : readableBytes(size);
}
