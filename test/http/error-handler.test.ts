import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvalidValue } from '../../src/domain/invalid-value.js';
import type { InvalidKind } from '../../src/domain/invalid-value.js';
import { ERROR_CODES, RegistryError } from '../../src/errors/registry-error.js';
import type { ErrorCode } from '../../src/errors/registry-error.js';
import { sendError, toRegistryError } from '../../src/http/error-handler.js';
import { StorageError } from '../../src/ports/storage-driver.js';

const KINDS: Readonly<Partial<Record<InvalidKind, ErrorCode>>> = {
  digest: 'DIGEST_INVALID',
  algorithm: 'DIGEST_INVALID',
  repository: 'NAME_INVALID',
  tag: 'TAG_INVALID',
  'content-range': 'RANGE_INVALID',
  'page-size': 'PAGINATION_NUMBER_INVALID',
  manifest: 'MANIFEST_INVALID',
};

describe('http/error-handler', () => {
  for (const [kind, code] of Object.entries(KINDS) as [InvalidKind, ErrorCode][]) {
    it(`an invalid ${kind} is ${code} with its own message`, () => {
      const error = toRegistryError(new InvalidValue(kind, 'why'));
      assert.deepEqual([error.code, error.status, error.message], [code, ERROR_CODES[code].status, 'why']);
    });
  }

  it('an outage of the storage is 503 with Retry-After and tells nothing of it', () => {
    for (const code of ['UNAVAILABLE', 'THROTTLED'] as const) {
      const error = toRegistryError(new StorageError(code, 'host 10.0.0.1 refused', { retryAfter: 9 }));
      assert.deepEqual(
        [error.code, error.status, error.headers],
        ['UNAVAILABLE', 503, { 'Retry-After': '9' }],
      );
      assert.ok(!error.message.includes('10.0.0.1'));
    }
  });

  it('anything else is 500 UNKNOWN and tells nothing of itself', () => {
    const surprises = [
      new Error('secret'),
      new StorageError('NOT_FOUND', 'secret'),
      'secret',
      undefined,
      null,
    ];
    for (const thrown of surprises) {
      const error = toRegistryError(thrown);
      assert.deepEqual([error.code, error.status], ['UNKNOWN', 500]);
      assert.ok(!JSON.stringify(error.entries).includes('secret'));
    }
  });

  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    it(`${code} goes over the wire with its status, headers and JSON`, async () => {
      const headers = {
        'WWW-Authenticate': 'Bearer realm="https://r/token",service="s"',
        'Retry-After': '3',
      };
      const thrown = new RegistryError(code, undefined, { headers, detail: { of: code } });
      const { answer, body } = await answerOf(thrown);
      assert.equal(answer.statusCode, ERROR_CODES[code].status);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.equal(answer.headers['content-length'], String(Buffer.byteLength(body)));
      assert.equal(answer.headers['www-authenticate'], headers['WWW-Authenticate']);
      assert.equal(answer.headers['retry-after'], '3');
      const errors = [{ code, message: ERROR_CODES[code].message, detail: { of: code } }];
      assert.deepEqual(JSON.parse(body), { errors });
    });
  }

  it('after the head of an answer only the connection can tell', async () => {
    const server = createServer((req, res) => {
      res.writeHead(200, { 'Content-Length': '10' });
      res.write('half', () => sendError(req, res, new RegistryError('UNKNOWN')));
    }).listen(0);
    await once(server, 'listening');
    const req = get({ port: (server.address() as AddressInfo).port, agent: false });
    const [answer] = (await once(req, 'response')) as [IncomingMessage];
    await assert.rejects(answer.resume().toArray(), { code: 'ECONNRESET' });
    server.close();
  });
});

async function answerOf(error: RegistryError): Promise<{ answer: IncomingMessage; body: string }> {
  const server = createServer((req, res) => sendError(req, res, error)).listen(0);
  await once(server, 'listening');
  const req = get({ port: (server.address() as AddressInfo).port, agent: false });
  const [answer] = (await once(req, 'response')) as [IncomingMessage];
  const body = Buffer.concat((await answer.toArray()) as Buffer[]).toString();
  server.close();
  return { answer, body };
}
