import assert from 'node:assert/strict';
import { InvalidValue } from '../../src/domain/invalid-value.js';
import { RegistryError } from '../../src/errors/registry-error.js';
import { parseMirroredImage } from '../../src/mirror/mirrored-image.js';
import { upstreamOf } from './small-mirror.js';

const UPSTREAMS = [
  upstreamOf('docker.io', ['docker.io', 'index.docker.io']),
  upstreamOf('team', ['localhost:5001']),
  upstreamOf('quay.io'),
];
const HEX = '0'.repeat(64);

describe('mirror/mirrored-image', () => {
  const cases: readonly (readonly [text: string, canonical: string, name: string])[] = [
    ['docker.io/library/node:20', 'docker.io/library/node:20', 'mirror/docker.io/library/node'],
    ['docker.io/node', 'docker.io/library/node:latest', 'mirror/docker.io/library/node'],
    ['index.docker.io/node:20', 'docker.io/library/node:20', 'mirror/docker.io/library/node'],
    [`docker.io/node@sha256:${HEX}`, `docker.io/library/node@sha256:${HEX}`, 'mirror/docker.io/library/node'],
    [`docker.io/a/b:1@sha256:${HEX}`, `docker.io/a/b@sha256:${HEX}`, 'mirror/docker.io/a/b'],
    ['localhost:5001/app:v1', 'team/app:v1', 'mirror/team/app'],
    ['team/deep/app', 'team/deep/app:latest', 'mirror/team/deep/app'],
    ['quay.io/app', 'quay.io/app:latest', 'mirror/quay.io/app'],
  ];
  for (const [text, canonical, name] of cases) {
    it(text, () => {
      const image = parseMirroredImage(text, UPSTREAMS);
      assert.deepEqual([image.text, image.name], [canonical, name]);
    });
  }

  for (const text of [
    '',
    '/',
    'node',
    'node:20',
    'gcr.io/app',
    'docker.io/',
    'quay.io/App',
    'quay.io/app:',
    'quay.io/a@b',
  ])
    it(`refuses '${text}'`, () => assert.throws(() => parseMirroredImage(text, UPSTREAMS), InvalidValue));

  it('refuses what is too long below mirror/, and tells what to configure where nothing is', () => {
    const long = `quay.io/${'a/'.repeat(122)}app`;
    assert.throws(() => parseMirroredImage(long, UPSTREAMS), RegistryError);
    assert.throws(() => parseMirroredImage('a/b', []), /add one to mirror\.upstreams/);
  });
});
