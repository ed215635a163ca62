import assert from 'node:assert/strict';
import type { RequestListener } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { ApiProblem } from '../../src/api/admin-connection.js';
import type { Credentials } from '../../src/client/credentials.js';
import { HttpExchange, TIMEOUTS } from '../../src/client/http-exchange.js';
import { RemoteAdmin } from '../../src/client/remote-admin.js';
import { ScriptedServer, answerJson, answerProblem } from './scripted-server.js';

const ME = { name: 'root', admin: true, version: '9.9.9' };
const USER = { name: 'alice', createdAt: '2026-01-01T00:00:00Z', admin: false, groups: [], disabled: false };
const ROBOT = { name: 'ci', id: 'a'.repeat(26), secret: 'sy_x' };

describe('client/remote-admin', () => {
  let server: ScriptedServer;
  let waited: number[];
  let api: RemoteAdmin;

  const start = async (
    answer: RequestListener,
    given: { readonly credentials?: Credentials; readonly path?: string; readonly silence?: number } = {},
  ): Promise<void> => {
    server = await ScriptedServer.start(answer);
    const { path = '', credentials = { username: 'root', secret: 'pass:word' }, silence } = given;
    let ids = 0;
    api = new RemoteAdmin({
      exchange: new HttpExchange(
        `${server.url}${path}`,
        {},
        { ...TIMEOUTS, ...(silence !== undefined && { silence }) },
      ),
      credentials,
      uniqueId: () => `unique-id-of-${(ids += 1)}`,
      wait: async (milliseconds) => void waited.push(milliseconds),
    });
  };

  beforeEach(() => {
    waited = [];
  });
  afterEach(async () => {
    await api.close();
    await server.close();
  });

  const problem = (code: string, message: RegExp) => (error: unknown) => {
    const { code: found, message: text } = error as ApiProblem;
    assert.equal(found, code, text);
    assert.match(text, message);
    return true;
  };

  it('sends parameters encoded, whatever they are, below the path of the server', async () => {
    await start((_req, res) => answerJson(res, { items: [] }), { path: '/registry' });
    await api.call('listTags', { params: { repository: 'team/a b' }, query: { limit: 5, after: 'x&y' } });
    await api.call('listManifests', { params: { repository: '..' } });
    assert.deepEqual(
      server.seen.map(({ method, path }) => `${method} ${path}`),
      [
        'GET /registry/admin/v1/repositories/team%2Fa%20b/tags?limit=5&after=x%26y',
        'GET /registry/admin/v1/repositories/../manifests',
      ],
    );
  });

  it('logs in with a name and secret, or with an access token', async () => {
    await start((_req, res) => answerJson(res, ME));
    await api.call('whoAmI');
    const basic = Buffer.from('root:pass:word').toString('base64');
    assert.equal(server.seen[0]?.headers.authorization, `Basic ${basic}`);
    await api.close();
    await server.close();
    await start((_req, res) => answerJson(res, ME), { credentials: { token: 'sy_a_b' } });
    await api.call('whoAmI');
    assert.equal(server.seen[0]?.headers.authorization, 'Bearer sy_a_b');
  });

  it('drops what it does not know, and gives versions back', async () => {
    await start((_req, res) => answerJson(res, { ...USER, more: 1 }, { ETag: '"v7"' }));
    const { value, version } = await api.call('getUser', { params: { name: 'alice' } });
    assert.deepEqual([value, version], [USER, 'v7']);
    await api.call('updateUser', { params: { name: 'alice' }, body: { admin: true }, version });
    await api.call('updateUser', { params: { name: 'alice' }, body: { admin: true } });
    assert.deepEqual(
      server.seen.map(({ headers }) => headers['if-match']),
      [undefined, '"v7"', '*'],
    );
  });

  it('tells problems by their code, those of newer servers by their status', async () => {
    await start((_req, res) =>
      answerProblem(res, server.seen.length === 1 ? 404 : 409, server.seen.length === 1 ? 'absent' : 'novel'),
    );
    await assert.rejects(api.call('whoAmI'), problem('absent', /^the absent of it$/));
    await assert.rejects(api.call('whoAmI'), problem('exists', /^the novel of it$/));
  });

  it('tells in one line what comes from no admin API', async () => {
    const answers: [number, Record<string, string>, string][] = [
      [502, { 'Content-Type': 'text/html' }, '<h1>Bad\nGateway</h1>'],
      [404, { 'Content-Type': 'text/html' }, 'nothing here'],
      [307, { Location: 'https://elsewhere.example/x' }, ''],
      [200, { 'Content-Type': 'text/html' }, '<h1>Welcome</h1>'],
    ];
    await start((_req, res) => {
      const [status, headers, body] = answers[Math.min(server.seen.length, answers.length) - 1] ?? [
        500,
        {},
        '',
      ];
      res.writeHead(status, headers).end(body);
    });
    const call = () => api.call('deleteUser', { params: { name: 'x' } });
    await assert.rejects(call(), problem('unavailable', /answers 502 Bad Gateway, which is not .*between$/));
    await assert.rejects(call(), problem('unreachable', /has no admin API \(it answers 404 Not Found\)/));
    await assert.rejects(
      call(),
      problem('unreachable', /redirects to https:\/\/elsewhere\.example\/x; give /),
    );
    await assert.rejects(
      api.call('getUser', { params: { name: 'x' } }),
      problem('internal', /version unknown\) answered getUser in a form that is not known here/),
    );
    assert.equal(server.seen.length, 5);
  });

  it('names the version of a server whose answers do not fit', async () => {
    await start((req, res) => answerJson(res, req.url?.endsWith('/me') ? ME : { ...USER, groups: 'dev' }));
    await assert.rejects(
      api.call('getUser', { params: { name: 'x' } }),
      problem(
        'internal',
        /\(version 9\.9\.9\) answered getUser .* \(groups: .*\); use the stackyard command/,
      ),
    );
  });

  it('advises a login where there is none, and says whose was refused', async () => {
    await start((_req, res) => answerProblem(res, 401, 'login-required'));
    await assert.rejects(
      api.call('whoAmI'),
      problem('login-required', /refused the login: the login-required/),
    );
    const anonymous = new RemoteAdmin({
      exchange: new HttpExchange(server.url, {}),
      uniqueId: () => '',
      wait: async () => undefined,
    });
    await assert.rejects(anonymous.call('whoAmI'), problem('login-required', /run stackyard login http:/));
    assert.equal(server.seen[1]?.headers.authorization, undefined);
    await anonymous.close();
  });

  describe('tries again', () => {
    it('to read, and to make what has a key, which stays the same', async () => {
      await start((_req, res) => {
        if (server.seen.length % 3 !== 0) res.destroy();
        else answerJson(res, server.seen.length === 3 ? ME : ROBOT);
      });
      assert.equal((await api.call('whoAmI')).value.name, 'root');
      assert.equal((await api.call('createRobot', { body: { name: 'ci' } })).value.name, 'ci');
      assert.deepEqual(waited, [500, 1000, 500, 1000]);
      const keys = server.seen.map(({ headers }) => headers['idempotency-key']);
      assert.deepEqual(keys.slice(0, 3), [undefined, undefined, undefined]);
      assert.equal(new Set(keys.slice(3)).size, 1);
      assert.match(String(keys[3]), /^unique-id-of-\d$/);
    });

    it('three times at most', async () => {
      await start((_req, res) => void res.destroy());
      await assert.rejects(
        api.call('whoAmI'),
        problem('unreachable', /: the connection was cut; try again$/),
      );
      assert.equal(server.seen.length, 3);
    });

    it('as late as the server asks for, unless that is too late', async () => {
      await start((_req, res) => {
        const after = ['2', '3600'][server.seen.length - 1] ?? '';
        answerProblem(res, 503, 'unavailable', { 'Retry-After': after });
      });
      await assert.rejects(api.call('whoAmI'), problem('unavailable', /^the unavailable of it$/));
      assert.deepEqual([waited, server.seen.length], [[2000], 2]);
    });

    it('never what may have been done', async () => {
      await start((_req, res) => void res.destroy());
      for (const call of [
        () => api.call('deleteUser', { params: { name: 'x' } }),
        () => api.call('setReadOnlyMode', { body: { readOnly: true } }),
        () => api.call('updateUser', { params: { name: 'x' }, body: {} }),
      ]) {
        await assert.rejects(call(), problem('unreachable', /the connection was cut/));
      }
      assert.equal(server.seen.length, 3);
    });
  });

  it('tells why a server cannot be reached', async () => {
    await start(() => undefined);
    const { url } = server;
    await server.close();
    await assert.rejects(
      api.call('whoAmI'),
      problem('unreachable', new RegExp(`^cannot reach ${url}: nothing listens there; .*`)),
    );
    await start(() => undefined, { silence: 50 });
    await assert.rejects(api.call('whoAmI'), problem('unreachable', /nothing came for 0\.05 seconds$/));
  });

  describe('downloads', () => {
    const TAR = { 'Content-Type': 'application/x-tar' };
    const given = { params: { repository: 'a' }, query: { reference: ['1', '2'] } };

    it('tells the size, and repeats a name of several values', async () => {
      await start((_req, res) => res.writeHead(200, { ...TAR, 'Content-Length': '5' }).end('bytes'));
      const { size, body } = await api.download('exportArchive', given);
      assert.equal(size, 5);
      assert.equal((await buffer(body)).toString(), 'bytes');
      assert.match(server.seen[0]?.path ?? '', /\/repositories\/a\/export\?reference=1&reference=2$/);
    });

    for (const [what, headers] of [
      ['of a known size', { ...TAR, 'Content-Length': '100' }],
      ['in chunks', TAR],
    ] as const)
      it(`never takes a part for the whole: ${what}`, async () => {
        await start((_req, res) => {
          res.writeHead(200, headers).write('bytes', () => res.destroy());
        });
        const { body } = await api.download('exportArchive', given);
        await assert.rejects(buffer(body), problem('unreachable', /the connection was cut; try again$/));
      });

    it('takes no page of somebody between for an archive', async () => {
      const types = ['text/html; charset=utf-8', undefined];
      await start((_req, res) => {
        const type = types[server.seen.length - 1];
        res.writeHead(200, type === undefined ? {} : { 'Content-Type': type }).end('<h1>Welcome</h1>');
      });
      for (const type of [/text\/html; charset=utf-8/, /what has no Content-Type/]) {
        const message = new RegExp(`answers ${type.source} instead of application/x-tar; something stands`);
        await assert.rejects(api.download('exportArchive', given), problem('internal', message));
      }
      assert.equal(server.seen.length, 2);
    });

    it('tells a problem instead', async () => {
      await start((_req, res) => answerProblem(res, 404, 'absent'));
      await assert.rejects(api.download('exportArchive', given), problem('absent', /^the absent of it$/));
    });
  });
});
