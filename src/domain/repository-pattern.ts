import { InvalidValue } from './invalid-value.js';
import type { RepositoryName } from './repository-name.js';

const COMPONENT = /^(?:\*\*|[a-z0-9*]+(?:(?:\.|_|__|-+)[a-z0-9*]+)*)$/;
const MAX_LENGTH = 255;
const WILDCARDS: ReadonlyMap<string, string> = new Map([
  ['**/', '(?:.*/)?'],
  ['**', '.*'],
  ['*', '[^/]*'],
]);

/**
 * Repository names by a shape: `*` stands for any text within one component, `**` for components. `a/**` does not
 * match `a`; `**` before a slash stands for no component too.
 */
export class RepositoryPattern {
  private readonly expression: RegExp;

  private constructor(readonly text: string) {
    this.expression = new RegExp(`^${sourceOf(text)}$`);
  }

  static isValid(text: string): boolean {
    const parts = text.split('/');
    return (
      text.length <= MAX_LENGTH &&
      parts.every((part) => COMPONENT.test(part) && (part === '**' || !part.includes('**')))
    );
  }

  /** @throws InvalidValue */
  static parse(text: string): RepositoryPattern {
    if (!RepositoryPattern.isValid(text)) {
      throw new InvalidValue(
        'pattern',
        `'${text}' is no repository pattern: give a repository name in which * stands for a part of a component and ** for components`,
      );
    }
    return new RepositoryPattern(text);
  }

  matches(name: RepositoryName): boolean {
    return this.expression.test(name);
  }
}

function sourceOf(pattern: string): string {
  return pattern.replaceAll(/\*\*\/|\*\*|\*|[^*\w/-]/g, (part) => WILDCARDS.get(part) ?? `\\${part}`);
}
