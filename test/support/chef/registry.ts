import { randomBytes } from 'node:crypto';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from 'mocha';
import { Authority } from '../authority.js';
import { projectRoot } from '../project.js';
import { requireTool } from '../requirement.js';
import { temporaryDirectory } from '../temporary.js';
import { runTool } from '../tool.js';
import type { ChefHost } from './host.js';

/** Where the registry of the host listens: no loopback address, which dockerd would take for insecure. */
export const ADDRESS = '10.66.0.1';
export const REGISTRY = `${ADDRESS}:5000`;
export const ROOT_MIRROR = `${ADDRESS}:5001`;
export const SERVER = `https://${REGISTRY}`;
export const CA = '/srv/bed/tls/ca.pem';

/** Nothing may ever show these. */
export const SECRETS = {
  admin: `admin-${randomBytes(12).toString('hex')}`,
  user: `user-${randomBytes(12).toString('hex')}`,
  environment: `env-${randomBytes(12).toString('hex')}`,
} as const;
export const ADMIN_FILE = '/srv/bed/secrets/admin';
export const USER_FILE = '/srv/bed/secrets/user';

let packed: Promise<string> | undefined;

/** The tarball of the built project, as `npm pack` makes it, once a run. */
export function packedProject(context: Context): Promise<string> {
  const npm = requireTool(context, 'npm');
  packed ??= (async () => {
    const home = await temporaryDirectory('packed');
    // What `prepack` makes is there: this file is part of it.
    const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', home.path];
    const { stdout } = await runTool(npm, args, { cwd: projectRoot });
    const [tarball] = Object.values(JSON.parse(stdout) as Record<string, { filename: string }>);
    if (tarball === undefined) throw new Error(`npm pack made no tarball: ${stdout}`);
    return join(home.path, tarball.filename);
  })();
  return packed;
}

/** Gives the host the tarball, an authority with the registry's certificates `first` and `second`, and the secrets. */
export async function provideRegistry(context: Context, host: ChefHost): Promise<void> {
  const home = await temporaryDirectory('tls');
  try {
    const authority = await Authority.create(context, home.path);
    for (const name of ['first', 'second']) await authority.issue(name, name, `IP:${ADDRESS},IP:127.0.0.1`);
    await host.write('/srv/bed/tls/README', '');
    for (const name of ['ca.pem', 'first.pem', 'first.key', 'second.pem', 'second.key'])
      await copyFile(join(home.path, name), host.path(`/srv/bed/tls/${name}`));
  } finally {
    await home.remove();
  }
  await copyFile(await packedProject(context), host.path('/srv/bed/stackyard.tgz'));
  await host.write(ADMIN_FILE, `${SECRETS.admin}\n`);
  await host.write(USER_FILE, `${SECRETS.user}\n`);
}

/** The recipe of the registry; `config` is Ruby, added to the configuration, `origin` the properties of its release. */
export function serverRecipe({
  config = '',
  certificate = 'first',
  origin = "source '/srv/bed/stackyard.tgz'",
} = {}): string {
  return `
stackyard_server 'registry' do
  ${origin}
  node_path '${process.execPath}'
  config(
    server: { host: '${ADDRESS}', port: 5000, workers: 1 },
    ${config}
  )
  environment(lazy { { 'STACKYARD_ADMIN_PASSWORD' => ::File.read('${ADMIN_FILE}').chomp } })
  certificate(lazy { ::File.read('/srv/bed/tls/${certificate}.pem') })
  certificate_key(lazy { ::File.read('/srv/bed/tls/${certificate}.key') })
end`;
}

/** What the host takes for Docker Hub, as a service of its own without TLS. */
export const UPSTREAM = '127.0.0.1:5555';
export const UPSTREAM_SERVICE = 'upstream.service';

/** Starts it; needs `docker-registry`. */
export async function startUpstream(context: Context, host: ChefHost): Promise<void> {
  const program = requireTool(context, 'docker-registry');
  // JSON is YAML.
  const config = {
    version: '0.1',
    storage: { filesystem: { rootdirectory: '/srv/bed/upstream' } },
    http: { addr: UPSTREAM, secret: 'upstream' },
  };
  await host.write('/srv/bed/upstream.yml', JSON.stringify(config));
  const unit = `[Service]\nExecStart=${program} serve /srv/bed/upstream.yml\n`;
  await host.write(`/etc/systemd/system/${UPSTREAM_SERVICE}`, unit, 0o644);
  await host.run('systemctl', 'daemon-reload');
  await host.run('systemctl', 'start', UPSTREAM_SERVICE);
}

/** Makes an image that runs `command` in /bin/sh and pushes it; answers its name with the digest. */
export async function pushImage(
  host: ChefHost,
  tag: string,
  command: string,
  repository = `${REGISTRY}/team/app`,
): Promise<string> {
  const root = '/srv/bed/image';
  const programs = ['/bin/sh', '/bin/sleep', '/bin/cat'];
  // Each with the libraries that it is linked with.
  const copy = `for file in ${programs.join(' ')} $(ldd ${programs.join(' ')} | grep -o '/[^ :]*\\.so[^ :]*' | sort -u); do
    mkdir -p ${root}$(dirname $file) && cp -L $file ${root}$file; done; mkdir -p ${root}/etc/app ${root}/tmp ${root}/run`;
  const name = `${repository}:${tag}`;
  const start = `CMD ["/bin/sh","-c",${JSON.stringify(command)}]`;
  await host.run('sh', '-c', copy);
  await host.run('sh', '-c', `tar -C ${root} -c . | docker import --change '${start}' - ${name}`);
  const { stdout } = await host.run('docker', 'push', name);
  const digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1];
  if (digest === undefined) throw new Error(`docker push told no digest: ${stdout}`);
  await host.run('docker', 'rmi', name);
  return `${repository}@${digest}`;
}

/** A robot that pulls and pushes below `team`, its secret in ROBOT_FILE, and this host's trust and login. */
export const ROBOT_FILE = '/srv/bed/secrets/robot';
export const CLIENT_RECIPE = `
stackyard_robot 'web' do
  server '${SERVER}'
  ca_file '${CA}'
  admin_password_file '${ADMIN_FILE}'
  grants ['team/**:pull,push']
  secret_file '${ROBOT_FILE}'
end

stackyard_trust '${REGISTRY}' do
  ca_file '${CA}'
end

stackyard_login '${REGISTRY}' do
  username 'web'
  password_file '${ROBOT_FILE}'
end
`;
