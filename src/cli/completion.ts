import { Argument, Command } from 'commander';
import type { CommandContext } from './command-context.js';
import { bashCompletion, fishCompletion, zshCompletion } from './completion-scripts.js';
import type { Words } from './completion-scripts.js';

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `stackyard completion` */
export function completionCommand({ out }: CommandContext): Command {
  return new Command('completion')
    .description('print what lets a shell complete commands and options')
    .addArgument(new Argument('<shell>', 'which').choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS, _options: unknown, command: Command) =>
      out(SHELLS[shell](wordsOf(command.parent ?? command))),
    );
}

/** What may follow each command. */
function wordsOf(command: Command, path: readonly string[] = []): Words[] {
  const names = command.commands.map((child) => child.name());
  const options = command.options.flatMap(({ long }) => long ?? []);
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  return [
    { path, commands: [...names, ...choices], options: [...options, '--help'] },
    ...command.commands.flatMap((child) => wordsOf(child, [...path, child.name()])),
  ];
}
