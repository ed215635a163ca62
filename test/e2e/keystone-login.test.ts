import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { makeImage, writeLayout } from '../support/image.js';
import { requireTool } from '../support/requirement.js';
import { startServer, type ServerProcess } from '../support/server-process.js';
import { swiftBed, type SwiftBed } from '../support/swift-bed.js';
import { WITH_LOGINS } from '../support/target.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';
import { runTool, tryTool, type ToolResult } from '../support/tool.js';

describe("logins of Keystone's users", function () {
  this.timeout(120_000);
  let bed: SwiftBed;
  let server: ServerProcess;
  let home: TemporaryDirectory;

  before(async function () {
    requireTool(this, 'skopeo');
    bed = await swiftBed(this);
    home = await temporaryDirectory('keystone-login');
    await writeFile(join(home.path, 'auth.json'), '{}');
    server = await startServer({
      env: {
        ...WITH_LOGINS,
        STACKYARD_AUTH_KEYSTONE_URL: bed.keystone.password.authUrl,
        STACKYARD_AUTH_KEYSTONE_ROLES: 'swiftoperator=pull,push',
      },
    });
    const image = makeImage({ format: 'oci', layers: 1 });
    await writeLayout(join(home.path, 'layout'), image.manifest, [image.config, ...image.layers], 'v1');
  });
  after(async () => {
    await (server as ServerProcess | undefined)?.stop();
    await (home as TemporaryDirectory | undefined)?.remove();
  });

  const authority = (): string => `${server.host}:${server.port}`;
  const env = (): Record<string, string> => ({
    REGISTRY_AUTH_FILE: join(home.path, 'auth.json'),
    TMPDIR: home.path,
  });

  function login(username: string, password: string): Promise<ToolResult> {
    const options = ['--username', username, '--password-stdin', '--tls-verify=false'];
    return tryTool('skopeo', ['login', ...options, authority()], {
      env: env(),
      input: Readable.from([password]),
    });
  }

  function push(repository: string): Promise<ToolResult> {
    const source = `oci:${join(home.path, 'layout')}:v1`;
    const target = `docker://${authority()}/${repository}:v1`;
    return tryTool('skopeo', ['copy', '--dest-tls-verify=false', source, target], { env: env() });
  }

  const variable = (name: string): string => {
    const { credentials } = bed.keystone[name === 'password' ? 'password' : 'applicationCredential'];
    if (credentials.kind === 'password') return credentials.password;
    if (credentials.kind === 'application-credential' && 'id' in credentials.credential)
      return name === 'id' ? credentials.credential.id : credentials.secret;
    throw new Error(`the bed has no ${name}`);
  };

  for (const [what, username, secret] of [
    ['by password', () => 'registry@Default', () => variable('password')],
    ['by the id of an application credential', () => variable('id'), () => variable('secret')],
    [
      'by the name of an application credential',
      () => 'registry@Default/registry-app',
      () => variable('secret'),
    ],
  ] as const) {
    it(`push to the namespace of their project and nowhere else, ${what}`, async () => {
      assert.notEqual((await login(username(), 'wrong')).code, 0);
      const answer = await login(username(), secret());
      assert.equal(answer.code, 0, answer.stderr);
      const pushed = await push('registry/app');
      assert.equal(pushed.code, 0, pushed.stderr);
      assert.notEqual((await push('elsewhere/app')).code, 0);
      await runTool('skopeo', ['logout', authority()], { env: env() });
      assert.notEqual((await push('registry/app')).code, 0);
    });
  }
});
