import { BUILDKIT_CONFIG } from './buildkit-config.js';
import { CONTAINERD_CONFIG } from './containerd-config.js';
import { CRIO_CONFIG } from './crio-config.js';
import { DAEMON_JSON } from './daemon-json.js';
import type { Engine } from './engine-files.js';
import { PULL_SECRET } from './pull-secret.js';

/** What makes each engine read its files anew; the others are read at each use. */
export function nextSteps(engine: Engine, changed: readonly string[]): readonly string[] {
  const isChanged = (path: string): boolean => changed.includes(path);
  switch (engine) {
    case 'docker':
      // A refused file shows in neither the reload's exit code nor its output.
      return isChanged(DAEMON_JSON) ? ['systemctl reload docker', 'docker info'] : [];
    case 'containerd':
      return isChanged(CONTAINERD_CONFIG) ? ['systemctl restart containerd'] : [];
    case 'crio':
      if (isChanged(CRIO_CONFIG)) return ['systemctl restart crio'];
      return changed.some((path) => path.includes('/registries.conf.d/')) ? ['systemctl reload crio'] : [];
    case 'buildkit':
      return isChanged(BUILDKIT_CONFIG) ? ['systemctl restart buildkit'] : [];
    case 'kubernetes':
      return isChanged(PULL_SECRET) ? [`kubectl apply -f ${PULL_SECRET}`] : [];
    case 'podman':
      return [];
  }
}
