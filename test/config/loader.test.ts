import assert from 'node:assert/strict';
import { loadConfig } from '../../src/config/index.js';
import { load, problems, type Given } from './load.js';

describe('config/loader', () => {
  describe('values', () => {
    it('has these defaults', () => {
      assert.deepEqual(load({}), {
        archives: { maxBytes: 64 * 1024 ** 3, maxEntries: 20_000 },
        audit: { keep: 90 * 24 * 60 * 60_000, strict: [] },
        server: {
          host: '127.0.0.1',
          port: 5000,
          workers: 1,
          maxRequestsInFlight: 1024,
          drainDelay: 0,
          drainTimeout: 30_000,
          headersTimeout: 60_000,
          keepAliveTimeout: 95_000,
          trustedProxies: [],
          bodyIdleTimeout: 120_000,
          tls: {},
        },
        storage: {
          driver: 'filesystem',
          filesystem: { root: './data' },
          swift: {
            container: 'stackyard',
            v1: {},
            interface: 'public',
            segmentBytes: 64 * 2 ** 20,
            connectTimeout: 10_000,
            requestTimeout: 60_000,
            retryFor: 15_000,
            redirect: { enabled: false, clients: [], repositories: [], maxAge: 300_000 },
          },
        },
        registry: {
          delete: true,
          immutableTags: [],
          references: 'required',
          maxManifestBytes: 4 * 2 ** 20,
          maxTagsPerPut: 20,
          maxPageSize: 1000,
        },
        cache: { maxAge: 5000, manifestBytes: 64 * 2 ** 20 },
        uploads: { maxAge: 6 * 86_400_000, purgeAfter: 8 * 86_400_000, purgeEvery: 86_400_000 },
        auth: {
          mode: 'token',
          allowOpen: false,
          service: 'stackyard',
          tokenMaxAge: 5 * 60_000,
          refreshMaxAge: 90 * 86_400_000,
          anonymousPull: [],
          adminPasswordFile: './stackyard-admin-password',
          logins: { failures: 20, window: 5 * 60_000 },
          htpasswd: {},
          keystone: {
            domain: 'Default',
            namespace: '{project}/**',
            roles: ['reader=pull', 'member=pull,push', 'admin=pull,push,delete'],
            projects: [],
            timeout: 5000,
          },
          external: {},
        },
        mirror: {
          upstreams: [],
          root: { upstream: 'docker.io', host: '127.0.0.1', names: [], networks: [] },
          tagMaxAge: 60_000,
          missingMaxAge: 30_000,
          staleAfter: 3000,
          connectTimeout: 5000,
          answerTimeout: 20_000,
          idleTimeout: 60_000,
          maxBlobBytes: 64 * 1024 ** 3,
          maxConnections: 16,
          keep: 0,
          warm: { images: [], platforms: ['linux/amd64'], every: 0 },
        },
        log: { level: 'info' },
      });
    });

    it('reads every kind of value from the file', () => {
      const { server, storage, registry, cache } = load({
        yaml: `
server: {workers: auto, drainTimeout: 500ms, port: 0}
storage: {filesystem: {root: /srv}, shared: true}
registry: {delete: false, maxManifestBytes: 8388608}
cache: {maxAge: 0s, manifestBytes: 1KiB}`,
      });
      assert.deepEqual([server.workers, server.drainTimeout, server.port], ['auto', 500, 0]);
      assert.deepEqual([storage.filesystem.root, storage.shared], ['/srv', true]);
      assert.deepEqual([registry.delete, registry.maxManifestBytes], [false, 8 * 2 ** 20]);
      assert.deepEqual(cache, { maxAge: 0, manifestBytes: 1024 });
    });

    it('reads every kind of value from the environment', () => {
      const { server, storage, registry, cache } = load({
        env: {
          STACKYARD_SERVER_WORKERS: '4',
          STACKYARD_SERVER_MAX_REQUESTS_IN_FLIGHT: '7',
          STACKYARD_STORAGE_FILESYSTEM_ROOT: '/srv',
          STACKYARD_STORAGE_SHARED: 'false',
          STACKYARD_REGISTRY_DELETE: 'false',
          STACKYARD_REGISTRY_MAX_MANIFEST_BYTES: '5MiB',
          STACKYARD_CACHE_MAX_AGE: '1m',
        },
      });
      assert.deepEqual([server.workers, server.maxRequestsInFlight], [4, 7]);
      assert.deepEqual([storage.filesystem.root, storage.shared], ['/srv', false]);
      assert.deepEqual([registry.delete, registry.maxManifestBytes], [false, 5 * 2 ** 20]);
      assert.equal(cache.maxAge, 60_000);
    });

    it('reads lists from both, with one problem for all that is wrong in one', () => {
      const yaml = 'storage: {swift: {redirect: {clients: [10.0.0.0/8, "::1"], repositories: []}}}';
      assert.deepEqual(load({ yaml }).storage.swift.redirect.clients, ['10.0.0.0/8', '::1/128']);
      const name = 'STACKYARD_STORAGE_SWIFT_REDIRECT_REPOSITORIES';
      const patterns = 'team/*, open/**,a/b*c';
      const { redirect } = load({ yaml, env: { [name]: patterns } }).storage.swift;
      assert.deepEqual(redirect.repositories, ['team/*', 'open/**', 'a/b*c']);
      for (const bad of ['A/b', 'a//b', '/a', 'a**', 'a,,b', 'a b']) {
        const [line = '', ...more] = problems({ env: { [name]: bad } });
        assert.ok(
          line.startsWith(`storage.swift.redirect.repositories (${name}): '${bad}' is not accepted`),
          line,
        );
        assert.deepEqual(more, []);
      }
      for (const bad of ['10.0.0.0/33', '::1/129', 'host', '10.0.0.0/', '', '10.0.0/8', 'fe80::1%eth0/64']) {
        const wrong = `storage: {swift: {redirect: {clients: ["${bad}", "${bad}"]}}}`;
        const [line = '', ...more] = problems({ yaml: wrong });
        assert.match(
          line,
          /^storage\.swift\.redirect\.clients \(stackyard\.yaml:1\): .* is not accepted; give a list/,
        );
        assert.deepEqual(more, []);
      }
    });

    it('is frozen at every depth', () => {
      const config = load({});
      for (const section of [config, config.server, config.storage.filesystem]) {
        assert.ok(Object.isFrozen(section));
      }
    });

    it('takes empty files, sections and variables as nothing given', () => {
      const defaults = load({});
      assert.deepEqual(load({ yaml: '' }), defaults);
      assert.deepEqual(load({ yaml: '# all off\nserver:\nstorage:\n  filesystem:\n' }), defaults);
      assert.deepEqual(load({ env: { PORT: '', STACKYARD_SERVER_HOST: '', STACKYARD_NONE: '' } }), defaults);
    });

    it('follows aliases', () => {
      const config = load({ yaml: 'uploads: {purgeEvery: &day 1d}\ncache: {maxAge: *day}' });
      assert.equal(config.cache.maxAge, 86_400_000);
    });
  });

  describe('precedence', () => {
    it('is default, file, PORT and HOST, STACKYARD_ variable', () => {
      const yaml = 'server: {port: 1, host: "::1"}';
      assert.equal(load({ yaml }).server.port, 1);
      assert.equal(load({ yaml, env: { PORT: '2' } }).server.port, 2);
      assert.equal(load({ yaml, env: { PORT: '2', STACKYARD_SERVER_PORT: '3' } }).server.port, 3);
      assert.equal(load({ yaml }).server.host, '::1');
      assert.equal(load({ yaml, env: { HOST: 'localhost' } }).server.host, 'localhost');
    });

    it('of files is --config, STACKYARD_CONFIG, ./stackyard.yaml', () => {
      const files = { '/a.yaml': 'server: {port: 1}', '/etc/app/b.yaml': 'server: {port: 2}' };
      const yaml = 'server: {port: 3}';
      const env = { STACKYARD_CONFIG: 'b.yaml' };
      assert.equal(load({ files, yaml, env, configPath: '/a.yaml' }).server.port, 1);
      assert.equal(load({ files, yaml, env }).server.port, 2);
      assert.equal(load({ files, yaml }).server.port, 3);
    });
  });

  describe('refuses in one line each', () => {
    const cases: [what: string, given: Given, expected: readonly string[]][] = [
      [
        'an unknown key, with the nearest',
        { yaml: 'server:\n  prot: 1' },
        ['server.prot (stackyard.yaml:2): there is no such key; did you mean server.port?'],
      ],
      [
        'an unknown section',
        { yaml: 'storag: {driver: memory}' },
        ['storag (stackyard.yaml:1): there is no such key; did you mean storage?'],
      ],
      [
        'a key written flat',
        { yaml: 'server.port: 1' },
        ['server.port (stackyard.yaml:1): there is no such key; write server: and below it port:'],
      ],
      [
        'an unknown variable, with the nearest',
        { env: { STACKYARD_SERVER_PROT: '1' } },
        [
          'STACKYARD_SERVER_PROT (environment): there is no such variable; did you mean STACKYARD_SERVER_PORT?',
        ],
      ],
      [
        'a wrong type in the file',
        { yaml: 'server:\n  port: abc' },
        ["server.port (stackyard.yaml:2): 'abc' is not accepted; give a whole number from 0 to 65535"],
      ],
      [
        'a number where text is needed',
        { yaml: 'server: {host: 3}' },
        ['server.host (stackyard.yaml:1): 3 is not accepted; give text that is not empty'],
      ],
      [
        'a map where a value is needed',
        { yaml: 'log: {level: {a: 1}}' },
        [
          'log.level (stackyard.yaml:1): { a: 1 } is not accepted; give one of debug, info, warn, error, silent',
        ],
      ],
      [
        'a value where a section is needed',
        { yaml: 'storage: memory' },
        ['storage (stackyard.yaml:1): it is a section; put its keys below it, such as storage.driver'],
      ],
      [
        'a key without value',
        { yaml: 'server:\n  port:\n' },
        ['server.port (stackyard.yaml:2): it has no value; give one or remove the line'],
      ],
      [
        'a wrong variable, by the name that was set',
        { env: { PORT: '65536' } },
        ["server.port (PORT): '65536' is not accepted; give a whole number from 0 to 65535"],
      ],
      [
        'a duration without unit',
        { yaml: 'cache: {maxAge: 5}' },
        [
          'cache.maxAge (stackyard.yaml:1): 5 is not accepted; give a duration: a whole number and ms, s, m, h or d, such as 30s',
        ],
      ],
      [
        'a manifest limit below 4 MiB',
        { env: { STACKYARD_REGISTRY_MAX_MANIFEST_BYTES: '4194303' } },
        [
          "registry.maxManifestBytes (STACKYARD_REGISTRY_MAX_MANIFEST_BYTES): '4194303' is not accepted; give a size of at least 4MiB: a whole number and B, KiB, MiB or GiB, such as 64MiB",
        ],
      ],
      [
        'a duplicate key',
        { yaml: 'server:\n  port: 1\n  host: "::1"\n  port: 2' },
        ['stackyard.yaml:4: the key port is given twice; remove one'],
      ],
      [
        'a YAML error',
        { yaml: 'server:\n\tport: 1' },
        ['stackyard.yaml:2: Tabs are not allowed as indentation; correct the YAML'],
      ],
      [
        'a file that is a list',
        { yaml: '- server' },
        ['stackyard.yaml: this is no configuration; write keys such as "server:" at the top'],
      ],
      [
        'a missing file of --config',
        { configPath: 'x.yaml' },
        ['x.yaml (--config): there is no such file; give a readable file'],
      ],
      [
        'a missing file of STACKYARD_CONFIG',
        { env: { STACKYARD_CONFIG: '/x.yaml' } },
        ['/x.yaml (STACKYARD_CONFIG): there is no such file; give a readable file'],
      ],
      [
        'an open server',
        { env: { HOST: '0.0.0.0', STACKYARD_AUTH_MODE: 'none' } },
        [
          "server.host (HOST): '0.0.0.0' is reached from other machines and with auth.mode none everybody there may push and delete; set auth.allowOpen: true (STACKYARD_AUTH_ALLOW_OPEN=true) to permit that",
        ],
      ],
      [
        'a purge that is too early',
        { yaml: 'uploads: {maxAge: 7d}' },
        [
          'uploads.purgeAfter (default): 8d is less than uploads.maxAge + 2d and could purge a running upload; set it to 9d or more',
        ],
      ],
      [
        'workers that would not share their memory',
        { env: { STACKYARD_STORAGE_DRIVER: 'memory', STACKYARD_SERVER_WORKERS: '2' } },
        [
          'server.workers (STACKYARD_SERVER_WORKERS): 2 workers cannot share storage.driver memory; set server.workers: 1 or storage.driver: filesystem',
        ],
      ],
    ];
    for (const [what, given, expected] of cases) {
      it(what, () => assert.deepEqual(problems(given), expected));
    }

    it('other values that would do harm', () => {
      const harmful: [string, string][] = [
        ['STACKYARD_SERVER_WORKERS', '0'],
        ['STACKYARD_SERVER_WORKERS', 'many'],
        ['STACKYARD_SERVER_PORT', '1e3'],
        ['STACKYARD_SERVER_MAX_REQUESTS_IN_FLIGHT', '0'],
        ['STACKYARD_SERVER_HEADERS_TIMEOUT', '0s'],
        ['STACKYARD_UPLOADS_PURGE_EVERY', '25d'], // a timer would fire at once
        ['STACKYARD_STORAGE_DRIVER', 'swfit'],
        ['STACKYARD_STORAGE_SWIFT_CONTAINER', 'a/b'],
        ['STACKYARD_STORAGE_SWIFT_SEGMENT_BYTES', '1023KiB'],
        ['STACKYARD_STORAGE_SWIFT_SEGMENT_BYTES', '5GiB'],
        ['STACKYARD_STORAGE_SWIFT_REDIRECT_MAX_AGE', '6m'],
        ['STACKYARD_STORAGE_SWIFT_AUTH_URL', 'keystone.example:5000'],
        ['STACKYARD_STORAGE_SWIFT_INTERFACE', 'outside'],
        ['STACKYARD_AUTH_ALLOW_OPEN', 'yes'],
      ];
      for (const [name, value] of harmful) {
        const [problem, ...more] = problems({ env: { [name]: value } });
        assert.match(problem ?? '', new RegExp(`\\(${name}\\): '${value}' is not accepted; give `));
        assert.deepEqual(more, []);
      }
    });

    it('all problems of all sources at once', () => {
      const yaml = 'server:\n  prot: 1\n  port: abc\nauth: {mode: no}\n';
      const lines = problems({ yaml, env: { STACKYARD_LOG_LEVEL: 'loud', STACKYARD_X: '1' } });
      assert.deepEqual(
        lines.map((line) => line.split(':', 2).join(':').split(')')[0]),
        [
          'server.prot (stackyard.yaml:2',
          'STACKYARD_X (environment',
          'server.port (stackyard.yaml:3',
          'auth.mode (stackyard.yaml:4',
          'log.level (STACKYARD_LOG_LEVEL',
        ],
      );
      for (const line of lines) assert.ok(!line.includes('\n'), line);
    });

    it('a file that cannot be read, by its reason', () => {
      const readFile = (): string => {
        throw Object.assign(new Error('no'), { code: 'EACCES' });
      };
      assert.throws(() => loadConfig({ env: {}, cwd: '/', readFile }), {
        problems: ['stackyard.yaml (found here): it cannot be read (EACCES); give a readable file'],
      });
    });

    it('nothing that follows only from a file that was not understood', () => {
      const lines = problems({ yaml: 'auth: {allowOpen: true', env: { HOST: '0.0.0.0' } });
      assert.ok(lines.length > 0);
      for (const line of lines) assert.match(line, /^stackyard\.yaml:1: /);
    });
  });

  it('leaves the variables alone that are not of the schema', () => {
    const env = { STACKYARD_TEST_SWIFT: 'y', PATH: '/bin', STACKYARDX: 'z' };
    assert.deepEqual(load({ env }), load({}));
  });

  it('knows loopback addresses from others', () => {
    for (const host of ['127.0.0.1', '127.8.9.1', '::1', 'localhost', '::ffff:127.0.0.1']) {
      assert.equal(load({ env: { HOST: host } }).server.host, host);
    }
    for (const host of [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      'registry.example',
      '127.0.0.1.example',
      '::ffff:10.0.0.1',
    ]) {
      const env = { HOST: host, STACKYARD_AUTH_MODE: 'none' };
      assert.equal(problems({ env }).length, 1, host);
      const open = load({ env: { ...env, STACKYARD_AUTH_ALLOW_OPEN: 'true' } });
      assert.equal(open.server.host, host);
    }
  });
});
