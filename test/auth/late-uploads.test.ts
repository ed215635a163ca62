import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { onStore } from '../support/in-process.js';
import { digestOf, withDigest } from '../http/client.js';
import type { Answer } from '../http/client.js';
import { EMPTY_JSON, bytesOf, imageOf } from '../http/content.js';
import {
  TokenClient,
  addUser,
  administrationOf,
  anonymousToken,
  bearer,
  challengeOf,
  pushClient,
  tokenFor,
} from '../http/access/logins.js';
import type { Administration } from '../http/access/logins.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NAME = 'team/app';
const LAYER = bytesOf(1000, 3);
const DIGEST = digestOf(LAYER);

describe('uploads that outlive their token', () => {
  onStore(
    'memory',
    (bench) => {
      let admin: Administration;
      let alice: TokenClient;
      beforeEach(async () => {
        admin = administrationOf(bench().store);
        for (const name of ['alice', 'bob']) await addUser(admin, name, ['team/*', 'pull,push']);
        alice = await pushClient(bench().node, 'alice', NAME);
      });

      const refused = (answer: Answer): void => {
        answer.expectError(401, 'UNAUTHORIZED');
        const challenge = challengeOf(bench().node, `repository:${NAME}:pull,push`, 'invalid_token');
        assert.equal(answer.headers['www-authenticate'], challenge);
      };

      it('go on by PATCH and PUT, on any node, for 24 hours after its end', async () => {
        const { store, another } = bench();
        const opened = await alice.openUpload(NAME);
        store.clock.advance(6 * MINUTE);
        const location = await alice.patch(opened, LAYER.subarray(0, 500));
        store.clock.advance(23 * HOUR);
        const elsewhere = new TokenClient(await another({ logins: {} }), alice.token);
        (await elsewhere.close(location, DIGEST, { body: LAYER.subarray(500) })).expect(201);
      });

      it('do not go on later than that', async () => {
        const opened = await alice.openUpload(NAME);
        bench().store.clock.advance(24 * HOUR + 5 * MINUTE + 1000);
        refused(await alice.call('PATCH', opened, { body: LAYER }));
        refused(await alice.close(opened, DIGEST, { body: LAYER }));
      });

      it('do not go on by GET, DELETE or POST, nor become a manifest', async () => {
        const opened = await alice.openUpload(NAME);
        await alice.pushBlob(NAME, EMPTY_JSON);
        bench().store.clock.advance(6 * MINUTE);
        refused(await alice.get(opened));
        refused(await alice.call('DELETE', opened));
        refused(await alice.call('POST', `/v2/${NAME}/blobs/uploads/`));
        refused(await alice.putManifest(NAME, 'v1', imageOf()));
        await alice.patch(opened, LAYER);
      });

      it("are not somebody else's", async () => {
        const bob = await pushClient(bench().node, 'bob', NAME);
        const opened = await alice.openUpload(NAME);
        bench().store.clock.advance(6 * MINUTE);
        refused(await bob.call('PATCH', opened, { body: LAYER }));
        refused(await bob.close(opened, DIGEST, { body: LAYER }));
      });

      it('are none that were opened after its end, or before its begin', async () => {
        const { node, store } = bench();
        store.clock.advance(10 * MINUTE);
        const newer = await pushClient(node, 'alice', NAME);
        const opened = await newer.openUpload(NAME);
        refused(await alice.call('PATCH', opened, { body: LAYER }));
        store.clock.advance(10 * MINUTE);
        const newest = await pushClient(node, 'alice', NAME);
        store.clock.advance(10 * MINUTE);
        refused(await newest.call('PATCH', opened, { body: LAYER }));
        await newer.patch(opened, LAYER);
      });

      it('end with a revocation', async () => {
        const opened = await alice.openUpload(NAME);
        bench().store.clock.advance(6 * MINUTE);
        await admin.accounts.update({ kind: 'user', name: 'alice' }, { password: 'another password' });
        bench().store.clock.advance(5000);
        refused(await alice.call('PATCH', opened, { body: LAYER }));
      });

      it('need the right to push there, and an id that a node made for that repository', async () => {
        const { node, store } = bench();
        const reader = new TokenClient(node, await tokenFor(node, 'alice', `repository:${NAME}:pull`));
        const opened = await alice.openUpload(NAME);
        store.clock.advance(6 * MINUTE);
        const challenge = challengeOf(node, `repository:${NAME}:pull,push`, 'insufficient_scope');
        const answer = await reader.call('PATCH', opened, { body: LAYER });
        assert.equal(answer.expect(401).headers['www-authenticate'], challenge);
        refused(await alice.call('PATCH', `${opened.split('?')[0]}x`, { body: LAYER }));
        const elsewhere = await alice.call('PATCH', opened.replace(NAME, 'team/two'), { body: LAYER });
        elsewhere.expectError(401, 'UNAUTHORIZED');
      });

      it('are not those of anonymous callers', async () => {
        const { store, another } = bench();
        const open = await another({ logins: { rules: { anonymousPull: ['**'] } } });
        const nobody = new TokenClient(open, await anonymousToken(open, `repository:${NAME}:pull,push`));
        const opened = await alice.openUpload(NAME);
        store.clock.advance(6 * MINUTE);
        (await nobody.call('PATCH', opened, { body: LAYER })).expectError(401, 'UNAUTHORIZED');
      });

      it('of 20 minutes in one request need no second token', async () => {
        const { node, store } = bench();
        const path = withDigest(await alice.openUpload(NAME), DIGEST);
        const { port, agent } = node;
        const headers = { ...bearer(alice.token), 'content-length': LAYER.byteLength };
        const req = request({ host: '127.0.0.1', port, agent, method: 'PUT', path, headers });
        for (let minute = 0; minute < 20; minute += 1) {
          await new Promise((sent) => req.write(LAYER.subarray(minute * 50, (minute + 1) * 50), sent));
          store.clock.advance(MINUTE);
        }
        req.end();
        const [res] = (await once(req, 'response')) as [IncomingMessage];
        res.resume();
        assert.equal(res.statusCode, 201);
        const later = await pushClient(node, 'alice', NAME);
        (await later.get(`/v2/${NAME}/blobs/${DIGEST}`)).expect(200);
      });
    },
    { logins: {} },
  );
});
