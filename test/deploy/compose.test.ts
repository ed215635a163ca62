import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseDuration } from '../../src/config/index.js';
import { projectRoot } from '../support/project.js';
import { load } from '../config/load.js';
import { AFTER_DRAIN } from './time-to-stop.js';

interface Service {
  readonly environment: Readonly<Record<string, string>>;
  readonly read_only?: boolean;
  readonly cap_drop: readonly string[];
  readonly security_opt: readonly string[];
  readonly stop_grace_period?: string;
  readonly ports?: readonly string[];
  readonly ulimits?: { readonly nofile: { readonly hard: number } };
}
interface Compose {
  readonly version?: string;
  readonly services: Readonly<Record<string, Service>>;
}

describe('deploy/compose.yml and compose.swift.yml', () => {
  let own: Compose;
  let withSwift: Compose;
  const read = async (name: string): Promise<Compose> =>
    parse(await readFile(join(projectRoot, 'deploy', name), 'utf8'), { merge: true }) as Compose;

  before(async () => {
    own = await read('compose.yml');
    withSwift = await read('compose.swift.yml');
  });

  const environmentOf = (node: string) => ({
    ...own.services[node]?.environment,
    ...withSwift.services[node]?.environment,
  });

  for (const node of ['one', 'two']) {
    it(`give ${node} a configuration that the server accepts, and the time that it takes to stop`, () => {
      const env = Object.entries(environmentOf(node)).map(([name, value]) => [
        name,
        value.replace(/\$\{\w+:-(.*?)\}/, '$1'),
      ]);
      const { server, storage } = load({ env: Object.fromEntries(env) as Record<string, string> });
      assert.equal(storage.driver, 'swift');
      const grace = parseDuration(own.services[node]?.stop_grace_period ?? '') ?? 0;
      assert.ok(grace >= server.drainDelay + server.drainTimeout + AFTER_DRAIN);
    });
  }

  it('give docker-compose.yml, too, the time that a server takes to stop', async () => {
    const text = await readFile(join(projectRoot, 'docker-compose.yml'), 'utf8');
    const { stackyard } = (parse(text) as Compose).services;
    const grace = parseDuration(stackyard?.stop_grace_period ?? '') ?? 0;
    assert.ok(grace >= load({}).server.drainTimeout + AFTER_DRAIN);
  });

  it('let haproxy open two files for each connection that it takes, and look up names of nodes', async () => {
    const text = await readFile(join(projectRoot, 'deploy', 'haproxy.cfg'), 'utf8');
    const connections = Number(/^  maxconn (\d+)$/m.exec(text)?.[1]);
    const { ulimits, environment } = own.services['haproxy'] ?? {};
    assert.ok(connections > 0 && Number(ulimits?.nofile.hard) >= 2 * connections + 100);
    assert.equal(environment?.['RESOLVE_NODES'], '1');
  });

  it('let haproxy notice a node that stops before it does', async () => {
    const text = await readFile(join(projectRoot, 'deploy', 'haproxy.cfg'), 'utf8');
    const [, seconds, fall] = /inter (\d+)s fall (\d+)/.exec(text) ?? [];
    const noticed = Number(seconds) * Number(fall) * 1000;
    const delay = parseDuration(own.services['one']?.environment['STACKYARD_SERVER_DRAIN_DELAY'] ?? '') ?? 0;
    assert.ok(noticed > 0 && delay > 2 * noticed);
  });

  it('lock every service down, and publish haproxy alone, on this machine unless told otherwise', () => {
    for (const [name, service] of Object.entries({ ...withSwift.services, ...own.services })) {
      assert.deepEqual(service.cap_drop, ['ALL'], name);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
      assert.ok(service.read_only === true || name === 'swift', name);
      if (name !== 'haproxy') assert.equal(service.ports, undefined, name);
    }
    assert.deepEqual(own.services['haproxy']?.ports, ['${STACKYARD_LISTEN:-127.0.0.1:5000}:5000']);
  });

  it('need no format version, which compose v2 warns of', () =>
    assert.deepEqual([own.version, withSwift.version], [undefined, undefined]));
});
