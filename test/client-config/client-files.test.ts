import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { mergedPaths } from '../../src/client-config/engine-files.js';
import { nextSteps } from '../../src/client-config/next-steps.js';
import { answerOf, expectedOf, FIXTURES, type Asked } from './fixtures.js';

/** All files of its kind beside a path. */
const siblings = (path: string): string => path.replace(/[^/]*\.toml$/, '*.toml');
const REGISTRY = 'registry.example:5000';

describe('files of container engines', () => {
  for (const fixture of FIXTURES)
    it(fixture.name, () => assert.deepEqual(answerOf(fixture), expectedOf(fixture)));

  it('has fixtures of files and of refusals for each engine', () => {
    for (const engine of ['docker', 'containerd', 'podman', 'crio', 'buildkit', 'kubernetes']) {
      const ofEngine = FIXTURES.filter((each) => each.engine === engine);
      assert.ok(
        ofEngine.some((each) => 'files' in each && each.files.length > 0),
        engine,
      );
    }
    assert.ok(FIXTURES.filter((each) => 'error' in each).length > 60);
  });

  it('changes nothing the second time', () => {
    for (const fixture of FIXTURES) {
      if ('error' in fixture) continue;
      const written = Object.fromEntries(fixture.files.map(({ path, content }) => [path, content]));
      const again = { ...fixture, existing: { ...fixture.existing, ...written } };
      assert.deepEqual(answerOf(again), { files: fixture.files }, fixture.name);
    }
  });

  it('asks for the files that it merges, and for no other', () => {
    for (const fixture of FIXTURES) {
      if ('error' in fixture) continue;
      const paths = mergedPaths(fixture.engine, fixture.setup);
      assert.ok(
        Object.keys(fixture.existing).every((path) => paths.includes(path) || paths.includes(siblings(path))),
        fixture.name,
      );
    }
    const login = { username: 'ci', password: 'pw' };
    assert.deepEqual(mergedPaths('docker', { registry: REGISTRY, login }), ['/root/.docker/config.json']);
    assert.deepEqual(mergedPaths('docker', { registry: REGISTRY, http: true }), ['/etc/docker/daemon.json']);
    assert.deepEqual(mergedPaths('podman', { registry: REGISTRY, http: true }), []);
  });

  it('tells no login, of the setup or of a file, in a refusal', () => {
    for (const fixture of FIXTURES) {
      const answer = answerOf(fixture);
      if ('error' in answer)
        assert.doesNotMatch(answer.error, /hunter2|aHVudGVy|pa:ss|Y2k6|\n/, fixture.name);
    }
  });

  it('refuses numbers that JavaScript cannot keep', () => {
    for (const number of ['9007199254740993', '-9007199254740993', '1e400']) {
      const existing = { '/etc/docker/daemon.json': `{"x": [${number}]}` };
      assert.deepEqual(answerOf({ engine: 'docker', setup: { registry: REGISTRY, http: true }, existing }), {
        error:
          '/etc/docker/daemon.json: it holds a number that would be changed on the way; set the members by hand',
      });
    }
  });

  it('keeps members that objects inherit', () => {
    const existing = { '/root/.docker/config.json': '{"__proto__": {"a": 1}, "toString": 2}' };
    const login = { username: 'ci', password: 'pw' };
    const answer = answerOf({ engine: 'docker', setup: { registry: REGISTRY, login }, existing });
    assert.ok('files' in answer);
    assert.match(
      answer.files[0]?.content ?? '',
      /^\{\n {2}"__proto__": \{\n {4}"a": 1\n {2}\},\n {2}"toString": 2,/,
    );
  });

  it('makes a pull secret that decodes to the login', () => {
    const login = { username: 'ci', password: 'p:w' };
    const asked: Asked = {
      engine: 'kubernetes',
      setup: { registry: REGISTRY, login, secret: { name: '1e3', namespace: 'null' } },
      existing: {},
    };
    const answer = answerOf(asked);
    assert.ok('files' in answer);
    const secret = parse(answer.files[0]?.content ?? '') as {
      metadata: unknown;
      data: Record<string, string>;
    };
    assert.deepEqual(secret.metadata, { name: '1e3', namespace: 'null' });
    const config = Buffer.from(secret.data['.dockerconfigjson'] ?? '', 'base64').toString();
    assert.deepEqual(JSON.parse(config), {
      auths: { [REGISTRY]: { auth: Buffer.from('ci:p:w').toString('base64') } },
    });
  });

  it('tells to reload only what has to be', () => {
    assert.deepEqual(nextSteps('docker', ['/etc/docker/certs.d/r/ca.crt', '/root/.docker/config.json']), []);
    assert.deepEqual(nextSteps('docker', ['/etc/docker/daemon.json']), [
      'systemctl reload docker',
      'docker info',
    ]);
    assert.deepEqual(nextSteps('containerd', ['/etc/containerd/certs.d/docker.io/hosts.toml']), []);
    assert.deepEqual(nextSteps('containerd', ['/etc/containerd/config.toml']), [
      'systemctl restart containerd',
    ]);
    assert.deepEqual(
      nextSteps('podman', ['/etc/containers/registries.conf.d/50-stackyard-docker.io.conf']),
      [],
    );
    assert.deepEqual(nextSteps('crio', ['/etc/containers/registries.conf.d/50-stackyard-docker.io.conf']), [
      'systemctl reload crio',
    ]);
    assert.deepEqual(
      nextSteps('crio', [
        '/etc/containers/registries.conf.d/50-stackyard-docker.io.conf',
        '/etc/crio/crio.conf.d/50-stackyard.conf',
      ]),
      ['systemctl restart crio'],
    );
    assert.deepEqual(nextSteps('crio', ['/etc/crio/stackyard-auth.json']), []);
    assert.deepEqual(nextSteps('buildkit', ['/etc/buildkit/buildkitd.toml']), ['systemctl restart buildkit']);
  });
});
