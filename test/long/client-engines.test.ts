import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { startBuildkit, type Buildkit } from '../client-config/buildkit.js';
import { startCri, type Cri, type CriPrograms } from '../client-config/cri.js';
import { HOME } from '../client-config/engines.js';
import type { HostRoot } from '../client-config/host-root.js';
import { MirroringRegistry, MIRRORED } from '../client-config/mirroring-registry.js';
import { requireGoTool } from '../support/go-tools.js';
import { requireTool } from '../support/requirement.js';
import { ADMIN } from '../support/target.js';
import { runTool, type ToolResult } from '../support/tool.js';

const X509 = /x509: certificate signed by unknown authority/;
const ASKED_BY_NAMESPACE = /^HEAD \/v2\/library\/app\/manifests\/v1 mirror\/docker\.io\/library\/app 200$/;
/** Without mkfs.erofs on a host, containerd 2.3.0 loads no CRI unless these are off. */
const NO_EROFS = "disabled_plugins = ['io.containerd.differ.v1.erofs', 'io.containerd.snapshotter.v1.erofs']";

describe('engines built from source that client-config configures', function () {
  this.timeout(180_000);
  let registry: MirroringRegistry;
  let privateImage: string;
  let buildkit: Buildkit | undefined;
  let host: HostRoot;
  let login: string;
  let built = 0;
  const programs = { buildkitd: '', buildctl: '', containerd: '', crictl: '', debian: '' };

  before(async function () {
    this.timeout(1_800_000);
    programs.debian = requireTool(this, 'containerd');
    requireTool(this, 'runc');
    for (const name of ['buildkitd', 'buildctl', 'containerd', 'crictl'] as const)
      programs[name] = await requireGoTool(this, name);
    registry = await MirroringRegistry.start(this);
    privateImage = await registry.copyToPrivate(this);
    host = await registry.host('builder');
    succeeded(await configured(host, 'buildkit'));
    login = await loginOfPullSecret();
    buildkit = await startBuildkit(host, programs);
  });
  after(async () => {
    await buildkit?.stop();
    await (registry as MirroringRegistry | undefined)?.stop();
  });

  const configured = (made: HostRoot, engine: string): Promise<ToolResult> =>
    made.configure([engine, ...registry.arguments, '--home', HOME], ADMIN.password);

  /** As the kubelet has it from the Secret that is printed. */
  async function loginOfPullSecret(): Promise<string> {
    const made = await registry.host('cluster');
    const given = ['--registry', registry.authority, '--username', ADMIN.username, '--password-stdin'];
    succeeded(await made.configure(['kubernetes', ...given], ADMIN.password));
    const secret = parse(await readFile(made.at('stackyard-pull-secret.yaml'), 'utf8')) as {
      data: Record<string, string>;
    };
    const config = Buffer.from(secret.data['.dockerconfigjson'] ?? '', 'base64').toString();
    const { auths } = JSON.parse(config) as { auths: Record<string, { auth: string }> };
    return Buffer.from(auths[registry.authority]?.auth ?? '', 'base64').toString();
  }

  const caOf = (made: HostRoot): string => made.at('/etc/buildkit/certs', registry.authority, 'ca.crt');
  const trusting = (): readonly string[] => [
    ...['--registry-auth-tlscontext', `host=${registry.authority},ca=${caOf(host)}`],
  ];

  interface Build extends ToolResult {
    readonly blobs: string;
  }
  async function build(image: string, how: Parameters<Buildkit['buildFrom']>[2] = {}): Promise<Build> {
    const into = host.at(`built-${(built += 1)}`);
    assert.ok(buildkit);
    return { ...(await buildkit.buildFrom(image, into, how)), blobs: `${into}/blobs/sha256` };
  }
  function assertWhole({ blobs }: Build): void {
    for (const { digest } of registry.mirrored.layers)
      assert.ok(existsSync(`${blobs}/${digest.replace('sha256:', '')}`), digest);
  }

  it('BuildKit builds from a private image, once buildctl may trust what it asks for a token', async () => {
    const untrusted = await build(privateImage);
    assert.notEqual(untrusted.code, 0);
    assert.match(untrusted.stderr, /failed to fetch oauth token: .*\/token/);
    assert.match(untrusted.stderr, X509);
    const before = registry.server.log.length;
    assertWhole(succeeded(await build(privateImage, { options: trusting() })));
    await registry.wasAsked(/^POST \/token - 200$/, before);
  });

  it('BuildKit builds from a private image, where buildkitd asks for the token', async () => {
    const before = registry.server.log.length;
    assertWhole(succeeded(await build(privateImage, { env: { BUILDKIT_NO_CLIENT_TOKEN: '1' } })));
    await registry.wasAsked(/^GET \/token - 200$/, before);
  });

  it('BuildKit trusts the registry only by the CA that was written', async () => {
    const made = await registry.host('distrusting');
    succeeded(await configured(made, 'buildkit'));
    await writeFile(caOf(made), '');
    const distrusting = await startBuildkit(made, programs);
    const refused = await distrusting.buildFrom(privateImage, made.at('built'), { options: trusting() });
    await distrusting.stop();
    assert.notEqual(refused.code, 0);
    assert.match(refused.stderr, /manifests\/v1.*x509: certificate signed by unknown authority/);
  });

  it('BuildKit builds from a mirrored image, and tells its registry by ?ns=', async () => {
    const before = registry.server.log.length;
    assertWhole(succeeded(await build(MIRRORED, { options: trusting() })));
    await registry.wasAsked(ASKED_BY_NAMESPACE, before);
  });

  /** What is there before, by the version that reads it; the file of no line is the one of a host without. */
  const FILES = [
    { title: "Debian's containerd without a file", program: 'debian', before: '' },
    { title: 'containerd 2 with a file of version 2', program: 'containerd', before: 'version = 2' },
    { title: 'containerd 2 with a file of version 3', program: 'containerd', before: 'version = 3' },
    { title: 'containerd 2 with its own default file', program: 'containerd', before: 'default' },
  ] as const;

  async function nodeWith(name: string, { program, before }: (typeof FILES)[number]): Promise<HostRoot> {
    const made = await registry.host(name);
    if (before === '') return made;
    const own =
      before === 'default'
        ? (await runTool(programs[program], ['config', 'default'])).stdout.replace(
            /^disabled_plugins = .*$/m,
            NO_EROFS,
          )
        : `${before}\n${NO_EROFS}\n`;
    await made.write('/etc/containerd/config.toml', own);
    return made;
  }

  async function withCri<T>(made: HostRoot, program: string, use: (cri: Cri) => Promise<T>): Promise<T> {
    const own: CriPrograms = { containerd: program, crictl: programs.crictl };
    const cri = await startCri(made, own);
    try {
      return await use(cri);
    } finally {
      await cri.stop();
    }
  }

  for (const [index, file] of FILES.entries())
    it(`${file.title} pulls by its CRI with a pull secret, and through the mirror without`, async () => {
      const made = await nodeWith(`node-${index}`, file);
      succeeded(await configured(made, 'containerd'));
      await withCri(made, programs[file.program], async (cri) => {
        const refused = await cri.pull(privateImage);
        assert.notEqual(refused.code, 0);
        assert.match(refused.stderr, /authorization failed/);
        succeeded(await cri.pull(privateImage, login));
        const before = registry.server.log.length;
        succeeded(await cri.pull(MIRRORED));
        await registry.wasAsked(ASKED_BY_NAMESPACE, before);
      });
    });

  it("containerd sends a pod's login of Docker Hub to the mirror, which does not take it", async () => {
    const made = await nodeWith('hub-login', FILES[3]);
    succeeded(await configured(made, 'containerd'));
    await withCri(made, programs.containerd, async (cri) => {
      const before = registry.server.log.length;
      assert.notEqual((await cri.pull(MIRRORED, "of-the-hub:the-hub's")).code, 0);
      await registry.wasAsked(/^POST \/token - 401$/, before);
    });
  });

  it('containerd 2 reads no list of directories, which is refused therefore', async () => {
    const made = await nodeWith('list', FILES[2]);
    succeeded(await configured(made, 'containerd'));
    const path = made.at('/etc/containerd/config.toml');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('certs.d"', 'certs.d:/etc/docker/certs.d"'));
    const { code, stderr } = await configured(made, 'containerd');
    assert.equal(code, 2);
    assert.match(stderr, /make it \/etc\/containerd\/certs\.d alone/);
    const unread = await withCri(made, programs.containerd, (cri) => cri.pull(privateImage, login));
    assert.notEqual(unread.code, 0);
    assert.match(unread.stderr, X509);
  });

  it('all pull what is mirrored when the upstream is gone', async () => {
    await registry.stopUpstream();
    assertWhole(succeeded(await build(MIRRORED, { options: trusting() })));
    for (const [index, file] of FILES.entries()) {
      const made = await nodeWith(`after-${index}`, file);
      succeeded(await configured(made, 'containerd'));
      await withCri(made, programs[file.program], async (cri) => succeeded(await cri.pull(MIRRORED)));
    }
  });
});

function succeeded<T extends ToolResult>(result: T): T {
  assert.equal(result.code, 0, result.stderr || result.stdout);
  return result;
}
