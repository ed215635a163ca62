import { Command } from 'commander';
import type { OperationResult } from '../api/operations.js';
import {
  parseActions,
  parseGrantee,
  parseRepositoryName,
  type Action,
} from '../composition/admin-arguments.js';
import { serverOf, withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { withResult } from './command-options.js';
import { EXIT, QuietExit, UsageError } from './exit.js';
import { printResult, printable } from './output.js';

type Explanation = OperationResult<'explainAccess'>;

/** `stackyard policy explain` */
export function policyCommand(context: CommandContext): Command {
  const command = new Command('policy').description('what the rights come to');
  withResult(
    command
      .command('explain')
      .description('tell whether somebody may do something, and by what')
      .argument(
        '<who>',
        'a user or robot, anonymous, user:NAME, robot:NAME, group:NAME or role:NAME',
        parseWho,
      )
      .argument('<repository>', 'its name', parseRepositoryName)
      .argument('<action>', 'pull, push or delete', parseAction)
      .addHelpText('after', '\nExit codes: 0 allowed, 3 denied; the others as of every command.'),
  ).action((who: string, repository: string, action: Action, options: ResultOptions) =>
    explain(context, { who, repository, action }, options),
  );
  return command;
}

interface Question {
  readonly who: string;
  readonly repository: string;
  readonly action: Action;
}

async function explain(context: CommandContext, query: Question, options: ResultOptions): Promise<void> {
  const isLocal = serverOf(context, options) === undefined;
  if (isLocal && context.loadConfig(options.config).auth.mode === 'none') {
    context.err('stackyard: auth.mode is none: until that is token, everybody may do everything\n');
  }
  const { value } = await withAdmin(context, options, (api) => api.call('explainAccess', { query }));
  const { isStranger, ...explanation } = value;
  if (isStranger) {
    context.err(
      `stackyard: there is no user or robot ${printable(query.who)} here; only its own grants are known\n`,
    );
  }
  printResult(
    context,
    options,
    { ...query, ...explanation },
    ({ allowed }) => `${allowed ? 'allowed' : 'denied'}: ${reasonOf(value)}\n`,
  );
  if (!explanation.allowed) throw new QuietExit(EXIT.denied);
}

function reasonOf({ by, grantee = '', grant }: Explanation): string {
  const what = `${grant?.actions.join(',')} on ${grant?.repositories}`;
  switch (by) {
    case 'grant':
      return `${printable(grantee)} has the grant of ${what}`;
    case 'admin':
      return 'an admin may do everything';
    case 'personal-namespace':
      return `${grant?.repositories} is its personal namespace (auth.personalNamespaces)`;
    case 'anonymous-pull':
      return `everybody may pull from ${grant?.repositories} (auth.anonymousPull)`;
    case 'disabled':
      return 'it is disabled';
    case 'nothing':
      return 'no grant allows it';
  }
}

/** @throws InvalidValue */
function parseWho(text: string): string {
  if (text.includes(':')) parseGrantee(text);
  return text;
}

/** @throws InvalidValue, UsageError */
function parseAction(text: string): Action {
  const [action, more] = parseActions(text);
  if (action === undefined || more !== undefined) {
    throw new UsageError(`'${printable(text)}' is not one action: give pull, push or delete`);
  }
  return action;
}
