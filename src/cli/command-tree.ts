import type { Command } from 'commander';
import { EXAMPLES } from './examples.js';

/** A command that does something, with the words that ask for it. */
export interface Leaf {
  readonly words: string;
  readonly command: Command;
}

export function leavesOf(command: Command, before: readonly string[] = []): readonly Leaf[] {
  const words = [...before, command.name()];
  if (command.commands.length === 0) return [{ words: words.join(' '), command }];
  return command.commands.flatMap((child) => leavesOf(child, words));
}

/** How the command may be used. */
export function exampleOf(words: string): string {
  const example = EXAMPLES[words];
  if (example === undefined) throw new Error(`src/cli/examples.ts has no example of ${words}`);
  return example;
}

/** Adds it to the help of every command of the program. */
export function showExamples(program: Command): void {
  for (const child of program.commands) {
    for (const { words, command } of leavesOf(child)) {
      command.addHelpText('after', `\nExample:\n  ${exampleOf(words)}`);
    }
  }
}
