import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { parseRepositoryName } from '../../../src/domain/repository-name.js';
import { PASSWORD, REPOSITORY, identityLogin, passwordLogin, withUpstreamBed } from './upstream-bed.js';
import type { Answering } from './upstream-bed.js';
import { TokenRegistry, contentOf, giving } from './upstream-token-registry.js';

const QUESTION = { method: 'GET', repository: REPOSITORY, path: 'manifests/latest' } as const;
const OTHER = { ...QUESTION, repository: parseRepositoryName('team/app') } as const;
const BASIC = `Basic ${Buffer.from(`puller:${PASSWORD}`).toString('base64')}`;
const SCOPE = 'repository:library/busybox:pull';

describe('Tokens of an upstream', () => {
  const bed = withUpstreamBed();

  it('take a token without a login for our own scope where none is configured', async () => {
    const registry = await TokenRegistry.start(bed(), giving());
    assert.equal(await contentOf(bed().client({ url: registry.origin.url })), 'content');
    assert.equal(registry.origin.asked.length, 3);
    const [asked] = registry.tokensAsked;
    assert.equal(asked?.method, 'GET');
    const query = new URL(asked.url, registry.origin.url).searchParams;
    assert.deepEqual(Object.fromEntries(query), { x: '1', service: 'reg', scope: SCOPE });
    assert.equal(asked.headers.authorization, undefined);
  });

  it('send the first password whose pattern matches, to the token service alone', async () => {
    const registry = await TokenRegistry.start(bed(), giving());
    const logins = [
      passwordLogin('team/*', 'other', 'other-password'),
      passwordLogin(),
      passwordLogin('**', 'third'),
    ];
    await contentOf(bed().client({ url: registry.origin.url, logins }));
    assert.deepEqual(
      registry.origin.asked.map(({ headers }) => headers.authorization),
      [undefined, BASIC, 'Bearer t0ken-0'],
    );
  });

  it('take a token once for a repository, in time before its end, and another for another repository', async () => {
    const registry = await TokenRegistry.start(bed(), giving({ expires_in: 300 }));
    const client = bed().client({ url: registry.origin.url });
    await contentOf(client);
    bed().clock.advance(269_000);
    await contentOf(client);
    assert.deepEqual([registry.origin.asked.length, registry.tokensAsked.length], [4, 1]);
    await contentOf(client, OTHER);
    assert.deepEqual([registry.origin.asked.length, registry.tokensAsked.length], [6, 2]);
    bed().clock.advance(2000);
    await contentOf(client);
    assert.deepEqual([registry.origin.asked.length, registry.tokensAsked.length], [8, 3]);
  });

  for (const [title, answer, seconds] of [
    ['a minute where the answer does not tell', {}, 30],
    ['a short life', { expires_in: 10 }, 5],
    ['a day at most', { expires_in: 1e12 }, 86_370],
    ['a minute where the life is no number', { expires_in: '9999' }, 30],
  ] as const) {
    it(`count ${title}, less a margin`, async () => {
      const registry = await TokenRegistry.start(bed(), giving(answer));
      const client = bed().client({ url: registry.origin.url });
      await contentOf(client);
      bed().clock.advance(seconds * 1000 - 1);
      await contentOf(client);
      assert.equal(registry.tokensAsked.length, 1);
      bed().clock.advance(1);
      await contentOf(client);
      assert.equal(registry.tokensAsked.length, 2);
    });
  }

  it('take one token for all who need it at once', async () => {
    const registry = await TokenRegistry.start(bed(), giving());
    const client = bed().client({ url: registry.origin.url });
    await Promise.all(Array.from({ length: 20 }, () => contentOf(client)));
    assert.equal(registry.tokensAsked.length, 1);
  });

  it('let one leave while a token is taken for others', async () => {
    const waiting: (() => void)[] = [];
    const registry = await TokenRegistry.start(bed(), (all) => (asked, response) => {
      waiting.push(() => giving()(all)(asked, response));
    });
    const client = bed().client({ url: registry.origin.url });
    const leaver = new AbortController();
    const first = client.ask({ ...QUESTION, signal: leaver.signal });
    const second = contentOf(client);
    while (waiting.length === 0) await setImmediate();
    const gone = new Error('gone');
    leaver.abort(gone);
    await assert.rejects(first, gone);
    for (const answer of waiting) answer();
    assert.equal(await second, 'content');
    assert.equal(registry.tokensAsked.length, 1);
  });

  it('renew a token that is refused before its time, once', async () => {
    const registry = await TokenRegistry.start(bed(), giving({ expires_in: 3600 }));
    const client = bed().client({ url: registry.origin.url });
    await contentOf(client);
    registry.valid.delete('Bearer t0ken-0');
    registry.valid.add('Bearer gone-now');
    await contentOf(client);
    assert.equal(registry.tokensAsked.length, 2);
  });

  it('are denied by an upstream that refuses each new token', async () => {
    const registry = await TokenRegistry.start(
      bed(),
      () => (_, response) => response.end('{"token":"n0-good"}'),
    );
    const client = bed().client({ url: registry.origin.url, logins: [passwordLogin()] });
    assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'denied');
    assert.equal(registry.origin.asked.length, 3);
    assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'denied');
    // The token that is remembered, another one, and the same again: nothing new to show.
    assert.equal(registry.origin.asked.length, 5);
    assert.equal(client.state().state, 'up');
  });

  it('go by POST where the service knows no GET', async () => {
    for (const status of [404, 405]) {
      const registry = await TokenRegistry.start(bed(), ({ valid }) => (asked, response) => {
        if (asked.method === 'GET') return void response.writeHead(status).end();
        valid.add('Bearer by-post');
        response.end('{"access_token":"by-post"}');
      });
      await contentOf(bed().client({ url: registry.origin.url, logins: [passwordLogin()] }));
      const asked = registry.tokensAsked[1];
      assert.equal(asked?.method, 'POST');
      assert.equal(asked.headers.authorization, undefined);
      assert.deepEqual(Object.fromEntries(new URLSearchParams(asked.body)), {
        grant_type: 'password',
        username: 'puller',
        password: PASSWORD,
        client_id: 'stackyard',
        service: 'reg',
        scope: SCOPE,
      });
    }
  });

  it('send an identity token by POST at once', async () => {
    const registry = await TokenRegistry.start(bed(), giving());
    await contentOf(bed().client({ url: registry.origin.url, logins: [identityLogin('r3fresh')] }));
    const [asked] = registry.tokensAsked;
    assert.deepEqual([registry.tokensAsked.length, asked?.method], [1, 'POST']);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(asked?.body)), {
      grant_type: 'refresh_token',
      refresh_token: 'r3fresh',
      client_id: 'stackyard',
      service: 'reg',
      scope: SCOPE,
    });
  });

  const answers: readonly [title: string, failure: string, answer: Answering][] = [
    ['400', 'denied', (_, response) => response.writeHead(400).end(`{"details":"${PASSWORD}"}`)],
    ['401', 'denied', (_, response) => response.writeHead(401).end(`{"details":"${PASSWORD}"}`)],
    ['403', 'denied', (_, response) => response.writeHead(403).end()],
    ['404', 'denied', (_, response) => response.writeHead(404).end()],
    ['429', 'limited', (_, response) => response.writeHead(429).end()],
    ['500', 'unavailable', (_, response) => response.writeHead(500).end()],
    [
      'a redirect',
      'refused',
      (_, response) => response.writeHead(307, { location: '/token2?s=s3cr3t' }).end(),
    ],
    ['no token', 'unavailable', (_, response) => response.end('{}')],
    ['a token with a line break', 'unavailable', (_, response) => response.end('{"token":"a\\r\\nX: y"}')],
    ['no JSON', 'unavailable', (_, response) => response.end('s3cr3t')],
    ['null', 'unavailable', (_, response) => response.end('null')],
    [
      'too much',
      'unavailable',
      (_, response) => response.end(`{"token":"a","x":"${'x'.repeat(1024 * 1024)}"}`),
    ],
    ['nothing at all', 'unavailable', (_, response) => void response.socket?.destroy()],
  ];
  for (const [title, failure, answer] of answers) {
    it(`are ${failure} where the token service answers ${title}`, async () => {
      const registry = await TokenRegistry.start(bed(), () => answer);
      const client = bed().client({ url: registry.origin.url, logins: [passwordLogin()] });
      const error = await bed().failure(client.ask(QUESTION));
      assert.equal(error.failure, failure);
      assert.match(
        error.message,
        new RegExp(`a token for library/busybox of hub \\(${registry.origin.host}\\)`),
      );
      assert.doesNotMatch(bed().said(), new RegExp(`${PASSWORD}|${BASIC}|s3cr3t`));
      assert.equal(
        registry.origin.asked.some(({ url }) => url.startsWith('/token2')),
        false,
      );
    });
  }
});
