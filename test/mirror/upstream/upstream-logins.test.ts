import assert from 'node:assert/strict';
import { parseRepositoryName } from '../../../src/domain/repository-name.js';
import { PASSWORD, REPOSITORY, identityLogin, passwordLogin, withUpstreamBed } from './upstream-bed.js';
import type { Origin } from './upstream-bed.js';
import { TokenRegistry, contentOf, giving } from './upstream-token-registry.js';

const QUESTION = { method: 'GET', repository: REPOSITORY, path: 'manifests/latest' } as const;
const OTHER = { ...QUESTION, repository: parseRepositoryName('team/app') } as const;
const BASIC = `Basic ${Buffer.from(`puller:${PASSWORD}`).toString('base64')}`;

describe('Logins at an upstream', () => {
  const bed = withUpstreamBed();

  describe('are bound to the upstream (CVE-2026-33540)', () => {
    it('and send nothing to a foreign realm', async () => {
      const foreign = await bed().origin((_, response) => response.end('{"token":"x"}'));
      const { origin } = await TokenRegistry.start(bed(), giving(), `${foreign.url}/token?sig=s3cr3t`);
      const client = bed().client({ url: origin.url, logins: [passwordLogin()], networks: ['127.0.0.0/8'] });
      const error = await bed().failure(client.ask(QUESTION));
      assert.equal(error.failure, 'refused');
      assert.match(error.message, new RegExp(`${foreign.host}: list it in tokenHosts`));
      assert.deepEqual([foreign.asked.length, foreign.connections, origin.asked.length], [0, 0, 1]);
      assert.doesNotMatch(bed().said(), /s3cr3t/);
    });

    it('and go to a token host that is listed', async () => {
      const service = await bed().origin((_, response) => response.end('{"token":"t0ken-0"}'));
      const { origin, valid } = await TokenRegistry.start(bed(), giving(), `${service.url}/token`);
      valid.add('Bearer t0ken-0');
      const client = bed().client({ url: origin.url, logins: [passwordLogin()], tokenHosts: [service.host] });
      assert.equal(await contentOf(client), 'content');
      assert.deepEqual(
        service.asked.map(({ headers }) => headers.authorization),
        [BASIC],
      );
      assert.deepEqual(
        origin.asked.map(({ headers }) => headers.authorization),
        [undefined, 'Bearer t0ken-0'],
      );
    });

    it('and tell of a realm with a long name by its beginning', async () => {
      const realm = `https://${'a'.repeat(5000)}.test/token`;
      const { origin } = await TokenRegistry.start(bed(), giving(), realm);
      const error = await bed().failure(bed().client({ url: origin.url }).ask(QUESTION));
      assert.match(error.message, /a{255}…: list it/);
      assert.doesNotMatch(bed().said(), /a{256}/);
    });

    for (const realm of ['/token', 'file:///token', 'http://user:s3cr3t@REALM/token', 'ftp://REALM/token']) {
      it(`and refuse the realm ${realm}`, async () => {
        const origin = await bed().origin((asked, response) => {
          const shown = realm.replace('REALM', String(asked.headers.host));
          response.writeHead(401, { 'www-authenticate': `Bearer realm="${shown}"` }).end();
        });
        const client = bed().client({ url: origin.url, logins: [passwordLogin()] });
        assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'refused');
        assert.equal(origin.asked.length, 1);
        assert.doesNotMatch(bed().said(), /s3cr3t/);
      });
    }
  });

  describe('by Basic', () => {
    const wanting = async (authorization: string): Promise<Origin> =>
      bed().origin(({ headers }, response) => {
        if (headers.authorization === authorization) return void response.end('content');
        response.writeHead(401, { 'www-authenticate': ['Negotiate', 'basic realm="r"'] }).end();
      });

    it('send the password once asked, and from then on at once', async () => {
      const origin = await wanting(BASIC);
      const client = bed().client({ url: origin.url, logins: [passwordLogin('library/*')] });
      assert.equal(await contentOf(client), 'content');
      assert.equal(await contentOf(client), 'content');
      const error = await bed().failure(client.ask(OTHER));
      assert.deepEqual([error.failure, /logins of the upstream/.test(error.message)], ['denied', true]);
      assert.deepEqual(
        origin.asked.map(({ headers }) => headers.authorization),
        [undefined, BASIC, BASIC, undefined],
      );
    });

    it('do not send a refused password twice for one question', async () => {
      const origin = await wanting('Basic other');
      const client = bed().client({ url: origin.url, logins: [passwordLogin()] });
      assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'denied');
      assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'denied');
      assert.equal(origin.asked.length, 3);
      assert.doesNotMatch(bed().said(), new RegExp(`${PASSWORD}|${BASIC}`));
    });

    it('have nothing for it where only an identity token is configured', async () => {
      const origin = await wanting(BASIC);
      const client = bed().client({ url: origin.url, logins: [identityLogin('r3fresh')] });
      assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'denied');
      assert.equal(origin.asked.length, 1);
      assert.doesNotMatch(bed().said(), /r3fresh/);
    });
  });

  it('ask nothing more of a place that gives a token no longer', async () => {
    let isMoved = false;
    const registry: TokenRegistry = await TokenRegistry.start(bed(), (all) => (asked, response) => {
      if (isMoved) return void response.writeHead(404).end();
      giving()(all)(asked, response);
    });
    const client = bed().client({ url: registry.origin.url });
    assert.equal(await contentOf(client), 'content');
    isMoved = true;
    assert.equal((await bed().failure(contentOf(client, OTHER))).failure, 'denied');
    registry.origin.asked.splice(0);
    await bed().failure(contentOf(client, OTHER));
    assert.deepEqual(
      registry.origin.asked.map(({ url }) => url.split('?', 1)[0]),
      ['/v2/team/app/manifests/latest', '/token'],
    );
  });

  it('say no secret, whatever an upstream throws back', async () => {
    const origin: Origin = await bed().origin((asked, response) => {
      if (asked.url.startsWith('/token')) return void response.end('{"token":"t0ken-in-words"}');
      const { authorization = 'none' } = asked.headers;
      const message = JSON.stringify({ errors: [{ message: `you sent ${authorization}` }] });
      if (authorization === 'none') {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="${origin.url}/token"` }).end(message);
      } else response.writeHead(403).end(message);
    });
    const client = bed().client({ url: origin.url, logins: [passwordLogin(), identityLogin('r3fresh')] });
    assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'denied');
    assert.ok(bed().events.length > 0);
    assert.doesNotMatch(bed().said(), new RegExp(`${PASSWORD}|${BASIC}|t0ken|r3fresh`));
    assert.doesNotMatch(JSON.stringify(client.state()), /t0ken/);
  });
});
