import type { Json } from '../domain/json-members.js';
import { refuse } from './client-config-error.js';
import { PUBLIC, type ClientFile, type ExistingFiles } from './client-file.js';
import { mergedJson, withMember } from './json-file.js';
import type { Setup } from './setup.js';

export const DAEMON_JSON = '/etc/docker/daemon.json';
const HUB = 'docker.io';

/** Whether the setup has something that stands in daemon.json. */
export function needsDaemonJson({ http, dockerMirror }: Setup): boolean {
  return http || dockerMirror !== undefined;
}

/**
 * Docker's daemon.json where the setup needs one. Both of its lists are written, for dockerd keeps the old value of a key
 * that is gone until it is started anew.
 * @throws ClientConfigError
 */
export function daemonJson(setup: Setup, existing: ExistingFiles): readonly ClientFile[] {
  refuseWhatDockerCannot(setup);
  const { registry, http, dockerMirror } = setup;
  if (!needsDaemonJson(setup)) return [];
  const mirror = dockerMirror && `${dockerMirror.scheme}://${dockerMirror.authority}`;
  const content = mergedJson(DAEMON_JSON, existing.get(DAEMON_JSON), (members) => {
    const mirrors = listMember(members, 'registry-mirrors');
    const insecure = listMember(members, 'insecure-registries');
    const isThere = mirrors.some((each) => each.replace(/\/$/, '') === mirror);
    const added = mirror === undefined || isThere ? mirrors : [...mirrors, mirror];
    return withMember(
      withMember(members, 'registry-mirrors', added),
      'insecure-registries',
      http && !insecure.includes(registry) ? [...insecure, registry] : insecure,
    );
  });
  return [{ path: DAEMON_JSON, mode: PUBLIC, content }];
}

function refuseWhatDockerCannot({ registry, mirrors, dockerMirror }: Setup): void {
  for (const { member, upstream, name = upstream, only } of mirrors) {
    if (upstream !== HUB)
      refuse(
        `${member}.upstream`,
        `Docker's registry-mirrors serves ${HUB} only; pull ${registry}/mirror/${name}/… instead`,
      );
    if (only) refuse(`${member}.only`, 'Docker always falls back to Docker Hub; leave it out for docker');
    if (dockerMirror === undefined)
      refuse(
        'dockerMirror',
        "Docker takes its mirror from the server's root mirror (mirror.root there); give its URL, such as https://registry.example:5001",
      );
  }
}

function listMember(members: Json, name: string): readonly string[] {
  const value = Object.hasOwn(members, name) ? members[name] : [];
  if (!Array.isArray(value)) return refuse(DAEMON_JSON, `${name} is no list of strings; correct it`);
  return value.map((item: unknown) =>
    typeof item === 'string' ? item : refuse(DAEMON_JSON, `${name} is no list of strings; correct it`),
  );
}
