import { HEAD, PUBLIC, type ClientFile } from './client-file.js';
import type { Setup } from './setup.js';

/** Where containerd looks for the files of each registry. */
export const HOSTS_DIRECTORY = '/etc/containerd/certs.d';

const HUB = 'docker.io';

/** Containerd's hosts.toml of the registry and of each mirrored one, with the CA. */
export function hostsFiles(setup: Setup): readonly ClientFile[] {
  const { registry, http, ca, mirrors } = setup;
  const certificate = `${HOSTS_DIRECTORY}/${registry}/ca.crt`;
  const url = `${http ? 'http' : 'https'}://${registry}`;
  const trust = ca === undefined ? '' : `ca = "${certificate}"\n`;
  const hostsToml = (name: string, server: string, capabilities: readonly string[]): ClientFile => ({
    path: `${HOSTS_DIRECTORY}/${name}/hosts.toml`,
    mode: PUBLIC,
    content: [
      `${HEAD}server = "${server}"\n`,
      // containerd asks the server once more after the host; without its CA, what is absent there would be an x509 error.
      server === url ? trust : '',
      `\n[host."${url}"]\n`,
      `  capabilities = [${capabilities.map((each) => `"${each}"`).join(', ')}]\n`,
      trust && `  ${trust}`,
    ].join(''),
  });
  return [
    hostsToml(registry, url, ['pull', 'resolve', 'push']),
    ...(ca === undefined ? [] : [{ path: certificate, mode: PUBLIC, content: ca }]),
    ...mirrors.map(({ upstream, only }) =>
      hostsToml(upstream, only ? url : urlOf(upstream), ['pull', 'resolve']),
    ),
  ];
}

function urlOf(upstream: string): string {
  return upstream === HUB ? 'https://registry-1.docker.io' : `https://${upstream}`;
}
