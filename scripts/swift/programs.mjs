import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keystoneCommand } from './keystone.mjs';

const PYTHON = fileURLToPath(new URL('python', import.meta.url));
const MEMCACHED_MIB = 64;

/** Debian's Python and programs, whatever else the machine has; nothing of the caller's proxies and settings. */
export function environmentOfPrograms(root) {
  return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', HOME: root, PYTHONPATH: PYTHON };
}

/**
 * The programs of a bed in the order of their start: `name`, `command`, `args`, `env`, the `files` whose change means a
 * restart, the `port` where it answers, and the `health` path of those that speak HTTP.
 */
export function programs(plan) {
  const { root, ports, proxies, keystone } = plan;
  const names = Object.keys(proxies);
  const main = (name, file, more) => swift(root, '', { name, program: name, file, ...more });
  return {
    caches: ['memcached', ...names.map((name) => `${name}-memcached`)].map((name) =>
      memcached(name, ports[name]),
    ),
    servers: [
      ...(keystone
        ? [
            {
              name: 'keystone',
              ...keystoneCommand(plan),
              files: ['keystone.conf'],
              port: ports.keystone,
              health: '/v3',
            },
          ]
        : []),
      ...['account', 'container', 'object', 'proxy'].map((kind) =>
        main(`${kind}-server`, `${kind}-server`, server(ports[kind])),
      ),
      ...names.flatMap((name) =>
        ['container', 'proxy'].map((kind) =>
          swift(root, name, {
            name: `${name}-${kind}`,
            program: `${kind}-server`,
            file: `${kind}-server`,
            ...server(ports[`${name}-${kind}`]),
          }),
        ),
      ),
    ],
    daemons: [
      main('container-updater', 'container-server'),
      main('object-updater', 'object-server'),
      main('object-expirer', 'object-expirer'),
    ],
  };
}

function server(port) {
  return { port, health: '/healthcheck' };
}

function memcached(name, port) {
  const user = process.getuid() === 0 ? ['-u', 'nobody'] : [];
  const args = [...user, '-l', '127.0.0.1', '-p', `${port}`, '-U', '0', '-m', `${MEMCACHED_MIB}`];
  return { name, command: '/usr/bin/memcached', args, files: [], port };
}

/** One of Swift's programs with the swift.conf and the FILE.conf of a folder below `root`/etc. */
function swift(root, folder, { name, program, file, ...more }) {
  const directory = join(root, 'etc', folder);
  const args = [join('/usr/bin', `swift-${program}`), join(directory, `${file}.conf`), '-v'];
  return {
    name,
    command: '/usr/bin/python3',
    args: [join(PYTHON, 'launch.py'), directory, ...args],
    files: ['swift.conf', `${file}.conf`].map((own) => join(folder, own)),
    ...more,
  };
}
