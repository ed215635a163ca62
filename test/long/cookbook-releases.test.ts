import assert from 'node:assert/strict';
import { startChefHost, type ChefHost, type Converge } from '../support/chef/host.js';
import { servePackages, type PackageServer } from '../support/chef/packages.js';
import {
  ADDRESS,
  CA,
  packedProject,
  provideRegistry,
  SERVER,
  serverRecipe,
} from '../support/chef/registry.js';
import { Watch } from '../support/chef/watch.js';
import { assertWhyRun } from '../support/chef/why-run.js';

const VERSIONS = ['1.0.0', '1.1.0', '1.2.0', '1.3.0'] as const;
const RELEASES = '/opt/stackyard-releases';
const WRONG = "storage: { driver: 'tape' }";

describe('the cookbook: releases of stackyard_server', function () {
  this.timeout(180_000);
  let host: ChefHost;
  let watch: Watch;
  let packages: PackageServer;

  before(async function () {
    host = await startChefHost(this, [ADDRESS]);
    watch = new Watch(host);
    await provideRegistry(this, host);
    packages = await servePackages(host, await packedProject(this), VERSIONS);
  });
  after(async () => {
    await (packages as PackageServer | undefined)?.remove();
    await (host as ChefHost | undefined)?.stop();
  });

  const byVersion = (version: string, config = ''): string =>
    serverRecipe({ origin: `version '${version}'`, config });
  const byUrl = (version: string, checksum = packages.checksum(version)): string =>
    serverRecipe({ origin: `source '${packages.url(version)}'\n  checksum '${checksum}'` });
  const byUrlAlone = (version: string): string =>
    serverRecipe({ origin: `source '${packages.url(version)}'` });
  const folderOf = (version: string): string => packages.checksum(version).slice(0, 16);
  const releases = async (): Promise<readonly string[]> => {
    const { stdout } = await host.run('find', RELEASES, '-mindepth', '1', '-maxdepth', '1', '-type', 'd');
    return stdout
      .trim()
      .split('\n')
      .map((path) => path.slice(RELEASES.length + 1))
      .sort();
  };
  /** The version that runs, which has to serve, and its process. */
  const running = async (): Promise<readonly [version: string, pid: string]> => {
    const set = ['--silent', '--cacert', CA, '--output', '/dev/null', '--write-out', '%{http_code}'];
    assert.equal((await host.run('curl', ...set, `${SERVER}/v2/`)).stdout, '401');
    const shown = await host.run('systemctl', 'show', '--property=MainPID', '--value', 'stackyard');
    const pid = shown.stdout.trim();
    const { version } = JSON.parse(await host.read('/opt/stackyard/package.json')) as { version: string };
    return [version, pid];
  };
  const changes = (text: string): Promise<Converge> => watch.changesOnce(text);
  const changesNothing = async (text: string): Promise<void> => {
    const { code, updated, output } = await watch.converge(text);
    assert.deepEqual([code, updated], [0, 0], output);
  };
  /** What runs has to be the same before and after, and no folder half-filled. */
  const refuses = async (text: string, reason: RegExp): Promise<void> => {
    const before = [await running(), await releases()];
    const { code, failure, output } = await watch.converge(text);
    assert.equal(code, 1, output);
    assert.match(failure ?? '', reason);
    assert.deepEqual([await running(), await releases()], before);
  };

  describe('from the registry of npm', () => {
    it('change nothing of a fresh host where it is only asked why', async () => {
      await assertWhyRun(host, watch, byVersion('1.0.0'));
      assert.deepEqual(packages.asked(), []);
    });

    it('are installed and serve, and nobody is asked again', async () => {
      await changes(byVersion('1.0.0'));
      assert.equal((await running())[0], '1.0.0');
      assert.deepEqual(packages.asked(), ['GET /stackyard 200', 'GET /tarballs/stackyard-1.0.0.tgz 200']);
      assert.match((await host.run('stackyard', '--version')).stdout, /^1\.0\.0$/m);
    });

    it('that it lacks are refused in one line, and what runs goes on', () =>
      refuses(
        byVersion('9.9.9'),
        /^stackyard_server\[registry\]: version 9\.9\.9: npm cannot install it \(ETARGET: No matching version found for stackyard@9\.9\.9\.\)$/,
      ));

    it('are refused beside a source, and without either', async () => {
      const both = "version '1.0.0'\n  source '/srv/bed/stackyard.tgz'";
      await refuses(serverRecipe({ origin: both }), /: server: source and version; give one of them$/);
      await refuses(serverRecipe({ origin: '' }), /: server: no source; give a tarball/);
    });

    it('are refused in one line where it is away', async () => {
      await packages.stop();
      await refuses(byVersion('1.1.0'), /: version 1\.1\.0: npm cannot install it \(ECONNREFUSED: .*\)$/);
      await packages.start();
    });

    it('are not restarted by a configuration that they refuse', () =>
      refuses(byVersion('1.0.0', WRONG), /: config: .*storage\.driver/));
  });

  describe('before the one that serves', () => {
    it('stay, also where nobody else may read what Chef makes', async () => {
      await changes(`::File.umask(0o077)\n${byVersion('1.1.0')}`);
      assert.equal((await running())[0], '1.1.0');
    });

    it('go, but for the last one', async () => {
      assert.deepEqual(await releases(), ['1.0.0', '1.1.0']);
      const { output } = await changes(byVersion('1.2.0'));
      assert.deepEqual([await releases(), (await running())[0]], [['1.1.0', '1.2.0'], '1.2.0']);
      assert.match(output, /delete .*\/opt\/stackyard-releases\/1\.0\.0/);
    });

    it('serve again without a download', async () => {
      packages.asked();
      await changes(byVersion('1.1.0'));
      assert.deepEqual([await releases(), (await running())[0]], [['1.1.0', '1.2.0'], '1.1.0']);
      assert.deepEqual(packages.asked(), []);
    });

    it('stay beside one that never served', async () => {
      // Installed by a converge that was refused after that.
      await watch.converge(byVersion('1.3.0', WRONG));
      const entry = `${RELEASES}/1.3.0/node_modules/stackyard/dist/src/cli/stackyard.js`;
      await host.write(entry, "process.exit(process.argv.includes('serve') ? 1 : 0);\n", 0o755);
      const impatient = byVersion('1.3.0').replace(/^end/m, '  start_timeout 2\nend');
      const { code, output } = await watch.converge(impatient);
      assert.equal(code, 1, output);
      assert.deepEqual(await releases(), ['1.1.0', '1.2.0', '1.3.0']);
      await changes(byVersion('1.0.0'));
      assert.deepEqual([await releases(), (await running())[0]], [['1.0.0', '1.1.0'], '1.0.0']);
    });
  });

  describe('from a URL', () => {
    const asked = (status: number): readonly string[] => [`GET /tarballs/stackyard-1.3.0.tgz ${status}`];

    it('serve, and nobody is asked again where the checksum names them', async () => {
      packages.asked();
      await changes(byUrl('1.3.0'));
      assert.deepEqual(
        [await releases(), (await running())[0]],
        [['1.0.0', folderOf('1.3.0')].sort(), '1.3.0'],
      );
      assert.deepEqual(packages.asked(), asked(200));
    });

    it('are asked for without a checksum, and not sent again', async () => {
      await changesNothing(byUrlAlone('1.3.0'));
      assert.deepEqual(packages.asked(), asked(304));
    });

    it('are refused where they are others than the checksum says, and what runs goes on', () =>
      refuses(
        byUrl('1.2.0', '0'.repeat(64)),
        /Checksum on resource \(000000\) does not match checksum on content/,
      ));

    it('that the checksum names need nobody to be there, nor the tarball', async () => {
      await packages.stop();
      await host.run('sh', '-c', 'rm /var/cache/chef-bed/stackyard-*.tgz');
      await changesNothing(byUrl('1.3.0'));
      await refuses(byUrlAlone('1.3.0'), /Connection refused/);
      await packages.start();
    });

    it('that are no package are refused', async () => {
      const pem = serverRecipe({ origin: `source '${CA}'` });
      await refuses(pem, /: source .*ca\.pem: is no packed npm package; give stackyard-VERSION\.tgz$/);
      await refuses(byUrlAlone('9.9.9'), /404/);
    });
  });

  describe('without a server', () => {
    it('go, all of them', async () => {
      await changes("stackyard_server('registry') { action :delete }");
      assert.equal(await host.exists(RELEASES), false);
    });
  });
});
