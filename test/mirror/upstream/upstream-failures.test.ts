import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { UpstreamFailure } from '../../../src/mirror/upstream/upstream-error.js';
import { REPOSITORY, passwordLogin, withUpstreamBed } from './upstream-bed.js';

const QUESTION = { method: 'GET', repository: REPOSITORY, path: 'manifests/latest' } as const;

describe('Failures of an upstream', () => {
  const bed = withUpstreamBed();

  const statuses: readonly [number, UpstreamFailure][] = [
    [404, 'absent'],
    [403, 'denied'],
    [401, 'denied'],
    [429, 'limited'],
    [500, 'unavailable'],
    [503, 'unavailable'],
    [206, 'unavailable'],
    [204, 'unavailable'],
    [304, 'unavailable'],
    [400, 'unavailable'],
    [418, 'unavailable'],
  ];
  for (const [status, failure] of statuses) {
    it(`takes ${status} for ${failure}`, async () => {
      const origin = await bed().origin((_, response) => response.writeHead(status).end());
      const error = await bed().failure(bed().client({ url: origin.url }).ask(QUESTION));
      assert.equal(error.failure, failure);
      assert.match(error.message, status === 401 ? /no way that we know/ : new RegExp(` ${status}`));
      assert.match(error.message, new RegExp(`hub \\(${origin.host}\\)`));
    });
  }

  it('does not take wrong questions for an outage', async () => {
    const origin = await bed().origin((_, response) => response.writeHead(400).end());
    const client = bed().client({ url: origin.url });
    for (let times = 0; times < 12; times++) await bed().failure(client.ask(QUESTION));
    assert.deepEqual([origin.asked.length, client.state().state], [12, 'up']);
  });

  describe('of an error', () => {
    const saying = async (body: string | Buffer): Promise<string> => {
      const origin = await bed().origin((_, response) => response.writeHead(404).end(body));
      const client = bed().client({ url: origin.url, logins: [passwordLogin()] });
      return (await bed().failure(client.ask(QUESTION))).message;
    };
    const oci = (message: unknown): string => JSON.stringify({ errors: [{ code: 'X', message }] });

    it('quotes the message', async () => assert.match(await saying(oci('no such tag')), /404: no such tag$/));
    const silent: readonly [string, string | Buffer][] = [
      ['with a line break', oci('a\nb')],
      ['with a control character', oci('a\u001b[31m')],
      ['that is long', oci('x'.repeat(201))],
      ['that is no text', oci({ a: 1 })],
      ['with our password', oci(`wrong: hunter2-the-password!`)],
      ['that is no JSON', '<html>'],
      ['that is null', 'null'],
      ['behind 64 KiB', `${' '.repeat(70_000)}${oci('hidden')}`],
    ];
    for (const [what, body] of silent) {
      it(`quotes none ${what}`, async () => assert.match(await saying(body), / 404$/));
    }
  });

  it('gives up on an error whose body does not end', async () => {
    const origin = await bed().origin((_, response) => {
      response.writeHead(500);
      response.write('x');
    });
    const error = await bed().failure(
      bed().client({ url: origin.url }, { answerTimeout: 100 }).ask(QUESTION),
    );
    assert.match(error.message, /500$/);
  });

  describe('heeds Retry-After', () => {
    const waitOf = async (value: string | undefined): Promise<number> => {
      const origin = await bed().origin((_, response) => {
        if (value !== undefined) response.setHeader('Retry-After', value);
        response.writeHead(429).end();
      });
      return (await bed().failure(bed().client({ url: origin.url }).ask(QUESTION))).retryAfter;
    };
    it('in seconds', async () => assert.equal(await waitOf('17'), 17));
    it('as a date', async () => {
      const date = new Date(bed().clock.now() + 90_000);
      assert.ok([90, 89].includes(await waitOf(date.toUTCString())));
    });
    it('up to an hour', async () => assert.equal(await waitOf('999999999999'), 3600));
    it('of the past for a second', async () =>
      assert.equal(await waitOf('Thu, 01 Jan 1970 00:00:00 GMT'), 1));
    it('for a minute where there is none', async () => assert.equal(await waitOf(undefined), 60));
    it('for a minute where it is no time', async () => assert.equal(await waitOf('soon'), 60));
  });

  it('names who does not listen', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    const error = await bed().failure(
      bed()
        .client({ url: `http://127.0.0.1:${port}` })
        .ask(QUESTION),
    );
    assert.equal(error.failure, 'unavailable');
    assert.match(
      error.message,
      new RegExp(`127.0.0.1:${port}\\) failed: nobody listens there \\(ECONNREFUSED`),
    );
  });

  it('gives an upstream up that does not answer, or answers drop by drop', async () => {
    const origin = await bed().origin(({ url }, response) => {
      if (url.endsWith('silent')) return;
      const timer = setInterval(() => response.socket?.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 10);
      response.socket?.on('close', () => clearInterval(timer));
    });
    const client = bed().client({ url: origin.url }, { answerTimeout: 150, connectTimeout: 150 });
    for (const path of ['manifests/silent', 'manifests/drops']) {
      const error = await bed().failure(client.ask({ ...QUESTION, path }));
      assert.equal(error.failure, 'unavailable');
      assert.match(error.message, /failed: .*(in time|answer)/);
    }
  });
});
