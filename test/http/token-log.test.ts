import assert from 'node:assert/strict';
import { RegistryError } from '../../src/errors/registry-error.js';
import type { Logger } from '../../src/ports/logger.js';
import { onStore } from '../support/in-process.js';
import { PASSWORD, addUser, administrationOf, askToken, postForm, refresh } from './access/logins.js';
import { quickHasher } from './access/token-rules.js';
import { Client } from './client.js';

type Line = Readonly<Record<string, unknown>>;

describe('the request log of /token', () => {
  const lines: Line[] = [];
  const keep = (fields: object): void => void lines.push({ ...fields });
  const log: Logger = {
    debug: keep,
    info: keep,
    warn: keep,
    error: keep,
    flush: () => Promise.resolve(),
  };
  const rules = { logins: { failures: 2, window: 60_000 } };

  onStore(
    'memory',
    (bench) => {
      beforeEach(async () => {
        lines.length = 0;
        await addUser(administrationOf(bench().store), 'alice');
      });

      /** Of the last request, once it is logged. */
      const last = async (count: number): Promise<Line> => {
        while (lines.length < count) await new Promise((done) => setImmediate(done));
        return lines[count - 1] ?? {};
      };
      const told = async (count: number): Promise<readonly unknown[]> => {
        const { status, code, account, client } = await last(count);
        return [status, code, account, client];
      };

      it('tells code, reason, account and client of logins that failed', async () => {
        const { node } = bench();
        await askToken(node, { user: 'alice', secret: 'wrong secret' });
        assert.deepEqual(await told(1), [401, 'UNAUTHORIZED', 'alice', '127.0.0.1']);
        assert.equal((await last(1)).reason, 'the username or the password is wrong');
        const form = [
          ['grant_type', 'password'],
          ['username', 'a'.repeat(100)],
          ['password', 'wrong secret'],
        ] as const;
        await postForm(node, form);
        assert.deepEqual(await told(2), [401, 'UNAUTHORIZED', 'a'.repeat(64), '127.0.0.1']);
        await askToken(node, { user: 'alice', secret: PASSWORD });
        assert.deepEqual(await told(3), [429, 'TOOMANYREQUESTS', 'alice', '127.0.0.1']);
        await refresh(node, 'no.refresh.token');
        assert.deepEqual(await told(4), [401, 'UNAUTHORIZED', undefined, '127.0.0.1']);
        assert.doesNotMatch(JSON.stringify(lines), /wrong secret|correct horse|no\.refresh|service=|\?/);
      });

      it('tells what of a login could not be decided, and nothing of one that went well', async () => {
        const matches = async (): Promise<boolean> => {
          throw new RegistryError('UNAVAILABLE', 'no thread', { cause: new Error('it ended') });
        };
        const hasher = { ...quickHasher(), matches };
        const broken = await bench().another({ log, logins: { hasher } });
        await askToken(broken, { user: 'alice' });
        assert.deepEqual(await told(1), [503, 'UNAVAILABLE', 'alice', '127.0.0.1']);
        assert.equal((await last(1)).reason, 'no thread: it ended');
        await askToken(bench().node, { user: 'alice' });
        assert.deepEqual(await told(2), [200, undefined, undefined, undefined]);
      });

      it('tells code and reason of what is no login', async () => {
        await new Client(bench().node).get('/nothing?here');
        const { path, status, code, reason } = await last(1);
        assert.deepEqual(
          [path, status, code, reason],
          ['/nothing', 404, 'UNSUPPORTED', 'there is nothing at this path'],
        );
      });
    },
    { log, logins: { rules } },
  );
});
