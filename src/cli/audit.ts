import { Command } from 'commander';
import type { OperationInput, OperationResult } from '../api/operations.js';
import { AUDIT_ACTIONS, parseRepositoryName, type AuditAction } from '../composition/admin-arguments.js';
import { parseAuditAction } from './arguments.js';
import { withAdmin, type CommandContext, type TargetOptions } from './command-context.js';
import { onAdminApi, withList } from './command-options.js';
import { writeDownload } from './downloads.js';
import { printList, type ListOptions } from './lists.js';
import { parseMoment, type Moment } from './moments.js';
import { readableTime } from './output.js';

interface Filter {
  readonly since?: Moment;
  readonly until?: Moment;
  readonly by?: string;
  readonly repository?: string;
  readonly action?: AuditAction;
}

interface ExportOptions extends TargetOptions, Filter {
  readonly output: string;
}

type AuditEvent = OperationResult<'listAuditEvents'>['items'][number];

/** `stackyard audit` */
export function auditCommand(context: CommandContext): Command {
  const command = new Command('audit').description('what was done, by whom and from where');
  withList(
    withFilter(command.command('list').description('show what was done, in the order of time')),
  ).action((options: ListOptions & Filter) => list(context, options));
  onAdminApi(
    withFilter(command.command('export').description('write what was done, one JSON object a line')).option(
      '-o, --output <file>',
      'the file to write, or - for the standard output',
      '-',
    ),
  ).action((options: ExportOptions) => exportEvents(context, options));
  return command;
}

function withFilter(command: Command): Command {
  return command
    .option(
      '--since <when>',
      'an age such as 24h, or a time such as 2026-01-31T12:00:00Z; else a day',
      parseMoment,
    )
    .option('--until <when>', 'the same; else now', parseMoment)
    .option('--by <name>', 'only what this user or robot did; local:NAME on the command line of the server')
    .option('--repository <name>', 'only what was done in this repository', parseRepositoryName)
    .option('--action <action>', `only this: ${AUDIT_ACTIONS.join(', ')}`, parseAuditAction);
}

async function list(context: CommandContext, options: ListOptions & Filter): Promise<void> {
  const filter = queryOf(context, options);
  const columns = {
    heading: ['time', 'by', 'action', 'outcome', 'what', 'from'],
    row: (event: AuditEvent) => [
      readableTime(event.at, ''),
      event.by || 'anonymous',
      event.action,
      event.count === undefined ? event.outcome : `${event.outcome} (${event.count} times)`,
      whatOf(event),
      event.from ?? '-',
    ],
  };
  await withAdmin(context, options, (api) =>
    printList(
      context,
      options,
      columns,
      async (paging) => (await api.call('listAuditEvents', { query: { ...filter, ...paging } })).value,
    ),
  );
}

async function exportEvents(context: CommandContext, options: ExportOptions): Promise<void> {
  const query = queryOf(context, options);
  await withAdmin(context, options, async (api) => {
    const download = () => api.download('exportAuditEvents', { query });
    await writeDownload(context, 'exporting', download, options.output);
  });
}

function queryOf(
  { now }: CommandContext,
  { since, until, by, repository, action }: Filter,
): OperationInput<'exportAuditEvents'>['query'] {
  return {
    ...(since && { from: since(now()) }),
    ...(until && { to: until(now()) }),
    ...(by !== undefined && { by }),
    ...(repository !== undefined && { repository }),
    ...(action && { action }),
  };
}

function whatOf({ repository, reference, digest, target, detail }: AuditEvent): string {
  const image =
    repository === undefined ? undefined : `${repository}${reference === undefined ? '' : ` ${reference}`}`;
  const parts = [image, digest === reference ? undefined : digest, target, detail && `(${detail})`];
  return parts.filter((part) => part !== undefined && part !== '').join(' ') || '-';
}
