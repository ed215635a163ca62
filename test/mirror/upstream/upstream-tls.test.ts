import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { Authority } from '../../support/authority.js';
import { temporaryDirectory } from '../../support/temporary.js';
import type { TemporaryDirectory } from '../../support/temporary.js';
import { REPOSITORY, passwordLogin, textOf, withUpstreamBed } from './upstream-bed.js';

const QUESTION = { method: 'GET', repository: REPOSITORY, path: 'blobs/sha256:x' } as const;

describe('TLS of an upstream', () => {
  const bed = withUpstreamBed();
  let directory: TemporaryDirectory;
  let ca = '';
  let server: { key: string; cert: string };
  let own: { key: string; certificate: string };

  before(async function () {
    directory = await temporaryDirectory('tls');
    const authority = await Authority.create(this, directory.path);
    await authority.issue('server', 'localhost');
    await authority.issue('client', 'stackyard');
    const pem = async (name: string): Promise<string> => readFile(join(directory.path, name), 'utf8');
    ca = await pem('ca.pem');
    server = { key: await pem('server.key'), cert: await pem('server.pem') };
    own = { key: await pem('client.key'), certificate: await pem('client.pem') };
  });
  after(() => directory.remove());

  it('trusts the given authority, for token hosts and redirects too', async () => {
    const cdn = await bed().origin((_, response) => response.end('blob'), { tls: server });
    const service = await bed().origin((_, response) => response.end('{"token":"t"}'), { tls: server });
    const origin = await bed().origin(
      ({ headers }, response) => {
        const challenge = `Bearer realm="${service.url}/token"`;
        if (headers.authorization !== 'Bearer t')
          response.writeHead(401, { 'www-authenticate': challenge }).end();
        else response.writeHead(307, { location: `${cdn.url}/blob` }).end();
      },
      { tls: server },
    );
    const client = bed().client({
      url: origin.url,
      tls: { ca },
      tokenHosts: [service.host],
      networks: ['127.0.0.0/8'],
    });
    assert.equal(await textOf((await client.ask(QUESTION)).body), 'blob');
  });

  it('names an unknown authority, and the fix', async () => {
    const origin = await bed().origin((_, response) => response.end(), { tls: server });
    const error = await bed().failure(bed().client({ url: origin.url }).ask(QUESTION));
    assert.equal(error.failure, 'unavailable');
    assert.match(error.message, new RegExp(`${origin.host}\\) failed: .*give the authority as tls\\.ca`));
    assert.equal(origin.asked.length, 0);
  });

  it('names a certificate for another name', async () => {
    const origin = await bed().origin((_, response) => response.end(), { tls: server });
    const url = `https://hub.test:${origin.port}/`;
    const client = bed().client({ url, tls: { ca }, networks: ['127.0.0.0/8'] }, {}, (_, __, callback) =>
      callback(null, [{ address: '127.0.0.1', family: 4 }]),
    );
    assert.match((await bed().failure(client.ask(QUESTION))).message, /is for another name/);
  });

  it('names an upstream that speaks no TLS', async () => {
    const origin = await bed().origin((_, response) => response.end());
    const error = await bed().failure(
      bed()
        .client({ url: `https://${origin.host}/` })
        .ask(QUESTION),
    );
    assert.match(error.message, /does not speak TLS/);
  });

  it('shows the client certificate to the upstream alone', async () => {
    const subjects: unknown[] = [];
    const tls = { ...server, ca, requestCert: true, rejectUnauthorized: false };
    const note = (socket: unknown): void => {
      const { subject } = (socket as TLSSocket).getPeerCertificate();
      subjects.push(subject?.CN);
    };
    const cdn = await bed().origin(
      (_, response) => {
        note(response.socket);
        response.end('blob');
      },
      { tls },
    );
    const origin = await bed().origin(
      (_, response) => {
        note(response.socket);
        response.writeHead(307, { location: `${cdn.url}/blob` }).end();
      },
      { tls: { ...tls, rejectUnauthorized: true } },
    );
    const client = bed().client({ url: origin.url, tls: { ca, ...own }, networks: ['127.0.0.0/8'] });
    assert.equal(await textOf((await client.ask(QUESTION)).body), 'blob');
    assert.deepEqual(subjects, ['stackyard', undefined]);
  });

  it('is no connection where the upstream wants a certificate and none is given', async () => {
    const tls = { ...server, ca, requestCert: true, rejectUnauthorized: true };
    const origin = await bed().origin((_, response) => response.end(), { tls });
    const error = await bed().failure(bed().client({ url: origin.url, tls: { ca } }).ask(QUESTION));
    assert.equal(error.failure, 'unavailable');
    assert.equal(origin.asked.length, 0);
  });

  it('is not left by a redirect, nor for tokens', async () => {
    const plain = await bed().origin((_, response) => response.end('{"token":"t"}'));
    for (const headers of [
      { status: 307, location: `${plain.url}/blob?sig=s3cr3t` },
      { status: 401, 'www-authenticate': `Bearer realm="${plain.url}/token"` },
    ]) {
      const { status, ...rest } = headers;
      const origin = await bed().origin((_, response) => response.writeHead(status, rest).end(), {
        tls: server,
      });
      const client = bed().client({
        url: origin.url,
        tls: { ca },
        logins: [passwordLogin()],
        tokenHosts: [plain.host],
        networks: ['127.0.0.0/8'],
      });
      const error = await bed().failure(client.ask(QUESTION));
      assert.equal(error.failure, 'refused');
      assert.match(error.message, /without TLS|from https to http/);
    }
    assert.deepEqual([plain.asked.length, plain.connections], [0, 0]);
    assert.doesNotMatch(bed().said(), /s3cr3t/);
  });

  it('is refused when the client is made with a certificate that cannot be read', () => {
    assert.throws(
      () => bed().client({ url: 'https://hub.test/', tls: { certificate: 'x', key: 'y' } }),
      /^Error: tls of the upstream hub cannot be used: /,
    );
  });
});
