import { matchesGlob } from './glob.js';
import { InvalidValue } from './invalid-value.js';
import type { Tag } from './reference.js';
import type { RepositoryName } from './repository-name.js';
import { RepositoryPattern } from './repository-pattern.js';

const TAG_SHAPE = /^[A-Za-z0-9._*-]{1,128}$/;

/** Tags of repositories by a shape, `repositories:tags`, such as `releases/**:v*`; `*` in the tag stands for any text. */
export class TagPattern {
  private constructor(
    readonly text: string,
    private readonly repositories: RepositoryPattern,
    private readonly tags: string,
  ) {}

  static isValid(text: string): boolean {
    const { repositories, tags } = split(text);
    return RepositoryPattern.isValid(repositories) && TAG_SHAPE.test(tags);
  }

  /** @throws InvalidValue */
  static parse(text: string): TagPattern {
    if (!TagPattern.isValid(text)) {
      throw new InvalidValue(
        'pattern',
        `'${text}' is no pattern of tags: give REPOSITORIES:TAGS, such as releases/**:v*`,
      );
    }
    const { repositories, tags } = split(text);
    return new TagPattern(text, RepositoryPattern.parse(repositories), tags);
  }

  matches(name: RepositoryName, tag: Tag): boolean {
    return matchesGlob(this.tags, tag) && this.repositories.matches(name);
  }
}

function split(text: string): { repositories: string; tags: string } {
  const colon = text.lastIndexOf(':');
  return { repositories: text.slice(0, Math.max(0, colon)), tags: text.slice(colon + 1) };
}
