import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { RootMirrorAccess } from '../../src/http/root-mirror-access.js';

/** A request of which nothing but its origin may be read. */
function sealedRequest(): IncomingMessage {
  return new Proxy(new IncomingMessage(new Socket()), {
    get: (_request, property) => assert.fail(`${String(property)} of the request was read`),
  });
}

describe('http/root-mirror-access', () => {
  const from = (address: string) =>
    new RootMirrorAccess(['10.0.0.0/8', '::1/128'], { addressOf: () => address }).authorize(sealedRequest());
  const name = parseRepositoryName('mirror/docker.io/library/x');

  it('lets clients of its networks pull and do nothing else, and reads nothing of their requests', async () => {
    for (const address of ['10.1.2.3', '::1', '::ffff:10.1.2.3']) {
      const caller = from(address);
      assert.equal(caller.subject, '');
      assert.equal(caller.token, undefined);
      assert.ok(caller.may('pull', name));
      assert.ok(!caller.may('push', name));
      assert.ok(!caller.may('delete', name));
      assert.ok(!(await caller.pullable())(name));
    }
  });

  it('refuses all others', () => {
    for (const address of ['11.1.2.3', '127.0.0.1', '']) {
      assert.throws(() => from(address), { code: 'DENIED', status: 403, message: /mirror\.root\.networks/ });
    }
  });
});
