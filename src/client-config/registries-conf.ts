import { HEAD, PUBLIC, type ClientFile } from './client-file.js';
import { nameOf, type Mirror, type Setup } from './setup.js';

/** The drop-ins of podman, buildah, skopeo and CRI-O (containers-registries.conf.d(5)), with the CA (containers-certs.d(5)). */
export function registriesFiles(setup: Setup): readonly ClientFile[] {
  const { registry, http, ca, mirrors } = setup;
  return [
    ...mirrors.map((mirror) => dropIn(mirror.upstream, mirrorText(setup, mirror))),
    ...(http
      ? [dropIn(registry, table('registry', { prefix: registry, location: registry, insecure: true }))]
      : []),
    ...(ca === undefined
      ? []
      : [{ path: `/etc/containers/certs.d/${registry}/ca.crt`, mode: PUBLIC, content: ca }]),
  ];
}

function mirrorText({ registry, http }: Setup, mirror: Mirror): string {
  const { upstream, only } = mirror;
  const place = { location: `${registry}/mirror/${nameOf(mirror)}`, ...(http && { insecure: true }) };
  if (only) return table('registry', { prefix: upstream, ...place });
  return [table('registry', { prefix: upstream, location: upstream }), table('registry.mirror', place)].join(
    '\n',
  );
}

function table(name: string, values: Readonly<Record<string, string | boolean>>): string {
  const lines = Object.entries(values).map(
    ([key, value]) => `${key} = ${typeof value === 'string' ? `"${value}"` : value}\n`,
  );
  return `[[${name}]]\n${lines.join('')}`;
}

function dropIn(host: string, text: string): ClientFile {
  const path = `/etc/containers/registries.conf.d/50-stackyard-${host.replaceAll(':', '_')}.conf`;
  return { path, mode: PUBLIC, content: `${HEAD}${text}` };
}
