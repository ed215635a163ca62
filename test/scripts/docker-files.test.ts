import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { projectRoot } from '../support/project.js';

interface Compose {
  readonly version?: string;
  readonly services: Readonly<
    Record<string, { readonly ports: readonly string[]; readonly build: { readonly dockerfile?: string } }>
  >;
}

describe('docker-compose.yml and the Dockerfiles', () => {
  let compose: Compose;
  const read = (file: string) => readFile(join(projectRoot, file), 'utf8');

  before(async () => (compose = parse(await read('docker-compose.yml')) as Compose));

  it('publish on this machine only', () => {
    const ports = Object.values(compose.services).flatMap((service) => service.ports);
    assert.ok(ports.length >= 3);
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
  });

  it('need no format version, which compose v2 warns of', () => assert.equal(compose.version, undefined));

  it('run nothing as root', async () => {
    for (const { build } of Object.values(compose.services)) {
      const last = (await read(build.dockerfile ?? 'Dockerfile')).match(/^USER (.*)$/gm)?.at(-1);
      assert.match(last ?? 'none', /^USER (?!root|0)/, build.dockerfile);
    }
  });

  it('begin with images that can be replaced or are plain Debian', async () => {
    for (const { build } of Object.values(compose.services)) {
      const text = await read(build.dockerfile ?? 'Dockerfile');
      assert.match(text, /^ARG NODE_IMAGE=node:20-bookworm-slim$/m);
      for (const [, base] of text.matchAll(/^FROM (\S+)/gm))
        assert.ok(base === '${NODE_IMAGE}' || base === 'debian:bookworm-slim', base);
    }
  });
});
