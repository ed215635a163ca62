import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDockerConfig } from '../support/docker-config.js';
import { requireGoTool } from '../support/go-tools.js';
import { RegistryClient } from '../support/registry-client.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool } from '../support/tool.js';

describe('helm', function () {
  this.timeout(120_000);
  let program: string;
  let server: ServerProcess;
  let home: TemporaryDirectory;

  before(async function () {
    this.timeout(900_000);
    program = await requireGoTool(this, 'helm');
    home = await temporaryDirectory('helm');
    await makeDockerConfig(join(home.path, 'registry'));
    server = await startServer({ env: WITH_LOGINS });
    const login = ['--username', ADMIN.username, '--password', ADMIN.password, '--plain-http'];
    await helm('registry', 'login', ...login, `${server.host}:${server.port}`);
  });

  after(async () => {
    await (server as ServerProcess | undefined)?.stop();
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  const options = () => ({
    cwd: home.path,
    env: {
      HELM_CONFIG_HOME: join(home.path, 'config'),
      HELM_REGISTRY_CONFIG: join(home.path, 'registry', 'config.json'),
      HELM_CACHE_HOME: join(home.path, 'cache'),
      HELM_DATA_HOME: join(home.path, 'data'),
    },
  });
  const helm = async (...args: string[]) => (await runTool(program, args, options())).stdout;
  const at = (path: string) => `oci://${server.host}:${server.port}/${path}`;

  /** Packages a chart; the file is named after its version. */
  async function packaged(version: string): Promise<string> {
    const chart = join(home.path, 'chart');
    await mkdir(join(chart, 'templates'), { recursive: true });
    await writeFile(join(chart, 'Chart.yaml'), `apiVersion: v2\nname: example\nversion: ${version}\n`);
    await writeFile(
      join(chart, 'templates', 'map.yaml'),
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: example\n',
    );
    await helm('package', chart, '--destination', home.path);
    return join(home.path, `example-${version}.tgz`);
  }

  for (const [version, tag] of [
    ['0.1.0', '0.1.0'],
    ['0.2.0+build.7', '0.2.0_build.7'], // a tag holds no plus
  ] as const) {
    it(`pushes and pulls a chart of version ${version} unchanged`, async () => {
      const file = await packaged(version);
      await helm('push', '--plain-http', file, at('charts'));
      assert.ok((await new RegistryClient(server.url, ADMIN).tags('charts/example')).includes(tag));
      const back = join(home.path, `back-${version}`);
      await mkdir(back);
      await helm('pull', '--plain-http', at('charts/example'), '--version', version, '--destination', back);
      const pulled = await readFile(join(back, `example-${version}.tgz`));
      assert.ok(pulled.equals(await readFile(file)));
      assert.match(
        await helm('show', 'chart', '--plain-http', at('charts/example'), '--version', version),
        /example/,
      );
    });
  }

  it('renders a chart straight from the registry', async () => {
    await helm('push', '--plain-http', await packaged('1.0.0'), at('render'));
    const rendered = await helm(
      'template',
      'release',
      '--plain-http',
      at('render/example'),
      '--version',
      '1.0.0',
    );
    assert.match(rendered, /kind: ConfigMap/);
  });

  it('fails cleanly to pull a chart that is not there', async () => {
    const args = ['pull', '--plain-http', at('charts/missing'), '--version', '1.0.0'];
    const answer = await tryTool(program, args, options());
    assert.notEqual(answer.code, 0);
    assert.match(answer.stderr, /not found/);
  });
});
