import assert from 'node:assert/strict';
import { isReadableOnTheWay, parseServerUrl } from '../../src/client/server-url.js';

describe('client/server-url', () => {
  it('is the same for every way to write it', () => {
    for (const [text, url] of [
      ['https://Registry.Example/', 'https://registry.example'],
      ['https://registry.example:443', 'https://registry.example'],
      ['http://localhost:5000', 'http://localhost:5000'],
      ['https://example.org/registry//', 'https://example.org/registry'],
    ] as const)
      assert.equal(parseServerUrl(text), url);
  });

  it('is refused without being repeated', () => {
    for (const text of [
      'registry.example:5000',
      'registry.example',
      'ftp://registry.example',
      'https://root:geheim@registry.example',
      'https://registry.example/?token=geheim',
      'https://registry.example/#geheim',
      '',
    ]) {
      assert.throws(
        () => parseServerUrl(text),
        (error: Error & { code: string }) => {
          assert.equal(error.code, 'invalid-request');
          assert.doesNotMatch(error.message, /geheim/);
          return true;
        },
      );
    }
  });

  it('tells whether a login could be read on the way', () => {
    for (const [url, readable] of [
      ['https://registry.example', false],
      ['http://registry.example', true],
      ['http://10.0.0.1:5000', true],
      ['http://127.0.0.1:5000', false],
      ['http://[::1]:5000', false],
      ['http://localhost', false],
      ['http://localhost.example', true],
    ] as const)
      assert.equal(isReadableOnTheWay(url), readable, url);
  });
});
