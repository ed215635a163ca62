import assert from 'node:assert/strict';
import { ROUTES } from '../../src/http/oci/routes.js';
import { Client, digestOf, linkOf } from '../http/client.js';
import type { Answer } from '../http/client.js';
import { EMPTY_JSON, bytesOf, imageOf } from '../http/content.js';
import {
  TokenClient,
  addUser,
  administrationOf,
  anonymousToken,
  challengeOf,
  pushClient,
  tokenFor,
} from '../http/access/logins.js';
import { onStore } from '../support/in-process.js';
import type { RegistryNode } from '../support/in-process.js';

const LAYER = bytesOf(64, 5);
const DIGEST = digestOf(LAYER);
const IMAGE = imageOf([LAYER]);
/** Of the same length, so that only the names differ. */
const PRIVATE = 'team/secret';
const MISSING = 'team/nobody';

const PATHS: Readonly<Record<string, readonly string[]>> = {
  tags: ['tags/list'],
  referrers: [`referrers/${IMAGE.digest}`],
  manifest: ['manifests/v1', `manifests/${IMAGE.digest}`],
  blob: [`blobs/${DIGEST}`],
  uploads: ['blobs/uploads/', `blobs/uploads/?mount=${DIGEST}`, `blobs/uploads/?digest=${DIGEST}`],
  upload: ['blobs/uploads/abc.def.sha256.x.y.z'],
  'repository-extensions': ['_oci/ext/discover'],
};

function withoutName({ status, headers, body }: Answer, name: string): unknown {
  return JSON.parse(
    JSON.stringify({ status, headers: { ...headers, date: '' }, body: body.toString() }).replaceAll(
      name,
      'NAME',
    ),
  );
}

async function pushAll(node: RegistryNode, names: readonly string[]): Promise<TokenClient> {
  return new TokenClient(
    node,
    await tokenFor(node, 'root', ...names.map((name) => `repository:${name}:pull,push`)),
  );
}

describe('what outsiders can tell', () => {
  onStore(
    'memory',
    (bench) => {
      beforeEach(async () => {
        const { store, node } = bench();
        const admin = administrationOf(store);
        await admin.accounts.createUser('root', { password: 'correct horse', admin: true });
        await addUser(admin, 'alice', ['alice/**', 'pull,push,delete']);
        const root = await pushClient(node, 'root', PRIVATE);
        for (const blob of [LAYER, EMPTY_JSON]) await root.pushBlob(PRIVATE, blob);
        await root.pushManifest(PRIVATE, 'v1', IMAGE);
      });

      it('a private repository from a missing one: by no route, whoever asks', async () => {
        const { node } = bench();
        const scopes = [PRIVATE, MISSING].map((name) => `repository:${name}:pull,push,delete`);
        const clients = [
          new Client(node),
          new TokenClient(node, await anonymousToken(node, ...scopes)),
          new TokenClient(node, await tokenFor(node, 'alice', ...scopes)),
          new TokenClient(node, 'x.y.z'),
        ];
        for (const { method, shape } of ROUTES.filter(({ access }) => Array.isArray(access))) {
          for (const path of PATHS[shape] ?? assert.fail(`no path of ${shape}`)) {
            for (const client of clients) {
              const answers = [];
              for (const name of [PRIVATE, MISSING]) {
                const answer = (await client.call(method, `/v2/${name}/${path}`)).expect(401);
                answers.push(withoutName(answer, name));
              }
              assert.deepEqual(answers[0], answers[1], `${method} ${path}`);
            }
          }
        }
      });

      it('a refused request asks the store nothing of the repository', async () => {
        const { node } = bench();
        const client = new TokenClient(node, await tokenFor(node, 'alice', `repository:${PRIVATE}:pull`));
        await client.get('/v2/');
        const asked = () => client.get(`/v2/${PRIVATE}/manifests/v1`);
        assert.deepEqual(await node.countOf(asked), {});
      });

      it('a mount from there is a miss, and its challenge names the source', async () => {
        const { node } = bench();
        const alice = await pushClient(node, 'alice', 'alice/app');
        for (const from of [PRIVATE, MISSING]) {
          const path = `/v2/alice/app/blobs/uploads/?mount=${DIGEST}&from=${from}`;
          (await alice.call('POST', path)).expect(202);
          const challenge = challengeOf(node, `repository:alice/app:pull,push repository:${from}:pull`);
          assert.equal(
            (await new Client(node).call('POST', path)).expect(401).header('www-authenticate'),
            challenge,
          );
        }
        (await alice.call('POST', `/v2/alice/app/blobs/uploads/?mount=${DIGEST}`)).expect(202);
        (await alice.get(`/v2/alice/app/blobs/${DIGEST}`)).expect(404);
      });

      it('a mount source that is no name adds nothing to the challenge', async () => {
        const { node } = bench();
        for (const from of ['A"B', 'x"%20realm="http://evil', '%0d%0aX-Evil:%201', '..%2f..', '']) {
          const path = `/v2/alice/app/blobs/uploads/?mount=${DIGEST}&from=${from}`;
          const answer = (await new Client(node).call('POST', path)).expect(401);
          assert.equal(
            answer.header('www-authenticate'),
            challengeOf(node, 'repository:alice/app:pull,push'),
          );
        }
      });

      it('the catalog shows what may be pulled, page by page over many hidden names', async () => {
        const { node } = bench();
        const names = Array.from({ length: 90 }, (_, at) => `team/r${String(at).padStart(2, '0')}`);
        const own = ['alice/a', 'alice/b', 'alice/z'];
        for (const some of [names.slice(0, 45), [...names.slice(45), ...own, 'zoo/last']]) {
          const pushing = await pushAll(node, some);
          for (const name of some) await pushing.pushBlob(name, LAYER);
        }
        const scopes = ['registry:catalog:*'];
        const alice = new TokenClient(node, await tokenFor(node, 'alice', ...scopes));
        const root = new TokenClient(node, await tokenFor(node, 'root', ...scopes));
        const listed = (answer: Answer) => (answer.json() as { repositories: string[] }).repositories;
        assert.deepEqual(listed(await alice.get('/v2/_catalog')), own);
        const pages = await alice.pages('/v2/_catalog?n=2');
        assert.deepEqual(pages.map(listed), [['alice/a', 'alice/b'], ['alice/z']]);
        assert.equal(linkOf(pages[0] ?? assert.fail()), '/v2/_catalog?last=alice%2Fb&n=2');
        assert.deepEqual(listed(await alice.get('/v2/_catalog?last=alice/a')), ['alice/b', 'alice/z']);
        assert.deepEqual(listed(await alice.get('/v2/_catalog?last=team/r10&n=5')), []);
        const all = (await root.pages('/v2/_catalog?n=7')).flatMap(listed);
        assert.deepEqual(all, [...own, ...names, PRIVATE, 'zoo/last']);
      });
    },
    { logins: {} },
  );
});
