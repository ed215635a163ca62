import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KEYSTONE_PACKAGES, missingPackages as missingOf, SWIFT_PACKAGES } from './swift/packages.mjs';

/** The programs that the tests run, and Debian's package of each. */
const PACKAGES = {
  dockerd: 'docker.io',
  docker: 'docker.io',
  skopeo: 'skopeo',
  podman: 'podman',
  buildah: 'buildah',
  'docker-registry': 'docker-registry',
  haproxy: 'haproxy',
  ip: 'iproute2',
  systemctl: 'systemd',
  ruby: 'ruby',
  rspec: 'ruby-rspec',
  rubocop: 'rubocop',
};
/** What the long tests need beside them. */
const LONG_PACKAGES = {
  'docker-compose': 'docker-compose',
  debootstrap: 'debootstrap',
  'docker-credential-pass': 'golang-docker-credential-helpers',
  pass: 'pass',
  gpg: 'gnupg',
};
// Where podman, buildah and skopeo find their policy; not every version of them depends on it.
const POLICY = { path: '/etc/containers/policy.json', package: 'golang-github-containers-common' };

const LOCK_WAIT_S = 300;

/** Debian's packages ask it whether they may start their services; 101 is no. */
const SERVICE_POLICY = '/usr/sbin/policy-rc.d';

/**
 * Installs what the tests need and is missing, on Debian and Ubuntu as root, after one line that says what. Elsewhere,
 * and with STACKYARD_TEST_INSTALL=0, it does nothing: a suite whose program is missing says so itself.
 */
export async function installTestPackages(run, { long = false } = {}) {
  const missing = missingPackages(long ? { ...PACKAGES, ...LONG_PACKAGES } : PACKAGES);
  if (missing.length === 0) return;
  if (process.env.STACKYARD_TEST_INSTALL === '0' || !isDebian() || process.getuid?.() !== 0) {
    console.log(`not installed, so their suites are left out: ${missing.join(' ')}`);
    return;
  }
  console.log(`installing for the tests (STACKYARD_TEST_INSTALL=0 stops it): ${missing.join(' ')}`);
  const result = await withoutServices(() => install(run, missing));
  if (result.code !== 0)
    console.log(`apt-get failed: ${result.output.trim().split('\n').slice(-5).join(' | ')}`);
}

async function install(run, packages) {
  const args = ['install', '-y', '--no-install-recommends', ...packages];
  const result = await aptGet(run, args);
  if (result.code === 0) return result;
  // Package lists that are missing or old make the first try fail; most machines have current ones.
  const update = await aptGet(run, ['update']);
  return update.code === 0 ? aptGet(run, args) : update;
}

/** Lets no package start a service meanwhile; a policy that the machine has already stays as it is. */
async function withoutServices(work) {
  if (existsSync(SERVICE_POLICY)) return work();
  const remove = () => rmSync(SERVICE_POLICY, { force: true });
  process.once('exit', remove);
  writeFileSync(SERVICE_POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return await work();
  } finally {
    remove();
    process.removeListener('exit', remove);
  }
}

function missingPackages(packages) {
  const wanted = Object.entries(packages).filter(([program]) => !isOnPath(program));
  const names = new Set(wanted.map(([, name]) => name));
  if (!existsSync(POLICY.path)) names.add(POLICY.package);
  for (const name of missingOf({ ...SWIFT_PACKAGES, ...KEYSTONE_PACKAGES })) names.add(name);
  return [...names].sort();
}

function isOnPath(program) {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return directories.some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return directory !== '';
    } catch {
      return false;
    }
  });
}

function isDebian() {
  if (!existsSync('/etc/os-release') || !existsSync('/usr/bin/apt-get')) return false;
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/** Runs apt-get without questions and waits while another process holds one of apt's locks. */
async function aptGet(run, args) {
  const deadline = Date.now() + LOCK_WAIT_S * 1000;
  for (;;) {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' };
    const options = ['-q', '-o', `DPkg::Lock::Timeout=${LOCK_WAIT_S}`, '-o', 'Dpkg::Use-Pty=0'];
    const child = spawn('apt-get', [...options, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => (output = (output + text).slice(-20_000)));
    const { code } = await run.watch(child);
    if (code === 0 || !/Could not get lock|Unable to lock/.test(output) || Date.now() > deadline)
      return { code, output };
    await delay(2000);
  }
}
