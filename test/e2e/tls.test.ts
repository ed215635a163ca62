import assert from 'node:assert/strict';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { Authority } from '../support/authority.js';
import { makeImage, writeLayout } from '../support/image.js';
import { compiledRoot } from '../support/project.js';
import { requireTool } from '../support/requirement.js';
import { cleanEnvironment, startServer, type ServerProcess } from '../support/server-process.js';
import { ADMIN, WITH_LOGINS } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool, type ToolResult } from '../support/tool.js';

describe('TLS', function () {
  this.timeout(120_000);
  let home: TemporaryDirectory;
  let server: ServerProcess;

  before(async function () {
    requireTool(this, 'skopeo');
    home = await temporaryDirectory('tls');
    const authority = await Authority.create(this, home.path);
    for (const name of ['server', 'ci', 'stranger']) await authority.issue(name, name);
    server = await startServer({
      root: at('data'),
      env: {
        ...WITH_LOGINS,
        STACKYARD_SERVER_TLS_CERTIFICATE: at('server.pem'),
        STACKYARD_SERVER_TLS_KEY: at('server.key'),
        STACKYARD_SERVER_TLS_CLIENT_CA: at('ca.pem'),
      },
    });
    // containers-certs.d(5)
    for (const name of ['nobody', 'ci', 'stranger']) {
      await mkdir(at(`certs-${name}`));
      await copyFile(at('ca.pem'), at(`certs-${name}`, 'ca.crt'));
      if (name === 'nobody') continue;
      await copyFile(at(`${name}.pem`), at(`certs-${name}`, 'client.cert'));
      await copyFile(at(`${name}.key`), at(`certs-${name}`, 'client.key'));
    }
    await writeFile(at('auth.json'), '{}');
    const image = makeImage({ format: 'oci', layers: 1 });
    await writeLayout(at('layout'), image.manifest, [image.config, ...image.layers], 'v1');
  });
  after(async () => {
    await (server as ServerProcess | undefined)?.stop();
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  const at = (...parts: string[]): string => join(home.path, ...parts);
  const env = (): Record<string, string> => ({ REGISTRY_AUTH_FILE: at('auth.json'), TMPDIR: home.path });
  const authority = (): string => `${server.host}:${server.port}`;

  function push(repository: string, certificate: string): Promise<ToolResult> {
    const target = `docker://${authority()}/${repository}:v1`;
    const args = ['copy', '--dest-cert-dir', at(`certs-${certificate}`), `oci:${at('layout')}:v1`, target];
    return tryTool('skopeo', args, { env: env() });
  }

  it('carries logins and pushes', async () => {
    assert.notEqual((await push('team/app', 'nobody')).code, 0);
    const options = ['--username', ADMIN.username, '--password-stdin', '--cert-dir', at('certs-nobody')];
    const input = Readable.from([ADMIN.password]);
    await runTool('skopeo', ['login', ...options, authority()], { env: env(), input });
    const pushed = await push('team/app', 'nobody');
    assert.equal(pushed.code, 0, pushed.stderr);
    await runTool('skopeo', ['logout', authority()], { env: env() });
  });

  it('lets the robot in that a client certificate names, to what it may do', async () => {
    const bin = join(compiledRoot, 'src/cli/stackyard.js');
    await runTool(process.execPath, [bin, 'robot', 'create', 'ci', '--grant', 'team/**:pull,push'], {
      cwd: home.path,
      env: { ...cleanEnvironment(), STACKYARD_STORAGE_FILESYSTEM_ROOT: server.root },
    });
    const pushed = await push('team/by-certificate', 'ci');
    assert.equal(pushed.code, 0, pushed.stderr);
    assert.notEqual((await push('other/app', 'ci')).code, 0);
    assert.notEqual((await push('team/by-stranger', 'stranger')).code, 0);
  });
});
