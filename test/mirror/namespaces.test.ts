import assert from 'node:assert/strict';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import { Namespaces, isMirrored, mirroredName } from '../../src/mirror/namespaces.js';
import { upstreamsCalled } from './known-upstreams.js';

const [hub, quay] = upstreamsCalled('docker.io', 'quay.io');
assert.ok(hub !== undefined && quay !== undefined);
const namespaces = new Namespaces([hub, quay], ['Registry.example:5000']);
const name = parseRepositoryName;

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof RegistryError) return `${error.status} ${error.code}: ${error.message}`;
    throw error;
  }
  return assert.fail('it was not refused');
}

describe('mirror/namespaces', () => {
  it('knows the repositories of its upstreams by their names', () => {
    const remote = namespaces.remoteOf(name('mirror/docker.io/library/busybox'));
    assert.equal(remote?.upstream, hub);
    assert.equal(remote?.name, 'library/busybox');
    assert.equal(namespaces.remoteOf(name('mirror/quay.io/a'))?.upstream, quay);
    for (const other of [
      'library/busybox',
      'mirror/docker.io',
      'mirror/gcr.io/a',
      'mirrors/quay.io/a',
      'mirror',
    ]) {
      assert.equal(namespaces.remoteOf(name(other)), undefined, other);
    }
  });

  it('tells what lies below mirror/, whether or not there is such an upstream', () => {
    for (const text of ['mirror/docker.io/a', 'mirror/gcr.io/a', 'mirror/a'])
      assert.ok(isMirrored(text), text);
    for (const text of ['mirror', 'mirrors/a', 'a/mirror/b']) assert.ok(!isMirrored(text), text);
  });

  it('finds what is asked for by any namespace of an upstream below it', () => {
    for (const namespace of ['docker.io', 'index.docker.io', 'registry-1.docker.io', 'Docker.IO']) {
      assert.deepEqual(namespaces.locate(name('library/x'), namespace), {
        name: 'mirror/docker.io/library/x',
        namespace: namespace.toLowerCase(),
      });
    }
    assert.deepEqual(namespaces.locate(name('mirror/quay.io/a'), 'quay.io'), {
      name: 'mirror/quay.io/mirror/quay.io/a',
      namespace: 'quay.io',
    });
  });

  it('leaves a name as it is without a namespace and with its own', () => {
    for (const namespace of [undefined, '', 'registry.example:5000', 'REGISTRY.example:5000']) {
      assert.deepEqual(namespaces.locate(name('a'), namespace), { name: 'a' });
    }
    assert.deepEqual(namespaces.locate(name('a'), 'other:1', ['x', 'Other:1']), { name: 'a' });
    assert.match(
      refusal(() => namespaces.locate(name('a'), '', ['']) && namespaces.locate(name('a'), 'x', [''])),
      /^404/,
    );
  });

  it('takes an upstream for that, whatever it is itself called', () => {
    const located = namespaces.locate(name('a'), 'quay.io', ['quay.io']);
    assert.equal(located.name, 'mirror/quay.io/a');
  });

  it('refuses any other namespace, in a message of bounded length', () => {
    assert.equal(
      refusal(() => namespaces.locate(name('a'), 'gcr.io')),
      "404 NAME_UNKNOWN: this registry does not mirror 'gcr.io', which ns names",
    );
    assert.ok(refusal(() => namespaces.locate(name('a'), 'x'.repeat(10_000))).length < 400);
  });

  it('refuses a name that is too long below its upstream', () => {
    const longest = name('a'.repeat(255 - 'mirror/quay.io/'.length));
    assert.equal(mirroredName(quay, longest).length, 255);
    assert.equal(
      refusal(() => namespaces.locate(name(`${longest}a`), 'quay.io')),
      '400 NAME_INVALID: with mirror/quay.io/ before it, a repository name has at most 255 characters',
    );
  });
});
