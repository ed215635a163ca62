import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { projectRoot } from './support/project.js';

/** Which folder may import which; a folder may always import itself. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  'src/main.ts': ['src/cli'],
  'src/cli': ['src/composition', 'src/api', 'src/client-config'],
  'src/client-config': ['src/domain', 'src/errors'],
  'src/composition': [
    'src/admin',
    'src/api',
    'src/archive',
    'src/audit',
    'src/auth',
    'src/client',
    'src/config',
    'src/domain',
    'src/errors',
    'src/http',
    'src/jobs',
    'src/mirror',
    'src/ports',
    'src/registry',
    'src/storage',
    'storage-drivers',
  ],
  'src/http': [
    'src/registry',
    'src/auth',
    'src/admin',
    'src/api',
    'src/mirror',
    'src/ports',
    'src/domain',
    'src/errors',
  ],
  'src/admin': [
    'src/auth',
    'src/mirror',
    'src/registry',
    'src/api',
    'src/archive',
    'src/audit',
    'src/ports',
    'src/domain',
    'src/errors',
  ],
  'src/api': ['src/ports', 'src/domain'],
  'src/client': ['src/api', 'src/domain'],
  'src/archive': ['src/registry', 'src/ports', 'src/domain', 'src/errors'],
  'src/audit': ['src/ports', 'src/domain', 'src/errors'],
  'src/mirror': ['src/registry', 'src/ports', 'src/domain', 'src/errors'],
  'src/jobs': ['src/registry', 'src/ports', 'src/domain', 'src/errors'],
  'src/registry': ['src/ports', 'src/domain', 'src/errors'],
  'src/auth': ['src/ports', 'src/domain', 'src/errors'],
  'src/storage': ['src/ports', 'src/domain'],
  'src/config': ['src/domain'],
  'src/ports': ['src/domain'],
  'src/errors': ['src/domain'],
  'src/domain': [],
  'storage-drivers': ['src/ports', 'src/domain'],
};

/** Time, randomness and the environment come as arguments; these two folders hold their sources. */
const SOURCES_OF_CHANCE = ['src/composition', 'src/config'];
const CHANCE =
  /\b(?:Date\.now|new Date\(\)|performance\.now|Math\.random|randomUUID|randomBytes|process\.env)\b|new Date\(\)/;

/** The client libraries of the drivers that have one. */
const DRIVER_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'storage-drivers/swift/pkgcloud-identity.ts': [
    'pkgcloud',
    'pkgcloud/lib/pkgcloud/openstack/context/index.js',
  ],
  'storage-drivers/swift/': ['undici'],
};

const MOST_LINES = 260;

describe('architecture', () => {
  const files = ['src', 'storage-drivers'].flatMap(sourcesBelow);

  it('finds the sources', () => assert.ok(files.length > 50, `${files.length} files`));

  it('has only the arrows of the plan', () => {
    const forbidden = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => !isAllowed(file, target))
        .map((target) => `${file} imports ${target}`),
    );
    assert.deepEqual(forbidden, []);
  });

  it('lets drivers use nothing but node and their own client library', () => {
    const foreign = files
      .filter(
        (file) => file.startsWith('storage-drivers/') && !file.startsWith('storage-drivers/driver-suite/'),
      )
      .flatMap((file) =>
        packagesOf(file)
          .filter((name) => !driverPackagesOf(file).includes(name))
          .map((name) => `${file} imports ${name}`),
      );
    assert.deepEqual(foreign, []);
  });

  it('keeps domain free of packages and of node', () => {
    const foreign = files
      .filter((file) => file.startsWith('src/domain/'))
      .flatMap((file) =>
        [...packagesOf(file), ...nodeModulesOf(file)].map((name) => `${file} imports ${name}`),
      );
    assert.deepEqual(foreign, []);
  });

  it('reads time, randomness and the environment in two folders only', () => {
    const impure = files
      .filter(
        (file) =>
          !SOURCES_OF_CHANCE.includes(roomOf(file)) && !file.startsWith('storage-drivers/driver-suite/'),
      )
      .filter((file) => CHANCE.test(read(file)));
    assert.deepEqual(impure, []);
  });

  it('keeps every file one noun long', () => {
    const long = files
      .map((file) => ({ file, lines: read(file).split('\n').length }))
      .filter(({ file, lines }) => lines > MOST_LINES && !file.startsWith('storage-drivers/driver-suite/'));
    assert.deepEqual(long, []);
  });

  it('builds storage keys in domain/keys.ts alone', () => {
    const builders = files
      .filter((file) => file !== 'src/domain/keys.ts' && !file.startsWith('storage-drivers/driver-suite/'))
      .filter((file) => /['"`](?:docker\/registry|stackyard\/v1)/.test(read(file)));
    assert.deepEqual(builders, []);
  });
});

function sourcesBelow(folder: string): string[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => posix.join(folder, name));
}

function read(file: string): string {
  return readFileSync(join(projectRoot, file), 'utf8');
}

function specifiersOf(file: string): string[] {
  const found = read(file).matchAll(/(?:\bfrom\s+|\bimport\s*\(\s*|^import\s+)'([^']+)'/gm);
  return [...found].map((match) => match[1] ?? '');
}

function importsOf(file: string): string[] {
  return specifiersOf(file)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(file), name));
}

function packagesOf(file: string): string[] {
  return specifiersOf(file).filter((name) => !name.startsWith('.') && !name.startsWith('node:'));
}

function nodeModulesOf(file: string): string[] {
  return specifiersOf(file).filter((name) => name.startsWith('node:'));
}

function roomOf(path: string): string {
  const [top = '', room = ''] = path.split('/');
  if (top !== 'src') return top;
  return room.endsWith('.ts') || room.endsWith('.js') ? `src/${room.replace(/\.js$/, '.ts')}` : `src/${room}`;
}

function driverPackagesOf(file: string): readonly string[] {
  return Object.entries(DRIVER_PACKAGES).flatMap(([place, names]) => (file.startsWith(place) ? names : []));
}

function isAllowed(file: string, target: string): boolean {
  const from = roomOf(file);
  const to = roomOf(target);
  return from === to || (ARROWS[from] ?? []).includes(to);
}
