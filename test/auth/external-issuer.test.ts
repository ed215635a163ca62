import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';
import { ExternalIssuer } from '../../src/auth/external-issuer.js';
import { thumbprintOf } from '../../src/auth/signing-keys.js';
import { parseTrustedKeys } from '../../src/auth/trusted-keys.js';
import { Client } from '../http/client.js';
import { ExternalSigner, ISSUER, libtrustId } from '../http/access/external.js';
import { TokenClient } from '../http/access/logins.js';
import { Authority } from '../support/authority.js';
import { FakeClock, onStore } from '../support/in-process.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';

const PULL = [{ type: 'repository', name: 'team/app', actions: ['pull'] }];
const RULES = { issuer: ISSUER, audience: 'registry.example' };

describe('auth/external-issuer', () => {
  const clock = new FakeClock();
  const signer = new ExternalSigner();
  after(() => signer.remove());

  async function issuerOf(file: string): Promise<ExternalIssuer> {
    return new ExternalIssuer(parseTrustedKeys(await readFile(file, 'utf8')), RULES, clock);
  }

  it('finds its key by the name in a JWKS, by RFC 7638, as libtrust names it, and where it is the only one', async () => {
    const issuer = await issuerOf(signer.file('jwks.json'));
    for (const kid of ['theirs', thumbprintOf(signer.publicKey), libtrustId(signer.publicKey), null]) {
      const claims = issuer.read(signer.token(clock.now(), PULL, { kid }));
      assert.equal(claims?.principal?.subject, 'their user', String(kid));
      assert.deepEqual(claims.access, PULL);
    }
    assert.equal(issuer.read(signer.token(clock.now(), PULL, { kid: 'another' })), undefined);
    assert.ok((await issuerOf(signer.file('key.pem'))).read(signer.token(clock.now(), PULL, { kid: null })));
  });

  it('takes no token without an end, of another issuer, for another service, or that is none', async () => {
    const issuer = await issuerOf(signer.file('jwks.json'));
    const now = clock.now();
    for (const text of [
      signer.token(now, PULL, { exp: undefined }),
      signer.token(now, PULL, { iss: 'other' }),
      signer.token(now, PULL, { aud: ['other'] }),
      signer.token(now, PULL, { nbf: now / 1000 + 3600 }),
      signer.token(now, PULL).slice(0, -10),
      'x.y.z',
    ])
      assert.equal(issuer.read(text), undefined, text);
    assert.ok(issuer.read(signer.token(now, PULL, { aud: ['other', 'registry.example'] })));
  });

  it('takes what is no access for none', async () => {
    const issuer = await issuerOf(signer.file('jwks.json'));
    const odd = [
      null,
      'x',
      { type: 'repository', name: 'a b:pull repository:c', actions: ['pull'] },
      { type: 'repository', name: 'A', actions: ['pull'] },
    ];
    for (const access of [undefined, 'pull', [{}], odd.slice(2)]) {
      const claims = issuer.read(signer.token(clock.now(), PULL, { access }));
      assert.deepEqual(claims?.access, [], JSON.stringify(access));
    }
    assert.equal(issuer.read(signer.token(clock.now(), PULL, { access: odd })), undefined);
  });

  it('refuses files without keys in one line', () => {
    for (const text of ['', '{}', '{"keys": []}', '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', 'x'])
      assert.throws(() => parseTrustedKeys(text), /holds no key/, text);
    assert.throws(() => parseTrustedKeys('{'));
  });

  describe('certificates', () => {
    let home: TemporaryDirectory;
    before(async function () {
      home = await temporaryDirectory('x5c');
      const authority = await Authority.create(this, home.path);
      await authority.issue('signer', 'token server');
      clock.advance(Date.now() - clock.now() + 60_000);
      const other = await temporaryDirectory('x5c-other');
      const stranger = await Authority.create(this, other.path);
      await stranger.issue('stranger', 'token server');
      for (const end of ['pem', 'key'])
        await copyFile(join(other.path, `stranger.${end}`), join(home.path, `stranger.${end}`));
      await other.remove();
    });
    after(() => home.remove());

    async function signedBy(name: string): Promise<string> {
      const pem = await readFile(join(home.path, `${name}.pem`), 'utf8');
      const x5c = [pem.replace(/-----[^-]+-----|\s/g, '')];
      const key = createPrivateKey(await readFile(join(home.path, `${name}.key`)));
      const iat = Math.floor(clock.now() / 1000);
      const payload = { iss: ISSUER, aud: 'registry.example', sub: 'x', iat, exp: iat + 300, access: PULL };
      return jwt.sign(payload, key, { algorithm: 'ES256', header: { alg: 'ES256', x5c } });
    }

    it('are trusted where the authority of the file signed them, or they are in the file', async () => {
      const byAuthority = await issuerOf(join(home.path, 'ca.pem'));
      assert.ok(byAuthority.read(await signedBy('signer')));
      assert.equal(byAuthority.read(await signedBy('stranger')), undefined);
      assert.ok((await issuerOf(join(home.path, 'stranger.pem'))).read(await signedBy('stranger')));
      // A leaf is no authority.
      assert.equal(
        (await issuerOf(join(home.path, 'signer.pem'))).read(await signedBy('stranger')),
        undefined,
      );
    });

    it('are not trusted beyond their time', async () => {
      const issuer = await issuerOf(join(home.path, 'ca.pem'));
      const text = await signedBy('signer');
      clock.advance(3 * 24 * 60 * 60_000);
      assert.equal(issuer.read(text), undefined);
      clock.advance(-3 * 24 * 60 * 60_000);
    });

    it('whose key is not that of the signature prove nothing', async () => {
      const issuer = await issuerOf(join(home.path, 'ca.pem'));
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const [header = '', payload = ''] = (await signedBy('signer')).split('.');
      const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
      const { x5c } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { x5c: string[] };
      const forged = jwt.sign(claims, privateKey, {
        algorithm: 'ES256',
        header: { alg: 'ES256', x5c },
      });
      assert.equal(issuer.read(forged), undefined);
    });
  });

  onStore(
    'memory',
    (bench) => {
      it('is where clients are sent, and shows the whole catalog to whom it grants that', async () => {
        const { node, store } = bench();
        const refused = await new Client(node).get('/v2/');
        assert.match(refused.header('www-authenticate'), /^Bearer realm="https:\/\/tokens\.example\/auth",/);
        const all = [{ type: 'repository', name: 'team/app', actions: ['*'] }];
        const pusher = new TokenClient(node, signer.token(store.clock.now(), all));
        await pusher.pushBlob('team/app', Buffer.from('x'));
        const catalog = [{ type: 'registry', name: 'catalog', actions: ['*'] }];
        const reader = new TokenClient(node, signer.token(store.clock.now(), catalog));
        assert.deepEqual((await reader.get('/v2/_catalog')).expect(200).json(), {
          repositories: ['team/app'],
        });
      });
    },
    { logins: { rules: { external: { ...signer.rules(), realm: 'https://tokens.example/auth' } } } },
  );
});
