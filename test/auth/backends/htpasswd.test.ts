import assert from 'node:assert/strict';
import { parseHtpasswd } from '../../../src/auth/backends/htpasswd-content.js';
import { HtpasswdFile } from '../../../src/auth/backends/htpasswd-file.js';
import { HtpasswdBackend } from '../../../src/auth/backends/htpasswd.js';
import { PasswordChecks } from '../../../src/auth/password-checks.js';
import { CountingHasher, StillClock, htpasswdLine, testIds } from './parts.js';

const ALICE = htpasswdLine('alice', 'secret of alice');
const BOB = htpasswdLine('bob', 'secret of bob');

describe('auth/htpasswd', () => {
  it('knows a user by its password, with a grantee and a namespace of its own', async () => {
    const { backend } = bench(`# users\n\n${ALICE}\r\n${BOB}\n`);
    const principal = await backend.authenticate({ username: 'alice', secret: 'secret of alice' });
    assert.equal(principal?.subject, 'alice');
    assert.deepEqual(principal.grantees, [{ kind: 'user', name: 'alice' }]);
    assert.deepEqual(
      principal.implied.map(({ repositories, actions }) => [repositories.text, actions]),
      [['users/alice/**', ['pull', 'push', 'delete']]],
    );
    assert.notEqual(await backend.authenticate({ username: 'bob', secret: 'secret of bob' }), undefined);
  });

  for (const version of ['$2a', '$2b', '$2y']) {
    it(`reads ${version}`, async () => {
      const { backend } = bench(ALICE.replace('$2y', version));
      assert.notEqual(
        await backend.authenticate({ username: 'alice', secret: 'secret of alice' }),
        undefined,
      );
    });
  }

  it('compares as slowly for wrong passwords, unknown users and names of the store', async () => {
    const { backend, hasher } = bench(`${ALICE}\n${htpasswdLine('slow', 'x', 6)}`, { taken: ['bob'] });
    for (const username of ['alice', 'nobody', 'bob']) {
      assert.equal(await backend.authenticate({ username, secret: 'wrong' }), undefined);
    }
    assert.equal(hasher.compared.length, 3);
    assert.match(hasher.compared[1] ?? '', /^\$2b\$06\$/);
    assert.equal(hasher.compared[2], hasher.compared[1]);
  });

  it('compares for unknown users of an empty file too', async () => {
    const { backend, hasher } = bench('');
    assert.equal(await backend.authenticate({ username: 'alice', secret: 'x' }), undefined);
    assert.equal(hasher.compared.length, 1);
  });

  it('leaves a name that the store has to the store', async () => {
    const { backend } = bench(ALICE, { taken: ['alice'] });
    assert.equal(await backend.authenticate({ username: 'alice', secret: 'secret of alice' }), undefined);
  });

  it('compares neither access tokens nor for names that nobody can have here', async () => {
    const { backend, hasher } = bench(ALICE);
    const token = `sy_${'a'.repeat(26)}_${'b'.repeat(43)}`;
    assert.equal(await backend.authenticate({ username: 'alice', secret: token }), undefined);
    assert.equal(await backend.authenticate({ username: 'alice@Default', secret: 'x' }), undefined);
    assert.equal(hasher.compared.length, 0);
  });

  it('sees a change within a second, and looks once a second at most', async () => {
    const { backend, disk, clock } = bench(ALICE);
    disk.text = BOB;
    assert.equal(await backend.has('alice'), true);
    clock.time += 1000;
    assert.deepEqual([await backend.has('alice'), await backend.has('bob')], [false, true]);
    await Promise.all(Array.from({ length: 5 }, () => backend.has('bob')));
    assert.deepEqual([disk.looks, disk.reads], [1, 1]);
    clock.time += 1000;
    await Promise.all(Array.from({ length: 5 }, () => backend.has('bob')));
    assert.deepEqual([disk.looks, disk.reads], [2, 1]);
  });

  it('forgets a remembered password with its line', async () => {
    const { backend, disk, clock } = bench(ALICE);
    const login = (secret: string) => backend.authenticate({ username: 'alice', secret });
    assert.notEqual(await login('secret of alice'), undefined);
    disk.text = htpasswdLine('alice', 'another');
    clock.time += 1000;
    assert.equal(await login('secret of alice'), undefined);
    assert.notEqual(await login('another'), undefined);
  });

  it('keeps what it knew of a file that cannot be read, and says so once', async () => {
    const { backend, disk, clock, warnings } = bench(ALICE);
    disk.broken = 'EACCES';
    for (let second = 0; second < 3; second += 1) {
      clock.time += 1000;
      assert.equal(await backend.has('alice'), true);
    }
    assert.deepEqual(warnings, ['it cannot be read (EACCES); its users stay as they were']);
    disk.broken = undefined;
    disk.text = BOB;
    clock.time += 1000;
    assert.equal(await backend.has('alice'), false);
  });

  it('leaves out lines that it cannot use, and says so', async () => {
    const { backend, disk, clock, warnings } = bench(ALICE);
    disk.text = `carol:$apr1$x$y\n${BOB}`;
    clock.time += 1000;
    assert.deepEqual([await backend.has('carol'), await backend.has('bob')], [false, true]);
    assert.deepEqual(warnings, [
      'left out: line 1: the password of carol is not hashed with bcrypt; set it again with htpasswd -B',
    ]);
  });

  it('takes no hash whose comparison would hold up all others', () => {
    const hash = (cost: string): string => `$2y$${cost}$${'a'.repeat(53)}`;
    const { problems, hashes } = parseHtpasswd(`alice:${hash('15')}\nbob:${hash('16')}\n`);
    assert.deepEqual([...hashes.keys()], ['alice']);
    assert.match(problems.join(), /^line 2: the password of bob is hashed at a cost above 15/);
  });

  it('tells every line that cannot be used, by its number and without its hash', () => {
    const lines = [
      ALICE,
      'md5:$apr1$c1FxlEUI$u1oNhYGLwHqpTPZFHNYeR1',
      'sha:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=',
      '# no line',
      'crypt:rqXexS6ZhobKA',
      'short:$2y$05$tooshort',
      'no colon',
      'a b:x',
      ALICE,
    ];
    const { problems, hashes } = parseHtpasswd(lines.join('\n'));
    assert.deepEqual([...hashes.keys()], ['alice']);
    assert.deepEqual(
      problems.map((problem) => /^line \d+/.exec(problem)?.[0]),
      [2, 3, 5, 6, 7, 8, 9].map((number) => `line ${number}`),
    );
    assert.equal(problems[6], 'line 9: alice has a line already; remove one of them');
    assert.doesNotMatch(problems.join(), /apr1|SHA|rqX|tooshort|no colon|\$2/);
  });

  it('reads what the htpasswd command writes', async () => {
    // apache2-utils 2.4: htpasswd -nbB alice 'secret of alice'
    const { backend } = bench('alice:$2y$05$y5jmGwa5ZRaQsFUcyEdtxOQBltQdvvPBEqa.WT1wNsnjYG1YvkIbC\n\n');
    assert.notEqual(await backend.authenticate({ username: 'alice', secret: 'secret of alice' }), undefined);
    assert.equal(await backend.authenticate({ username: 'alice', secret: 'secret of alicE' }), undefined);
  });
});

/** A file that can be changed, or broken. */
interface Disk {
  text: string;
  broken: string | undefined;
  looks: number;
  reads: number;
}

function bench(text: string, { taken = [] }: { taken?: readonly string[] } = {}) {
  const disk: Disk = { text, broken: undefined, looks: 0, reads: 0 };
  const clock = new StillClock();
  const hasher = new CountingHasher();
  const warnings: string[] = [];
  const check = (): void => {
    if (disk.broken !== undefined) throw Object.assign(new Error('no'), { code: disk.broken });
  };
  const source = {
    version: async () => {
      disk.looks += 1;
      check();
      return Promise.resolve(disk.text);
    },
    read: async () => {
      disk.reads += 1;
      check();
      return Promise.resolve(disk.text);
    },
  };
  const file = new HtpasswdFile(
    { source, clock, warn: (message) => void warnings.push(message) },
    { version: text, content: parseHtpasswd(text) },
  );
  const backend = new HtpasswdBackend({
    file,
    passwords: new PasswordChecks(hasher, clock, testIds),
    taken: (name) => Promise.resolve(taken.includes(name)),
    personalNamespaces: 'users/{name}/**',
  });
  return { backend, disk, clock, hasher, warnings };
}
