import { randomBytes } from 'node:crypto';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEYSTONE_ADMIN } from './accounts.mjs';
import { withSettings } from './ini.mjs';
import { run } from './run.mjs';

/** The settings of a Keystone with SQLite and fernet tokens. */
export function keystoneFiles({ root, ports, settings }) {
  const home = join(root, 'keystone');
  const files = {
    keystone: {
      // Without a public endpoint its links follow the name by which it was asked.
      DEFAULT: { use_stderr: 'true' },
      database: {
        // Its two processes wait for each other longer than the 5 s that a busy disk may take for a commit.
        connection: `sqlite:///${join(home, 'keystone.sqlite')}?timeout=60`,
        sqlite_synchronous: 'false',
      },
      cache: {
        enabled: 'true',
        backend: 'dogpile.cache.memcached',
        memcache_servers: `127.0.0.1:${ports.memcached}`,
      },
      token: { provider: 'fernet', expiration: 3600 },
      fernet_tokens: { key_repository: join(home, 'fernet') },
      fernet_receipts: { key_repository: join(home, 'fernet') },
      credential: { key_repository: join(home, 'credential') },
      // The cheapest that bcrypt allows: these passwords protect nothing.
      identity: { password_hash_rounds: 4 },
    },
  };
  return withSettings(files, settings);
}

export function keystoneCommand({ root, ports, listen }) {
  return {
    command: '/usr/bin/uwsgi_python3',
    args: [
      ...['--http-socket', `${listen}:${ports.keystone}`, '--wsgi-file', '/usr/bin/keystone-wsgi-public'],
      ...['--need-app', '--master', '--die-on-term', '--processes', '2', '--buffer-size', '65535'],
      ...['--enable-threads', '--disable-logging', '--procname-prefix-spaced', 'keystone'],
      // This socket closes after each answer and does not say so, which a client with keep-alive takes for a failure.
      ...['--add-header', 'Connection: close'],
    ],
    env: { OS_KEYSTONE_CONFIG_FILES: join(root, 'etc', 'keystone.conf') },
  };
}

/** Makes the keys, the database and its first administrator, once. */
export async function prepareKeystone(root, env) {
  const home = join(root, 'keystone');
  const done = join(home, 'prepared');
  if (await exists(done)) return;
  for (const repository of ['fernet', 'credential']) await writeKeys(join(home, repository));
  const file = join(root, 'etc', 'keystone.conf');
  const manage = (...args) => run('/usr/bin/keystone-manage', ['--config-file', file, ...args], env);
  await manage('db_sync');
  await manage(
    'bootstrap',
    ...['--bootstrap-username', KEYSTONE_ADMIN.user, '--bootstrap-password', KEYSTONE_ADMIN.password],
    ...['--bootstrap-project-name', KEYSTONE_ADMIN.project, '--bootstrap-role-name', 'admin'],
    ...['--bootstrap-service-name', 'keystone', '--bootstrap-region-id', 'RegionOne'],
  );
  await writeFile(done, '');
}

/** A repository of fernet keys: the staged one (0) and the primary. */
async function writeKeys(repository) {
  await mkdir(repository, { recursive: true, mode: 0o700 });
  for (const name of ['0', '1']) {
    const key = randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    await writeFile(join(repository, name), key, { mode: 0o600 });
  }
}

async function exists(path) {
  return access(path).then(
    () => true,
    () => false,
  );
}
