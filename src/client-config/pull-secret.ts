import { refuse } from './client-config-error.js';
import { SECRET, type ClientFile } from './client-file.js';
import { encodedLogin } from './login-file.js';
import type { Setup } from './setup.js';

export const PULL_SECRET = 'stackyard-pull-secret.yaml';

/** A Kubernetes Secret for `imagePullSecrets`. @throws ClientConfigError where there is no login */
export function pullSecret({ registry, login, secret }: Setup): readonly ClientFile[] {
  if (login === undefined) return refuse('login', 'a pull secret holds one; give username and password');
  const config = JSON.stringify({ auths: { [registry]: { auth: encodedLogin(login) } } });
  const content = [
    'apiVersion: v1',
    'kind: Secret',
    'metadata:',
    `  name: "${secret.name}"`,
    ...(secret.namespace === undefined ? [] : [`  namespace: "${secret.namespace}"`]),
    'type: kubernetes.io/dockerconfigjson',
    'data:',
    `  .dockerconfigjson: ${Buffer.from(config).toString('base64')}`,
    '',
  ].join('\n');
  return [{ path: PULL_SECRET, mode: SECRET, content }];
}
