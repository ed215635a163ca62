import type { Command } from 'commander';
import { ApiProblem } from '../api/admin-connection.js';
import type { AdminConnection } from '../api/admin-connection.js';
import type { OperationInput, OperationResult } from '../api/operations.js';
import { parseLocalName } from '../composition/admin-arguments.js';
import { withAdmin, type CommandContext, type TargetOptions } from './command-context.js';
import { onAdminApi } from './command-options.js';

type Kind = 'user' | 'robot';

/** Adds `enable`, `disable` and `delete`, which users and robots have alike. */
export function accountCommands(command: Command, context: CommandContext, kind: Kind): void {
  onAdminApi(
    command
      .command('disable')
      .description(`let a ${kind} do nothing more, and keep all it has`)
      .argument('<name>', `the ${kind}`, parseLocalName),
  ).action((name: string, options: TargetOptions) =>
    setDisabled(context, { kind, name }, { disabled: true, ...options }),
  );
  onAdminApi(
    command.command('enable').description('undo disable').argument('<name>', `the ${kind}`, parseLocalName),
  ).action((name: string, options: TargetOptions) =>
    setDisabled(context, { kind, name }, { disabled: false, ...options }),
  );
  onAdminApi(
    command
      .command('delete')
      .description(`remove a ${kind} with its access tokens and grants`)
      .argument('<name>', `the ${kind}`, parseLocalName),
  ).action((name: string, options: TargetOptions) => remove(context, { kind, name }, options));
}

/** Changes a user as it is now. @throws ApiProblem `stale` where somebody else does so at the same moment */
export function changeUser(
  api: AdminConnection,
  name: string,
  body: OperationInput<'updateUser'>['body'],
): Promise<OperationResult<'updateUser'>> {
  return changed(async () => {
    const { version } = await api.call('getUser', { params: { name } });
    return (await api.call('updateUser', { params: { name }, body, version })).value;
  });
}

async function changeRobot(api: AdminConnection, name: string, disabled: boolean): Promise<void> {
  await changed(async () => {
    const { version } = await api.call('getRobot', { params: { name } });
    await api.call('updateRobot', { params: { name }, body: { disabled }, version });
  });
}

async function changed<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.code !== 'stale') throw error;
    throw new ApiProblem('stale', `${error.message}, and repeat the command`, { cause: error });
  }
}

interface AccountName {
  readonly kind: Kind;
  readonly name: string;
}

async function setDisabled(
  context: CommandContext,
  { kind, name }: AccountName,
  { disabled, ...options }: TargetOptions & { readonly disabled: boolean },
): Promise<void> {
  await withAdmin(context, options, async (api) => {
    if (kind === 'user') await changeUser(api, name, { disabled });
    else await changeRobot(api, name, disabled);
  });
  context.out(`the ${kind} ${name} is ${disabled ? 'disabled' : 'enabled'}\n`);
}

async function remove(
  context: CommandContext,
  { kind, name }: AccountName,
  options: TargetOptions,
): Promise<void> {
  await withAdmin(context, options, async (api) => {
    await api.call(kind === 'user' ? 'deleteUser' : 'deleteRobot', { params: { name } });
  });
  context.out(`the ${kind} ${name} is deleted\n`);
}
