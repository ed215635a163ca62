import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { UpstreamFailure } from '../../../src/mirror/upstream/upstream-error.js';
import type { UpstreamClient } from '../../../src/mirror/upstream/upstream-client.js';
import { REPOSITORY, passwordLogin, textOf, withUpstreamBed } from './upstream-bed.js';

const QUESTION = { method: 'GET', repository: REPOSITORY, path: 'manifests/latest' } as const;

describe('Upstream client', () => {
  const bed = withUpstreamBed();

  it('asks below the path of the url, and sends nothing but what it must', async () => {
    const origin = await bed().origin((_, response) => response.end('{}'));
    const client = bed().client({ url: `${origin.url}/deep/`, logins: [passwordLogin()] });
    const { body } = await client.ask({
      ...QUESTION,
      path: 'tags/list?n=2&last=a%2Bb',
      accept: 'application/a, application/b',
    });
    assert.equal(await textOf(body), '{}');
    const [asked] = origin.asked;
    assert.equal(asked?.url, '/deep/v2/library/busybox/tags/list?n=2&last=a%2Bb');
    assert.deepEqual(asked?.headers, {
      host: origin.host,
      connection: 'keep-alive',
      accept: 'application/a, application/b',
      'accept-encoding': 'identity',
      'user-agent': 'stackyard/mirror',
    });
  });

  it('tells of the answer what the mirror needs', async () => {
    const origin = await bed().origin((_, response) => {
      response.setHeader('Content-Type', 'application/vnd.oci.image.index.v1+json');
      response.setHeader('Docker-Content-Digest', 'sha256:abc');
      response.setHeader('Link', '</v2/x>; rel="next"');
      response.end('{"a":1}');
    });
    const answer = await bed().client({ url: origin.url }).ask(QUESTION);
    assert.deepEqual(
      { ...answer, body: await textOf(answer.body) },
      {
        contentType: 'application/vnd.oci.image.index.v1+json',
        digest: 'sha256:abc',
        link: '</v2/x>; rel="next"',
        length: 7,
        body: '{"a":1}',
      },
    );
  });

  it('answers a HEAD with the length and an empty body, and keeps the connection', async () => {
    const origin = await bed().origin((_, response) => {
      response.setHeader('Content-Length', 7);
      response.end();
    });
    const client = bed().client({ url: origin.url });
    for (let times = 0; times < 6; times++) {
      const { length, body } = await client.ask({ ...QUESTION, method: 'HEAD' });
      assert.deepEqual([length, await textOf(body)], [7, '']);
    }
    // undici takes a second one for a question that follows at once.
    assert.ok(new Set(origin.asked.map(({ port }) => port)).size <= 2);
  });

  it('keeps connections alive over answers and failures, and has no more than it may', async () => {
    const origin = await bed().origin(({ url }, response) => {
      response.statusCode = url.endsWith('absent') ? 404 : 200;
      setTimeout(() => response.end('x'.repeat(10_000)), 20);
    });
    const client = bed().client({ url: origin.url }, { maxConnections: 2 });
    const work = Array.from({ length: 8 }, async (_, index) => {
      if (index % 2 === 0) return bed().failure(client.ask({ ...QUESTION, path: 'manifests/absent' }));
      return textOf((await client.ask(QUESTION)).body);
    });
    await Promise.all(work);
    assert.equal(origin.asked.length, 8);
    assert.ok(new Set(origin.asked.map(({ port }) => port)).size <= 2);
  });

  it('tells who finds no connection free so, which says nothing of the upstream', async () => {
    const origin = await bed().origin((_, response) => void response.write('begun'));
    const client = bed().client(
      { url: origin.url },
      { maxConnections: 1, answerTimeout: 50, circuit: { failures: 1, leastWait: 1000, mostWait: 1000 } },
    );
    const { body } = await client.ask(QUESTION);
    const error = await bed().failure(client.ask(QUESTION));
    assert.equal(error.failure, 'unavailable');
    assert.match(error.message, /each of the 1 connections/);
    assert.equal(client.state().state, 'up');
    body.destroy();
    (await client.ask(QUESTION)).body.destroy();
  });

  it('asks again on another connection where the kept one was closed meanwhile', async () => {
    let served = 0;
    const origin = await bed().origin((_, response) => {
      served += 1;
      if (served === 2) return void response.socket?.destroy();
      response.end('ok');
    });
    const client = bed().client({ url: origin.url });
    await textOf((await client.ask(QUESTION)).body);
    await setImmediate();
    assert.equal(await textOf((await client.ask(QUESTION)).body), 'ok');
    assert.equal(origin.asked.length, 3);
  });

  describe('asked for the rest of a body', () => {
    const rest = { ...QUESTION, path: 'blobs/sha256:x', from: 4 } as const;
    const answering = async (status: number, range?: string): Promise<UpstreamClient> => {
      const cdn = await bed().origin((_, response) => {
        if (range !== undefined) response.setHeader('content-range', range);
        response.writeHead(status).end('rest');
      });
      const origin = await bed().origin((_, response) =>
        response.writeHead(307, { location: cdn.url }).end(),
      );
      return bed().client({ url: origin.url, networks: ['127.0.0.0/8'] });
    };

    it('asks for it, behind redirects too', async () => {
      let ranges: unknown[] = [];
      const origin = await bed().origin(({ url, headers }, response) => {
        ranges = [...ranges, headers.range];
        const part = { 'content-range': 'bytes 4-7/8', 'content-length': 4 };
        if (url.endsWith('/there')) response.writeHead(206, part).end('rest');
        else response.writeHead(307, { location: '/there' }).end();
      });
      const client = bed().client({ url: origin.url });
      const { body, length } = await client.ask(rest);
      assert.deepEqual([await textOf(body), length, ranges], ['rest', 4, ['bytes=4-', 'bytes=4-']]);
    });

    it('asks for all of it from 0', async () => {
      const origin = await bed().origin(({ headers }, response) => response.end(headers.range ?? 'all'));
      const { body } = await bed()
        .client({ url: origin.url })
        .ask({ ...rest, from: 0 });
      assert.equal(await textOf(body), 'all');
    });

    const others: readonly [number, string | undefined, UpstreamFailure][] = [
      [200, undefined, 'unavailable'],
      [416, 'bytes */4', 'unavailable'],
      [206, undefined, 'dishonest'],
      [206, 'bytes 0-3/8', 'dishonest'],
      [206, 'bytes 40-43/80', 'dishonest'],
      [206, 'bytes 4-7', 'dishonest'],
    ];
    for (const [status, range, failure] of others) {
      it(`takes ${status} with ${range ?? 'no Content-Range'} for ${failure}`, async () => {
        const client = await answering(status, range);
        assert.equal((await bed().failure(client.ask(rest))).failure, failure);
        assert.equal(client.state().state, 'up');
      });
    }
  });

  it('does not take a question that cannot be sent for an outage', async () => {
    const origin = await bed().origin((_, response) => response.end());
    const client = bed().client({ url: origin.url });
    for (let times = 0; times < 6; times++) {
      const error = await bed().failure(client.ask({ ...QUESTION, path: 'tags/list?last=a b' }));
      assert.match(error.message, /failed: invalid request path/);
    }
    assert.deepEqual([origin.asked.length, client.state().state, bed().events], [0, 'up', []]);
  });

  it('gives a question up that takes long in all, though each of its requests is answered', async () => {
    const origin = await bed().origin(({ url }, response) => {
      setTimeout(() => response.writeHead(302, { location: `${url}x` }).end(), 300);
    });
    const client = bed().client({ url: origin.url }, { answerTimeout: 500 });
    const error = await bed().failure(client.ask(QUESTION));
    assert.equal(error.failure, 'unavailable');
    assert.match(error.message, /of library\/busybox at hub was not answered in 1500 ms/);
    assert.ok(origin.asked.length < 6);
  });

  it('gives the time of a question to the head of its answer, and not to its body', async () => {
    const origin = await bed().origin((_, response) => {
      response.write('begun');
      setTimeout(() => response.end(' and ended'), 800);
    });
    const client = bed().client({ url: origin.url }, { answerTimeout: 200 });
    assert.equal(await textOf((await client.ask(QUESTION)).body), 'begun and ended');
  });

  it('takes no encoded answer', async () => {
    const origin = await bed().origin((_, response) => {
      response.setHeader('Content-Encoding', 'gzip');
      response.end(gzipSync('{}'));
    });
    const error = await bed().failure(bed().client({ url: origin.url }).ask(QUESTION));
    assert.equal(error.failure, 'dishonest');
  });

  it('leaves with the signal, before and while the upstream thinks', async () => {
    const origin = await bed().origin(() => undefined);
    const client = bed().client({ url: origin.url });
    const gone = new Error('gone');
    await assert.rejects(client.ask({ ...QUESTION, signal: AbortSignal.abort(gone) }), gone);
    assert.equal(origin.asked.length, 0);
    const leaver = new AbortController();
    const asking = client.ask({ ...QUESTION, signal: leaver.signal });
    await once(origin.server, 'request');
    leaver.abort(gone);
    await assert.rejects(asking, gone);
    assert.deepEqual(bed().events, []);
  });
});
