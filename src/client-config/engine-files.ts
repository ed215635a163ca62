import { BUILDKIT_CONFIG, buildkitConfig } from './buildkit-config.js';
import { PUBLIC, type ClientFile, type ExistingFiles } from './client-file.js';
import { CONTAINERD_CONFIG, containerdConfig } from './containerd-config.js';
import { CONTAINERD_IMPORTS } from './containerd-imports.js';
import { CRIO_LOGIN, crioLogin } from './crio-config.js';
import { DAEMON_JSON, daemonJson, needsDaemonJson } from './daemon-json.js';
import { hostsFiles } from './hosts-toml.js';
import { containersLoginPath, dockerLoginPath, loginFile } from './login-file.js';
import { pullSecret } from './pull-secret.js';
import { registriesFiles } from './registries-conf.js';
import { parseSetup, type GivenSetup, type Setup } from './setup.js';

interface EngineFiles {
  /** The files that are merged with what is there, or looked at for it; `DIRECTORY/*.toml` stands for all of them. */
  readonly merged: (setup: Setup) => readonly string[];
  /** In the order in which they are to be written. */
  readonly files: (setup: Setup, existing: ExistingFiles) => readonly ClientFile[];
}

const ENGINE_FILES = {
  docker: {
    merged: (setup) => [
      ...(needsDaemonJson(setup) ? [DAEMON_JSON] : []),
      ...ofLogin(setup, dockerLoginPath(setup)),
    ],
    files: (setup, existing) => [
      ...daemonJson(setup, existing),
      ...dockerCertificates(setup),
      ...loginFile(dockerLoginPath(setup), setup, existing),
    ],
  },
  containerd: {
    merged: (setup) => [CONTAINERD_CONFIG, CONTAINERD_IMPORTS, ...ofLogin(setup, dockerLoginPath(setup))],
    files: (setup, existing) => [
      ...hostsFiles(setup),
      ...containerdConfig(existing),
      ...loginFile(dockerLoginPath(setup), setup, existing),
    ],
  },
  podman: {
    merged: (setup) => ofLogin(setup, containersLoginPath(setup)),
    files: (setup, existing) => [
      ...registriesFiles(setup),
      ...loginFile(containersLoginPath(setup), setup, existing),
    ],
  },
  crio: {
    merged: (setup) => ofLogin(setup, CRIO_LOGIN),
    files: (setup, existing) => {
      const logins = crioLogin(setup, existing);
      return [...registriesFiles(setup), ...logins];
    },
  },
  buildkit: {
    merged: (setup) => [BUILDKIT_CONFIG, ...ofLogin(setup, dockerLoginPath(setup))],
    files: (setup, existing) => [
      ...buildkitConfig(setup, existing),
      ...loginFile(dockerLoginPath(setup), setup, existing),
    ],
  },
  kubernetes: { merged: () => [], files: (setup) => pullSecret(setup) },
} as const satisfies Readonly<Record<string, EngineFiles>>;

export type Engine = keyof typeof ENGINE_FILES;

export const ENGINES = Object.keys(ENGINE_FILES) as readonly Engine[];

/** The paths of which `clientFiles` wants to know what is there. @throws ClientConfigError */
export function mergedPaths(engine: Engine, given: GivenSetup): readonly string[] {
  return ENGINE_FILES[engine].merged(parseSetup(given));
}

/**
 * The files that make an engine use the registry, whole, in the order in which they are to be written; what stands in
 * `existing` and is not the registry's is kept. The same is computed by the cookbook's libraries.
 * @throws ClientConfigError
 */
export function clientFiles(
  engine: Engine,
  given: GivenSetup,
  existing: ExistingFiles,
): readonly ClientFile[] {
  return ENGINE_FILES[engine].files(parseSetup(given), existing);
}

function ofLogin({ login }: Setup, path: string): readonly string[] {
  return login === undefined ? [] : [path];
}

function dockerCertificates({ registry, ca, dockerMirror }: Setup): readonly ClientFile[] {
  if (ca === undefined) return [];
  const authorities = new Set([
    registry,
    ...(dockerMirror?.scheme === 'https' ? [dockerMirror.authority] : []),
  ]);
  return [...authorities].map((authority) => ({
    path: `/etc/docker/certs.d/${authority}/ca.crt`,
    mode: PUBLIC,
    content: ca,
  }));
}
