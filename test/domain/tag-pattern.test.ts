import assert from 'node:assert/strict';
import { InvalidValue } from '../../src/domain/invalid-value.js';
import { parseTag } from '../../src/domain/reference.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { TagPattern } from '../../src/domain/tag-pattern.js';

describe('domain/tag-pattern', () => {
  const matches = (pattern: string, name: string, tag: string): boolean =>
    TagPattern.parse(pattern).matches(parseRepositoryName(name), parseTag(tag));

  it('tells tags of repositories', () => {
    assert.equal(matches('releases/**:v*', 'releases/app', 'v1.2'), true);
    assert.equal(matches('releases/**:v*', 'releases/app', 'latest'), false);
    assert.equal(matches('releases/**:v*', 'other/app', 'v1'), false);
    assert.equal(matches('**:*', 'a', 'anything'), true);
    assert.equal(matches('a:v1.0', 'a', 'v1.0'), true);
    assert.equal(matches('a:v1.0', 'a', 'v1x0'), false);
    assert.equal(matches('a:*-final', 'a', 'v1-final'), true);
    assert.equal(matches('a:*-final', 'a', 'v1-final-2'), false);
  });

  it('refuses what names no tags', () => {
    for (const text of ['', 'a', 'a:', ':v1', 'A:v1', 'a:v 1', 'a:(v)', 'a/***:v1', 'a:b:c']) {
      assert.throws(() => TagPattern.parse(text), InvalidValue, text);
    }
  });
});
