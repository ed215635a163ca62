import { refuse } from './client-config-error.js';
import { HEAD, PUBLIC, type ClientFile, type ExistingFiles } from './client-file.js';
import type { Setup } from './setup.js';

export const BUILDKIT_CONFIG = '/etc/buildkit/buildkitd.toml';

/** BuildKit's configuration with the CA, where the setup needs one. @throws ClientConfigError */
export function buildkitConfig(setup: Setup, existing: ExistingFiles): readonly ClientFile[] {
  const { registry, http, ca, mirrors } = setup;
  const certificate = `/etc/buildkit/certs/${registry}/ca.crt`;
  const tables = [
    // Without a path: as containerd, it tells the upstream by `?ns=`.
    ...mirrors.map(({ member, upstream, only }) =>
      only
        ? refuse(`${member}.only`, 'BuildKit always falls back to the upstream; leave it out for buildkit')
        : table(upstream, `mirrors = ["${registry}"]`),
    ),
    ...(http ? [table(registry, 'http = true')] : []),
    ...(ca === undefined ? [] : [table(registry, `ca = ["${certificate}"]`)]),
  ];
  if (tables.length === 0) return [];
  const before = existing.get(BUILDKIT_CONFIG);
  if (before !== undefined && !before.startsWith(HEAD) && !/^[ \t\r\n]*$/.test(before))
    refuse(BUILDKIT_CONFIG, 'it was written by somebody else and is not merged; add the tables by hand');
  return [
    { path: BUILDKIT_CONFIG, mode: PUBLIC, content: `${HEAD}${tables.join('\n')}` },
    ...(ca === undefined ? [] : [{ path: certificate, mode: PUBLIC, content: ca }]),
  ];
}

function table(host: string, line: string): string {
  return `[registry."${host}"]\n  ${line}\n`;
}
