import assert from 'node:assert/strict';
import { PASSWORD, REPOSITORY, namesOf, passwordLogin, textOf, withUpstreamBed } from './upstream-bed.js';
import type { Origin } from './upstream-bed.js';

const QUESTION = { method: 'GET', repository: REPOSITORY, path: 'blobs/sha256:x' } as const;
const NETWORKS = ['127.0.0.0/8'];

describe('Redirects of an upstream', () => {
  const bed = withUpstreamBed();

  /** Wants a password, then redirects blobs. */
  const leadingTo = async (location: string | undefined, status = 307): Promise<Origin> =>
    bed().origin(({ headers }, response) => {
      if (headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        return;
      }
      response.setHeader('set-cookie', 'session=1');
      if (location !== undefined) response.setHeader('location', location);
      response.writeHead(status).end('see there');
    });

  for (const status of [301, 302, 303, 307, 308]) {
    for (const method of ['GET', 'HEAD'] as const) {
      it(`are followed at ${status} for ${method}, with neither login nor cookie`, async () => {
        const cdn = await bed().origin((_, response) => {
          response.setHeader('content-length', 4);
          response.end('blob');
        });
        const origin = await leadingTo(`${cdn.url}/deep/blob?X-Signature=s3cr3t`, status);
        const client = bed().client({ url: origin.url, logins: [passwordLogin()], networks: NETWORKS });
        const { body, length } = await client.ask({ ...QUESTION, method });
        assert.deepEqual([await textOf(body), length], [method === 'GET' ? 'blob' : '', 4]);
        assert.deepEqual(cdn.paths, [`${method} /deep/blob?X-Signature=s3cr3t`]);
        assert.deepEqual(cdn.asked[0]?.headers, {
          host: cdn.host,
          connection: 'keep-alive',
          'accept-encoding': 'identity',
          'user-agent': 'stackyard/mirror',
        });
      });
    }
  }

  it('keep the login at the upstream itself', async () => {
    const origin = await bed().origin(({ url, headers }, response) => {
      if (headers.authorization === undefined) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
      } else if (url === '/elsewhere') response.end('blob');
      else response.writeHead(302, { location: '/elsewhere' }).end();
    });
    const client = bed().client({ url: origin.url, logins: [passwordLogin()] });
    assert.equal(await textOf((await client.ask(QUESTION)).body), 'blob');
    const logins = origin.asked.map(({ headers }) => headers.authorization !== undefined);
    assert.deepEqual(logins, [false, true, true]);
  });

  it('take the login to no other port of its host, though it asks for one', async () => {
    const other = await bed().origin((_, response) =>
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end(),
    );
    const origin = await leadingTo(`${other.url}/blob?sig=s3cr3t`);
    const client = bed().client({ url: origin.url, logins: [passwordLogin()], networks: NETWORKS });
    const error = await bed().failure(client.ask(QUESTION));
    assert.equal(error.failure, 'denied');
    assert.match(error.message, new RegExp(other.host));
    assert.deepEqual(
      other.asked.map(({ headers }) => headers.authorization),
      [undefined],
    );
    assert.doesNotMatch(bed().said(), /s3cr3t/);
  });

  it('are followed five times, not six', async () => {
    const origin = await bed().origin(({ url }, response) => {
      const left = Number(url.split('/').at(-1));
      if (left === 0) response.end('there');
      else response.writeHead(302, { location: String(left - 1) }).end();
    });
    const client = bed().client({ url: origin.url });
    assert.equal(await textOf((await client.ask({ ...QUESTION, path: 'blobs/5' })).body), 'there');
    const error = await bed().failure(client.ask({ ...QUESTION, path: 'blobs/6' }));
    assert.equal(error.failure, 'refused');
    assert.equal(origin.asked.length, 12);
  });

  it('are refused to a private address, which gets no connection', async () => {
    const inner = await bed().origin((_, response) => response.end('secret'));
    const origin = await leadingTo(`${inner.url}/latest/meta-data?sig=s3cr3t`);
    const client = bed().client({ url: origin.url, logins: [passwordLogin()] });
    const error = await bed().failure(client.ask(QUESTION));
    assert.equal(error.failure, 'refused');
    assert.match(error.message, /127\.0\.0\.1.*networks/);
    assert.deepEqual([inner.asked.length, inner.connections], [0, 0]);
  });

  it('are refused to another port of localhost, though the operator wrote that name', async () => {
    const inner = await bed().origin((_, response) => response.end('secret'));
    const origin = await leadingTo(`http://localhost:${inner.port}/`);
    const url = `http://localhost:${origin.port}/`;
    const names = namesOf({ localhost: () => ['127.0.0.1'] });
    const client = bed().client({ url, logins: [passwordLogin()] }, {}, names);
    assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'refused');
    assert.deepEqual([origin.asked.length, inner.connections], [2, 0]);
  });

  const refused: readonly [title: string, location: string][] = [
    ['to the metadata service', 'http://169.254.169.254/latest/meta-data?sig=s3cr3t'],
    ['to it in hexadecimal', 'http://0xa9fea9fe/?sig=s3cr3t'],
    ['to it as an IPv6 address', 'http://[::ffff:169.254.169.254]/?sig=s3cr3t'],
    ['to the unspecified address', 'http://0/?sig=s3cr3t'],
    ['with a login', 'http://user:s3cr3t@cdn.test/'],
    ['with a user', 'http://user@cdn.test/?sig=s3cr3t'],
    ['to a file', 'file:///etc/passwd?sig=s3cr3t'],
  ];
  for (const [title, location] of refused) {
    it(`are refused ${title}`, async () => {
      const origin = await leadingTo(location);
      const client = bed().client({ url: origin.url, logins: [passwordLogin()] });
      assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'refused');
      assert.doesNotMatch(bed().said(), new RegExp(`s3cr3t|${PASSWORD}`));
    });
  }

  for (const location of [undefined, 'http://[oops/']) {
    it(`lead nowhere ${location === undefined ? 'without a Location' : 'by one that is no URL'}`, async () => {
      const origin = await leadingTo(location);
      const client = bed().client({ url: origin.url, logins: [passwordLogin()] });
      assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'unavailable');
    });
  }

  for (const [title, resolve] of [
    ['that nobody knows', undefined],
    ['that has no address', namesOf({})],
  ] as const) {
    it(`to a host with a long name ${title} are told by its beginning`, async () => {
      const origin = await leadingTo(`http://${'a'.repeat(5000)}.test/`);
      const client = bed().client({ url: origin.url, logins: [passwordLogin()] }, {}, resolve);
      const error = await bed().failure(client.ask(QUESTION));
      assert.match(error.message, /a{255}…/);
      assert.doesNotMatch(bed().said(), /a{256}/);
    });
  }

  it('to a host that fails are told by its name alone', async () => {
    const cdn = await bed().origin((_, response) =>
      response.writeHead(500).end('{"errors":[{"message":"s3cr3t"}]}'),
    );
    const origin = await leadingTo(`${cdn.url}/blob?sig=s3cr3t`);
    const client = bed().client({ url: origin.url, logins: [passwordLogin()], networks: NETWORKS });
    const error = await bed().failure(client.ask(QUESTION));
    assert.match(error.message, new RegExp(`${cdn.host}\\) was answered with 500$`));
    await cdn.stop();
    assert.equal((await bed().failure(client.ask(QUESTION))).failure, 'unavailable');
    assert.doesNotMatch(bed().said(), new RegExp(`s3cr3t|${PASSWORD}`));
  });
});
