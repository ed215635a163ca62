import assert from 'node:assert/strict';
import { matchesGlob } from '../../src/domain/glob.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { RepositoryPattern } from '../../src/domain/repository-pattern.js';

describe('domain/glob', () => {
  const all = (alphabet: string, most: number): string[] =>
    most === 0
      ? ['']
      : ['', ...all(alphabet, most - 1).flatMap((rest) => [...alphabet].map((one) => one + rest))].filter(
          (text, i, texts) => texts.indexOf(text) === i,
        );

  it('agrees with a regular expression on every short shape and text', () => {
    for (const shape of all('ab*', 4)) {
      const expression = new RegExp(`^${shape.replaceAll('*', '.*')}$`);
      for (const text of all('ab', 5)) {
        assert.equal(matchesGlob(shape, text), expression.test(text), `${shape} on ${text}`);
      }
    }
  });

  it('agrees with a regular expression on every short pattern of components', () => {
    const components = ['a', 'b', '*', '**'];
    const shapes = components.flatMap((one) => [
      one,
      ...components.flatMap((two) => [
        `${one}/${two}`,
        ...components.flatMap((three) => [`${one}/${two}/${three}`, `${one}/${two}/${three}/**`]),
      ]),
    ]);
    const names = all('ab', 5)
      .filter((text) => text !== '')
      .map((text) => [...text].join('/'));
    for (const shape of shapes) {
      const source = `${shape}/`
        .replaceAll(/(^|\/)\*\*\/$/g, '$1(?:[^/]+/)+')
        .replaceAll('**/', '(?:[^/]+/)@')
        .replaceAll('*', '[^/]*')
        .replaceAll('@', '*');
      const expression = new RegExp(`^${source}$`);
      for (const name of names) {
        assert.equal(
          RepositoryPattern.parse(shape).matches(parseRepositoryName(name)),
          expression.test(`${name}/`),
          `${shape} on ${name}`,
        );
      }
    }
  });

  it('ends within the time of a test for a shape of many stars', () => {
    const name = parseRepositoryName(`${'a-'.repeat(120)}b`);
    for (let round = 0; round < 20; round += 1) {
      assert.equal(RepositoryPattern.parse('*-*-*-*-*-*c').matches(name), false);
    }
  });
});
