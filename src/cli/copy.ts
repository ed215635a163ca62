import { Command } from 'commander';
import { parseRepositoryName } from '../composition/admin-arguments.js';
import { parseReferenceText, parseTagText } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { withResult } from './command-options.js';
import { counted, printResult } from './output.js';

interface CopyOptions extends ResultOptions {
  readonly tag?: string;
  readonly referrers: boolean;
}

/** `stackyard copy` */
export function copyCommand(context: CommandContext): Command {
  return withResult(
    new Command('copy')
      .description('copy an image to another repository')
      .argument('<source>', 'the repository that has it', parseRepositoryName)
      .argument('<reference>', 'a tag or digest of the image', parseReferenceText)
      .argument('<target>', 'the repository that gets it', parseRepositoryName)
      .option('--tag <tag>', 'that the copy gets', parseTagText)
      .option('--referrers', 'copy signatures and the like, too', false),
  ).action((source: string, reference: string, target: string, options: CopyOptions) =>
    copy(context, { repository: source, reference }, target, options),
  );
}

async function copy(
  context: CommandContext,
  from: { readonly repository: string; readonly reference: string },
  repository: string,
  options: CopyOptions,
): Promise<void> {
  const { tag, referrers } = options;
  const body = { from, ...(tag !== undefined && { tag }), ...(referrers && { referrers }) };
  const { value } = await withAdmin(context, options, (api) =>
    api.call('copyImage', { params: { repository }, body }),
  );
  printResult(context, options, value, ({ digest, manifests, blobs }) => {
    const place = tag === undefined ? `${repository}@${digest}` : `${repository}:${tag} (${digest})`;
    return `copied ${counted(manifests, 'manifest')} and ${counted(blobs, 'blob')} to ${place}\n`;
  });
}
