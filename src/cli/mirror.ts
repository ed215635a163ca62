import { Command } from 'commander';
import type { AdminConnection } from '../api/admin-connection.js';
import { ApiProblem } from '../api/admin-connection.js';
import type { OperationInput, OperationResult } from '../api/operations.js';
import type { RepositoryPattern } from '../composition/admin-arguments.js';
import { collected, parseAge, parsePattern, parsePlatformText, wholeSeconds } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { withResult } from './command-options.js';
import { EXIT, QuietExit, UsageError } from './exit.js';
import { mirrorText } from './mirror-text.js';
import { counted, jsonText, printResult, printable, readableBytes } from './output.js';

type WarmUp = OperationResult<'warmMirror'>;
type Report = NonNullable<WarmUp['report']>;
type Failure = { readonly image: string; readonly reason: string };

interface WarmOptions extends ResultOptions {
  readonly platform?: readonly string[];
}

interface PurgeOptions extends ResultOptions {
  readonly upstream?: string;
  readonly repository?: RepositoryPattern;
  readonly unused?: number;
  readonly dryRun: boolean;
}

/** `stackyard mirror` */
export function mirrorCommand(context: CommandContext): Command {
  const command = new Command('mirror').description('what is taken from other registries');
  withResult(
    command.command('status').description('show the upstreams, how they are, and what was asked of them'),
  ).action((options: ResultOptions) => status(context, options));
  withResult(
    command
      .command('warm')
      .description('take images before anybody asks for them')
      .argument('[image...]', 'such as docker.io/library/node:20; without any those of mirror.warm.images')
      .option(
        '--platform <platform>',
        'such as linux/arm64, instead of those of mirror.warm.platforms; may be repeated',
        collected(parsePlatformText),
      ),
  ).action((images: readonly string[], options: WarmOptions) => warm(context, images, options));
  withResult(
    command
      .command('purge')
      .description('remove what was taken; what is asked for again is taken again')
      .option('--upstream <name>', 'only of this upstream, such as docker.io')
      .option('--repository <pattern>', 'only of these, such as mirror/docker.io/library/*', parsePattern)
      .option('--unused <age>', 'only what was not asked for since, such as 30d; known to the day', parseAge)
      .option('--dry-run', 'only tell what would be removed', false),
  ).action((options: PurgeOptions) => purge(context, options));
  return command;
}

async function status(context: CommandContext, options: ResultOptions): Promise<void> {
  const { value } = await withAdmin(context, options, (api) => api.call('getMirror'));
  printResult(context, options, value, mirrorText);
}

/** One after the other; one that fails does not end the others. @throws QuietExit where one did */
async function warm(context: CommandContext, given: readonly string[], options: WarmOptions): Promise<void> {
  const reports: Report[] = [];
  const failed: Failure[] = [];
  await withAdmin(context, options, async (api) => {
    for (const image of given.length > 0 ? given : await configuredImages(api)) {
      try {
        const report = await warmOne(context, api, image, options.platform);
        reports.push(report);
        if (!options.json) context.out(reportText(report));
      } catch (error) {
        if (!(error instanceof ApiProblem) || endsAll(error)) throw error;
        failed.push({ image, reason: error.message });
        context.err(`stackyard: ${printable(`${image}: ${error.message}`)}\n`);
      } finally {
        context.progress?.('');
      }
    }
  });
  if (options.json) context.out(`${jsonText({ reports, failed })}\n`);
  if (failed.length > 0) throw new QuietExit(EXIT.failure);
}

/** @throws UsageError where there are none */
async function configuredImages(api: AdminConnection): Promise<readonly string[]> {
  const { value } = await api.call('getMirror');
  const images = value.warm.images.map(({ image }) => image);
  if (images.length === 0) throw new UsageError('give an image, or set mirror.warm.images');
  return images;
}

async function warmOne(
  { progress }: CommandContext,
  api: AdminConnection,
  image: string,
  platforms: readonly string[] | undefined,
): Promise<Report> {
  const body = { image, ...(platforms !== undefined && { platforms }) };
  for (;;) {
    const { value } = await api.call('warmMirror', { body });
    if (value.report !== undefined) return value.report;
    progress?.(printable(`taking ${image}: ${amountOf(value)}`));
  }
}

/** What the next image would meet as well. */
function endsAll({ code }: ApiProblem): boolean {
  return code === 'unreachable' || code === 'login-required' || code === 'not-permitted';
}

function amountOf({ takenBytes = 0, totalBytes }: WarmUp): string {
  const taken = readableBytes(takenBytes);
  return totalBytes === undefined ? taken : `${taken} of ${readableBytes(totalBytes)}`;
}

function reportText({ image, digest, manifests, blobs, bytes, fetched }: Report): string {
  const what = `${counted(manifests, 'manifest')}, ${counted(blobs, 'blob')} (${readableBytes(bytes)})`;
  return `${printable(`${image}  ${digest}  ${what}, ${fetched} taken now`)}\n`;
}

async function purge(context: CommandContext, options: PurgeOptions): Promise<void> {
  const { upstream, repository, unused, dryRun } = options;
  if (upstream === undefined && repository === undefined && unused === undefined)
    throw new UsageError('give --upstream, --repository or --unused: it would remove all that was taken');
  const body: OperationInput<'purgeMirror'>['body'] = {
    ...(upstream !== undefined && { upstream }),
    ...(repository !== undefined && { repository: repository.text }),
    ...(unused !== undefined && { unused: wholeSeconds(unused) }),
    ...(dryRun && { dryRun }),
  };
  const { value } = await withAdmin(context, options, (api) => api.call('purgeMirror', { body }));
  printResult(context, options, value, purgeText);
  if (value.failed === undefined) return;
  const { count, reason } = value.failed;
  context.err(`stackyard: ${printable(`not all could be removed (${count}): ${reason}`)}\n`);
  throw new QuietExit(EXIT.failure);
}

function purgeText({
  repositories,
  manifests,
  tags,
  blobs,
  dryRun,
  reason,
}: OperationResult<'purgeMirror'>): string {
  const what = `${counted(manifests, 'manifest')}, ${counted(tags, 'tag')} and ${counted(blobs, 'blob')}`;
  const where = repositories === 1 ? '1 repository' : `${repositories} repositories`;
  const why = reason === undefined ? '' : `; nothing was removed: ${reason}`;
  return `${dryRun || reason !== undefined ? 'would remove' : 'removed'} ${what} of ${where}${why}\n`;
}
