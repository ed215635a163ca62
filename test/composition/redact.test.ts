import assert from 'node:assert/strict';
import { redactFields, redactText } from '../../src/composition/redact.js';

describe('composition/redact', () => {
  it('hides values under secret names, at every depth and in any case', () => {
    const names = [
      'authorization',
      'Proxy-Authorization',
      'cookie',
      'set-cookie',
      'password',
      'adminPassword',
      'secret',
      'client_secret',
      'token',
      'X-Auth-Token',
      '_state',
      'temp_url_sig',
    ];
    for (const name of names) {
      assert.deepEqual(redactFields({ [name]: 'hush' }), { [name]: '***' });
      assert.deepEqual(redactFields({ a: [{ b: { [name]: ['hush'] } }] }), { a: [{ b: { [name]: '***' } }] });
    }
  });

  it('hides secrets in texts and leaves the rest readable', () => {
    const cases: [string, string][] = [
      [
        '/v2/a/blobs/uploads/x?_state=abc.def&digest=sha256:1',
        '/v2/a/blobs/uploads/x?_state=***&digest=sha256:1',
      ],
      ['http://h/o?temp_url_sig=abc&temp_url_expires=9', 'http://h/o?temp_url_sig=***&temp_url_expires=9'],
      ['/token?refresh_token=abc', '/token?refresh_token=***'],
      ['Authorization: Basic dTpwYXNz', 'Authorization: Basic ***'],
      ['sent bearer ey.J0.x_y-z=', 'sent bearer ***'],
      ['http://user:pass@swift:8080/v1', 'http://user:***@swift:8080/v1'],
      ['/v2/library/alpine/manifests/latest', '/v2/library/alpine/manifests/latest'],
      ['a basic mistake', 'a basic mistake'],
    ];
    for (const [text, expected] of cases) assert.equal(redactText(text), expected);
  });

  it('shows errors with type, code and cause', () => {
    const error = Object.assign(new TypeError('no', { cause: new Error('why') }), { code: 'ENOENT' });
    const { error: shown } = redactFields({ error }) as { error: Record<string, unknown> };
    assert.equal(shown.type, 'TypeError');
    assert.equal(shown.message, 'no');
    assert.equal(shown.code, 'ENOENT');
    assert.match(String(shown.stack), /redact\.test/);
    assert.equal((shown.cause as Record<string, unknown>).message, 'why');
  });

  it('copes with what JSON cannot say', () => {
    const circle: Record<string, unknown> = {
      big: 10n,
      bytes: Buffer.from('hush'),
      url: new URL('http://h/?token=x'),
    };
    circle.self = circle;
    const shown = redactFields(circle);
    assert.equal(shown.big, '10');
    assert.equal(shown.bytes, '4 bytes');
    assert.equal(shown.url, 'http://h/?token=***');
    assert.doesNotThrow(() => JSON.stringify(shown));
  });

  it('does not change what it was given', () => {
    const fields = Object.freeze({ headers: Object.freeze({ authorization: 'hush' }) });
    redactFields(fields);
    assert.equal(fields.headers.authorization, 'hush');
  });
});
