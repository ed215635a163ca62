import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Command } from 'commander';
import type { ArchiveSource } from '../api/admin-connection.js';
import { parseRepositoryName } from '../composition/admin-arguments.js';
import { collected, parseReferenceText, parseTagText } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions, type TargetOptions } from './command-context.js';
import { onAdminApi, withResult } from './command-options.js';
import { writeDownload } from './downloads.js';
import { UsageError } from './exit.js';
import { counted, printResult, printable, readableBytes } from './output.js';
import { watched } from './progress.js';

interface ImportOptions extends ResultOptions {
  readonly tag?: readonly string[];
}

interface ExportOptions extends TargetOptions {
  readonly output: string;
}

/** `stackyard import` */
export function importCommand(context: CommandContext): Command {
  return withResult(
    new Command('import')
      .description('take the images of a `docker save` or OCI-layout archive, plain, gzip or zstd')
      .argument('<repository>', 'that gets them', parseRepositoryName)
      .argument('<file>', 'the archive, or - for the standard input')
      .option(
        '--tag <tag>',
        'instead of those that the archive names, for one image; may be repeated',
        collected(parseTagText),
      ),
  ).action((repository: string, file: string, options: ImportOptions) =>
    importArchive(context, repository, file, options),
  );
}

/** `stackyard export` */
export function exportCommand(context: CommandContext): Command {
  return onAdminApi(
    new Command('export')
      .description('write an archive of images that is an OCI layout, and that `docker load` takes')
      .argument('<repository>', 'that has them', parseRepositoryName)
      .argument('<reference...>', 'tags or digests', collected(parseReferenceText))
      .requiredOption('-o, --output <file>', 'the archive to write, or - for the standard output'),
  ).action((repository: string, reference: readonly string[], options: ExportOptions) =>
    exportArchive(context, { repository, reference }, options),
  );
}

async function importArchive(
  context: CommandContext,
  repository: string,
  file: string,
  options: ImportOptions,
): Promise<void> {
  const { tag } = options;
  const given = { params: { repository }, ...(tag !== undefined && { query: { tag } }) };
  const { size, body } = await sourceOf(context, file);
  const upload = (signal: AbortSignal) => {
    // Whoever waits for more of it must not wait for ever.
    signal.addEventListener('abort', () => body.destroy(), { once: true });
    return withAdmin(context, options, (api) => {
      const bytes = Readable.from(watched(context, 'importing', body, size), { objectMode: false });
      return api.upload('importArchive', given, { size, body: bytes, signal });
    });
  };
  const value = await context.interruptible(upload).finally(() => {
    context.progress?.('');
    if (file !== '-') body.destroy();
  });
  printResult(context, options, value, ({ images, bytes, blobs }) => {
    const lines = images.map(
      ({ digest, tags }) => `${printable(`${tags.join(', ') || 'untagged'}  ${digest}`)}\n`,
    );
    const what = `${counted(images.length, 'image')} (${readableBytes(bytes)}; ${counted(blobs.added, 'new blob')}, ${blobs.known} known)`;
    return `imported ${what} into ${repository}\n${lines.join('')}`;
  });
}

/** @throws UsageError for a file that cannot be read */
async function sourceOf({ stdin }: CommandContext, file: string): Promise<ArchiveSource> {
  if (file === '-') return { body: stdin() };
  try {
    const handle = await open(file);
    const stats = await handle.stat();
    if (stats.isDirectory()) throw Object.assign(new Error(), { code: 'EISDIR' });
    return { ...(stats.isFile() && { size: stats.size }), body: handle.createReadStream() };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UsageError(`${file} cannot be read (${code}); give a readable archive`);
  }
}

async function exportArchive(
  context: CommandContext,
  { repository, reference }: { readonly repository: string; readonly reference: readonly string[] },
  options: ExportOptions,
): Promise<void> {
  const { output } = options;
  const { stdout } = context;
  if (output === '-' && stdout.isTerminal) {
    throw new UsageError('an archive is not for a terminal: give -o FILE, or pipe the output');
  }
  await withAdmin(context, options, async (api) => {
    const given = { params: { repository }, query: { reference } };
    await writeDownload(context, 'exporting', () => api.download('exportArchive', given), output);
  });
  if (output !== '-') context.out(`exported ${reference.join(', ')} of ${repository} to ${output}\n`);
}
