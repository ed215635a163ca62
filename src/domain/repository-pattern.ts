import { matchesGlob, matchesShape } from './glob.js';
import { InvalidValue } from './invalid-value.js';
import type { RepositoryName } from './repository-name.js';

const COMPONENT = /^(?:\*\*|[a-z0-9*]+(?:(?:\.|_|__|-+)[a-z0-9*]+)*)$/;
const MAX_LENGTH = 255;
/** Any number of components. */
const ANY = '**';
/**
 * Repository names by a shape: `*` stands for any text within one component, `**` for components. `a/**` does not
 * match `a`; `**` before a slash stands for no component too.
 */
export class RepositoryPattern {
  private readonly components: readonly string[];

  private constructor(readonly text: string) {
    const components = text.split('/');
    this.components = components.at(-1) === ANY ? [...components.slice(0, -1), '*', ANY] : components;
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
    return matchesShape(this.components, name.split('/'), (part) => part === ANY, matchesGlob);
  }
}
