import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { projectRoot } from '../support/project.js';
import { load, problems } from '../config/load.js';
import { AFTER_DRAIN } from './time-to-stop.js';

type Fields = Readonly<Record<string, unknown>>;
interface Named {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Fields;
  readonly data: Readonly<Record<string, string>>;
}
interface Probe {
  readonly httpGet: { readonly path: string; readonly scheme: string };
}
interface Pod {
  readonly enableServiceLinks: boolean;
  readonly automountServiceAccountToken: boolean;
  readonly terminationGracePeriodSeconds: number;
  readonly securityContext: Fields;
  readonly imagePullSecrets: readonly { name: string }[];
  readonly volumes: readonly { secret?: { secretName: string } }[];
  readonly containers: readonly [
    {
      readonly env: readonly { name: string; value: string }[];
      readonly envFrom: readonly { secretRef: { name: string } }[];
      readonly ports: readonly { name: string; containerPort: number }[];
      readonly securityContext: Fields;
      readonly volumeMounts: readonly { mountPath: string; readOnly: boolean }[];
      readonly livenessProbe: Probe;
      readonly startupProbe: Probe;
      readonly readinessProbe: Probe & { periodSeconds: number; failureThreshold: number };
    },
  ];
}

/** What the secret holds in the end: docs/install.md. */
const SECRET = {
  OS_APPLICATION_CREDENTIAL_ID: '0123456789abcdef',
  OS_APPLICATION_CREDENTIAL_SECRET: 'the-secret',
  STACKYARD_ADMIN_PASSWORD: 'correct horse battery',
};

describe('deploy/kubernetes.yaml', () => {
  let text: string;
  let documents: readonly Named[];
  const only = (kind: string): Named => {
    const [found, ...others] = documents.filter((each) => each.kind === kind);
    assert.ok(found && others.length === 0, kind);
    return found;
  };
  const pod = (): Pod => (only('Deployment').spec['template'] as { spec: Pod }).spec;
  const given = (secret: Readonly<Record<string, string>>) => {
    const [{ env }] = pod().containers;
    const variables = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    const path = variables['STACKYARD_CONFIG'] ?? '';
    const text = only('ConfigMap').data['stackyard.yaml'] ?? '';
    return { env: { ...variables, ...secret }, files: { [path]: text } };
  };

  before(async () => {
    text = await readFile(join(projectRoot, 'deploy', 'kubernetes.yaml'), 'utf8');
    documents = parseAllDocuments(text).map((each) => {
      assert.deepEqual(each.errors, []);
      return each.toJS() as Named;
    });
  });

  it('gives a configuration that the server accepts with the secret, and refuses without', () => {
    const config = load(given(SECRET));
    assert.equal(config.storage.driver, 'swift');
    assert.equal(config.auth.mode, 'token');
    assert.match(problems(given({})).join('\n'), /credential|password/i);
  });

  it('holds no secret', () => assert.ok(!documents.some(({ kind }) => kind === 'Secret')));

  it('tells how each secret that it names is made', () => {
    const made = [...text.matchAll(/^#   kubectl .* create secret \S+ (\S+)/gm)].map(([, name]) => name);
    const named = [
      ...pod().containers[0].envFrom.map(({ secretRef }) => secretRef.name),
      ...pod().volumes.flatMap(({ secret }) => secret?.secretName ?? []),
      ...pod().imagePullSecrets.map(({ name }) => name),
    ];
    assert.equal(named.length, 3);
    assert.deepEqual(made.sort(), named.sort());
  });

  it('keeps everything in its namespace', () => {
    const { name } = only('Namespace').metadata;
    for (const { kind, metadata } of documents)
      if (kind !== 'Namespace') assert.equal(metadata.namespace, name, kind);
  });

  it('lets a pod drain for as long as it is configured to, and its requests go elsewhere first', () => {
    const { terminationGracePeriodSeconds, containers } = pod();
    const { drainDelay, drainTimeout } = load(given(SECRET)).server;
    assert.ok(terminationGracePeriodSeconds * 1000 >= drainDelay + drainTimeout + AFTER_DRAIN);
    const { periodSeconds, failureThreshold } = containers[0].readinessProbe;
    assert.ok(drainDelay > periodSeconds * failureThreshold * 1000);
    assert.deepEqual((only('Deployment').spec['strategy'] as Fields)['rollingUpdate'], {
      maxUnavailable: 0,
      maxSurge: 1,
    });
  });

  it('asks the port of the configuration, by TLS', () => {
    const [{ ports, livenessProbe, readinessProbe, startupProbe }] = pod().containers;
    const { port, tls } = load(given(SECRET)).server;
    assert.equal(ports[0]?.containerPort, port);
    assert.ok(tls.certificate);
    const asked = [startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet);
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['/healthz', '/healthz', '/readyz'],
    );
    assert.ok(asked.every(({ scheme }) => scheme === 'HTTPS'));
  });

  it('runs without root, capabilities and a writable root, and mounts read-only', () => {
    const { securityContext, containers, automountServiceAccountToken } = pod();
    assert.equal(securityContext['runAsNonRoot'], true);
    assert.ok(Number(securityContext['runAsUser']) > 0);
    assert.deepEqual(securityContext['seccompProfile'], { type: 'RuntimeDefault' });
    assert.deepEqual(containers[0].securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    assert.ok(containers[0].volumeMounts.every(({ readOnly }) => readOnly));
    assert.equal(automountServiceAccountToken, false);
  });

  it('keeps variables of Services out, of which STACKYARD_SERVER_PORT is a setting', () => {
    assert.equal(pod().enableServiceLinks, false);
    const { env, files } = given(SECRET);
    const linked = { ...env, STACKYARD_SERVER_PORT: 'tcp://10.0.0.1:443' };
    assert.match(problems({ env: linked, files }).join('\n'), /STACKYARD_SERVER_PORT/);
  });
});
