import { Command } from 'commander';
import { parseActions, parseGrantee, parseRepositoryName } from '../composition/admin-arguments.js';
import type { AdminTools } from '../composition/admin-tools.js';
import { jsonOption } from './arguments.js';
import { withAdmin, type CommandContext, type ResultOptions } from './command-context.js';
import { configOption } from './config.js';
import { EXIT, QuietExit, UsageError } from './exit.js';
import { printable } from './output.js';

type Question = Parameters<AdminTools['explain']>[0];
type Explanation = Awaited<ReturnType<AdminTools['explain']>>;

interface Asked {
  readonly text: string;
  readonly who: Question['who'];
}

/** `stackyard policy explain` */
export function policyCommand(context: CommandContext): Command {
  const command = new Command('policy').description('what the rights come to');
  command
    .command('explain')
    .description('tell whether somebody may do something, and by what')
    .argument('<who>', 'a user or robot, anonymous, user:NAME, robot:NAME, group:NAME or role:NAME', parseWho)
    .argument('<repository>', 'its name', parseRepositoryName)
    .argument('<action>', 'pull, push or delete', parseAction)
    .addOption(jsonOption())
    .addOption(configOption())
    .addHelpText('after', '\nExit codes: 0 allowed, 3 denied, 1 failure, 2 wrong usage or configuration.')
    .action(
      (who: Asked, repository: Question['repository'], action: Question['action'], options: ResultOptions) =>
        explain(context, who, { repository, action }, options),
    );
  return command;
}

async function explain(
  context: CommandContext,
  { text, who }: Asked,
  asked: Omit<Question, 'who'>,
  options: ResultOptions,
): Promise<void> {
  if (context.loadConfig(options.config).auth.mode === 'none') {
    context.err('stackyard: auth.mode is none: until that is token, everybody may do everything\n');
  }
  const found = await withAdmin(context, options, (tools) => tools.explain({ who, ...asked }));
  const { isStranger, ...explanation } = found;
  if (isStranger) {
    context.err(
      `stackyard: there is no user or robot ${printable(text)} here; only its own grants are known\n`,
    );
  }
  const { repository, action } = asked;
  context.out(
    options.json
      ? `${JSON.stringify({ who: text, repository, action, ...explanation })}\n`
      : `${explanation.allowed ? 'allowed' : 'denied'}: ${reasonOf(found)}\n`,
  );
  if (!explanation.allowed) throw new QuietExit(EXIT.denied);
}

function reasonOf({ by, grantee = '', grant }: Explanation): string {
  const what = `${grant?.actions} on ${grant?.repositories}`;
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
function parseWho(text: string): Asked {
  if (text === 'anonymous') return { text, who: { kind: 'anonymous' } };
  return { text, who: text.includes(':') ? parseGrantee(text) : { kind: 'account', name: text } };
}

/** @throws InvalidValue, UsageError */
function parseAction(text: string): Question['action'] {
  const [action, more] = parseActions(text);
  if (action === undefined || more !== undefined) {
    throw new UsageError(`'${printable(text)}' is not one action: give pull, push or delete`);
  }
  return action;
}
