import assert from 'node:assert/strict';
import { nextPath } from '../../../src/mirror/upstream/next-page.js';

describe('The next page of a list', () => {
  for (const [link, path] of [
    [undefined, undefined],
    ['', undefined],
    ['</v2/x/tags/list?last=a>', undefined],
    ['</v2/x/tags/list?last=a>; rel="prev"', undefined],
    ['</v2/x/tags/list?last=a&n=5>; rel="next"', 'tags/list?n=5&last=a'],
    ['</v2/x/tags/list?last=a%2Bb>; REL=next', 'tags/list?last=a%2Bb'],
    ['<https://evil.test/v2/x/tags/list?last=a#f>; rel=next', 'tags/list?last=a'],
    ['<?last=a b>; rel="next"', 'tags/list?last=a+b'],
    ['<?last=a\u00ff>; rel="next"', 'tags/list?last=a%C3%BF'],
    ['<?last=a&x=%0d%0a&n=1&last=b>; rel="next"', 'tags/list?n=1&last=a'],
    ['</p?last=z>; rel="prev", </n?last=a,b>; title=","; rel="next"', 'tags/list?last=a%2Cb'],
    ['</v2/x/tags/list>; rel="next"', 'tags/list'],
    ['<<?last=a>; rel="next"', 'tags/list?last=a'],
  ] as const) {
    it(`is ${path ?? 'none'} by ${link ?? 'no Link'}`, () => assert.equal(nextPath(link, 'tags/list'), path));
  }
});
