import assert from 'node:assert/strict';
import { readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthStore } from '../../src/composition/auth.js';
import { BcryptThread } from '../../src/composition/bcrypt-thread.js';
import { ensureFirstAdmin } from '../../src/composition/first-admin.js';
import type { Logger } from '../../src/ports/logger.js';
import { quickHasher } from '../http/access/token-rules.js';
import { onStore } from '../support/in-process.js';
import { temporaryDirectory } from '../support/temporary.js';

describe('the first admin', () => {
  onStore('memory', (bench) => {
    let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
    let file: string;
    let logged: string[];
    beforeEach(async () => {
      directory = await temporaryDirectory('first-admin');
      file = join(directory.path, 'password');
      logged = [];
    });
    afterEach(() => directory.remove());

    const note = (fields: object, message: string): void => {
      logged.push(JSON.stringify({ ...fields, message }));
    };
    const log: Logger = { debug: note, info: note, warn: note, error: note, flush: async () => undefined };
    const start = (
      options: { adminPassword?: string; terminal?: (text: string) => void; file?: string } = {},
    ) => {
      const { store } = bench();
      const parts = { driver: store.driver(), clock: store.clock, ids: store.ids };
      const { principals } = createAuthStore(parts);
      const { adminPassword, terminal } = options;
      return ensureFirstAdmin(
        { ...parts, principals, hasher: quickHasher(), log, terminal },
        { adminPassword, adminPasswordFile: options.file ?? file },
      );
    };
    const stored = () => {
      const { store } = bench();
      return createAuthStore({ driver: store.driver(), clock: store.clock, ids: store.ids }).principals;
    };
    const filesThere = () => readdir(directory.path);

    it('gets the password of the configuration, which is told nowhere', async () => {
      await start({ adminPassword: 'from the configuration' });
      const record = await stored().read('admin');
      assert.equal(record?.password, 'quick:from the configuration');
      assert.equal(record?.admin, true);
      assert.deepEqual(await filesThere(), []);
      assert.ok(!logged.join().includes('from the configuration'));
    });

    it('gets a password that is made, in a file that only this user may read, not in the log', async () => {
      await start();
      const password = (await readFile(file, 'utf8')).trim();
      assert.ok(password.length >= 20);
      assert.equal((await stored().read('admin'))?.password, `quick:${password}`);
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.deepEqual(await filesThere(), ['password']);
      assert.ok(logged.join().includes(file));
      assert.ok(!logged.join().includes(password));
    });

    it('is shown on a terminal once, and then in no file', async () => {
      const shown: string[] = [];
      const terminal = (text: string): void => void shown.push(text);
      await start({ terminal });
      await start({ terminal });
      assert.equal(shown.length, 1);
      const password = (await stored().read('admin'))?.password?.slice('quick:'.length) ?? '';
      assert.ok(password !== '' && shown[0]?.includes(password));
      assert.deepEqual(await filesThere(), []);
      assert.ok(!logged.join().includes(password));
    });

    it('of two starts at once is one, and the file tells its password', async () => {
      for (let round = 0; round < 5; round += 1) await Promise.all([start(), start(), start()]);
      const password = (await readFile(file, 'utf8')).trim();
      assert.equal((await stored().read('admin'))?.password, `quick:${password}`);
      assert.deepEqual(await filesThere(), ['password']);
      assert.equal(logged.length, 1);
    });

    it('is not made again once it was removed', async () => {
      await start();
      await stored().remove('admin');
      await start();
      await start({ adminPassword: 'from the configuration' });
      assert.equal(await stored().read('admin'), undefined);
    });

    it('keeps its password at later starts', async () => {
      await start({ adminPassword: 'the first one' });
      await start({ adminPassword: 'another one' });
      assert.equal((await stored().read('admin'))?.password, 'quick:the first one');
    });

    it('gets no password that a user could not have, and the error does not tell it', async () => {
      for (const adminPassword of ['', 'hunter2', 'é'.repeat(37)]) {
        await assert.rejects(start({ adminPassword }), (error: Error) => {
          assert.match(error.message, /^STACKYARD_ADMIN_PASSWORD .*at least 8 characters.*; give .*$/);
          return adminPassword === '' || !error.message.includes(adminPassword);
        });
      }
      assert.equal(await stored().read('admin'), undefined);
      await start({ adminPassword: 'é'.repeat(36) });
      await start({ adminPassword: 'hunter2' }); // which is not used any more
      assert.notEqual(await stored().read('admin'), undefined);
    });

    it('may log in where an earlier user of that name was removed', async () => {
      await stored().disable('admin');
      await start();
      assert.equal((await stored().findForLogin('admin'))?.isDisabled, false);
    });

    it('is not made where its password could not be told', async () => {
      const elsewhere = join(directory.path, 'no', 'such', 'directory');
      await assert.rejects(start({ file: elsewhere }), /cannot write the first password to .*ENOENT/);
      assert.equal(await stored().read('admin'), undefined);
      await start();
      assert.notEqual(await stored().read('admin'), undefined);
    });

    it('replaces what lies at the place of the file, and does not follow it', async () => {
      const victim = join(directory.path, 'victim');
      await writeFile(victim, 'precious');
      await symlink(victim, file);
      await start();
      assert.equal(await readFile(victim, 'utf8'), 'precious');
      assert.equal((await stat(file)).mode & 0o777, 0o600);
      assert.notEqual(await readFile(file, 'utf8'), 'precious');
    });
  });
});

describe('bcrypt on a thread', () => {
  it('hashes and compares beside the event loop, and is there again after it ended', async () => {
    const thread = new BcryptThread();
    try {
      let turns = 0;
      const timer = setInterval(() => (turns += 1), 1);
      const [hash, other] = await Promise.all([thread.hash('one'), thread.hash('one')]);
      clearInterval(timer);
      assert.match(hash, /^\$2[aby]\$10\$/);
      assert.notEqual(hash, other);
      assert.ok(turns > 5, `${turns} turns`);
      assert.deepEqual(
        await Promise.all([
          thread.matches('one', hash),
          thread.matches('two', hash),
          thread.matches('one', 'x'),
        ]),
        [true, false, false],
      );
      const lost = thread.hash('three');
      await thread.close();
      await assert.rejects(lost, /ended/);
      assert.equal(await thread.matches('one', hash), true);
    } finally {
      await thread.close();
    }
  });
});
