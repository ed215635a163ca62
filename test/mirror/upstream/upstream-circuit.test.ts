import assert from 'node:assert/strict';
import { parseRepositoryName } from '../../../src/domain/repository-name.js';
import type { UpstreamFailure } from '../../../src/mirror/upstream/upstream-error.js';
import { REPOSITORY, textOf, withUpstreamBed } from './upstream-bed.js';
import type { Answering, Origin } from './upstream-bed.js';

const BAD = parseRepositoryName('bad/one');
const NAMES = ['a', 'b', 'c', 'd', 'e'].map(parseRepositoryName);

describe('One bad repository of an upstream', () => {
  const bed = withUpstreamBed();
  const dead = 'http://127.0.0.1:1/';

  /** Serves all but repositories below bad/. */
  const serving = (bad: (origin: () => Origin) => Answering): Promise<Origin> => {
    const started: { origin?: Origin } = {};
    const answer = bad(() => started.origin as Origin);
    return bed()
      .origin((asked, response) => {
        if (!asked.url.startsWith('/v2/bad/') && !asked.url.startsWith('/token')) response.end('content');
        else answer(asked, response);
      })
      .then((origin) => (started.origin = origin));
  };
  const challenge = (realm: string, response: Parameters<Answering>[1]): void =>
    void response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}"` }).end();

  const cases: readonly [
    title: string,
    failure: UpstreamFailure,
    bad: (origin: () => Origin) => Answering,
  ][] = [
    [
      'whose token service answers 404',
      'denied',
      (origin) =>
        ({ url }, response) =>
          url.startsWith('/token')
            ? void response.writeHead(404).end()
            : challenge(`${origin().url}/token`, response),
    ],
    [
      'whose token service is dead',
      'unavailable',
      () => (_, response) => challenge(`${dead}token`, response),
    ],
    [
      'that leads to a dead host',
      'unavailable',
      () => (_, response) => void response.writeHead(302, { location: dead }).end(),
    ],
    ['that answers 500', 'unavailable', () => (_, response) => void response.writeHead(500).end()],
    ['that leads nowhere', 'unavailable', () => (_, response) => void response.writeHead(302).end()],
    [
      'whose bodies break off',
      'unavailable',
      () => (_, response) => {
        response.writeHead(200, { 'content-length': 10 });
        response.write('begun', () => response.socket?.destroy());
      },
    ],
  ];
  for (const [title, failure, bad] of cases) {
    it(`${title} does not close the others`, async () => {
      const origin = await serving(bad);
      const client = bed().client({
        url: origin.url,
        networks: ['127.0.0.0/8'],
        tokenHosts: ['127.0.0.1:1'],
      });
      const asking = async (repository = BAD): Promise<string> =>
        textOf((await client.ask({ method: 'GET', repository, path: 'blobs/x' })).body);
      for (let times = 0; times < 12; times++) assert.equal((await bed().failure(asking())).failure, failure);
      assert.equal(client.state().state, 'up');
      assert.equal(await asking(REPOSITORY), 'content');
    });
  }

  it('that leads to a host which wants fewer requests does not limit the others', async () => {
    const cdn = await bed().origin((_, response) => response.writeHead(429, { 'retry-after': '3600' }).end());
    const origin = await serving(
      () => (_, response) => void response.writeHead(302, { location: cdn.url }).end(),
    );
    const client = bed().client({ url: origin.url, networks: ['127.0.0.0/8'] });
    const question = { method: 'GET', repository: BAD, path: 'blobs/x' } as const;
    assert.equal((await bed().failure(client.ask(question))).failure, 'limited');
    assert.equal(client.state().state, 'up');
    await bed().failure(client.ask(question));
    assert.equal(cdn.asked.length, 2);
  });

  it('closes them where its connections fail, or as many others answer 500', async () => {
    const silent = bed().client({ url: dead });
    for (let times = 0; times < 5; times++)
      await bed().failure(silent.ask({ method: 'GET', repository: BAD, path: 'blobs/x' }));
    assert.equal(silent.state().state, 'down');
    const origin = await bed().origin((_, response) => response.writeHead(500).end());
    const client = bed().client({ url: origin.url });
    for (const repository of NAMES)
      await bed().failure(client.ask({ method: 'GET', repository, path: 'blobs/x' }));
    assert.equal(client.state().state, 'down');
  });
});
