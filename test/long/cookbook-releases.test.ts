import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { startChefHost, type ChefHost } from '../support/chef/host.js';
import { PACKAGES, servePackages, type PackageServer } from '../support/chef/packages.js';
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
      await watch.changesOnce(byVersion('1.0.0'));
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

    it('are refused where they hold no server', async () => {
      await host.write('/srv/bed/bin/npm', '#!/bin/sh\n', 0o755);
      await host.run('ln', '-s', process.execPath, '/srv/bed/bin/node');
      const before = await running();
      const text = byVersion('1.4.0').replace(process.execPath, '/srv/bed/bin/node');
      const { failure } = await watch.converge(text);
      assert.match(failure ?? '', /: server: the release has no .*\/1\.4\.0\/.*; give another one$/);
      assert.deepEqual(await running(), before);
      await host.run('rm', '-r', `${RELEASES}/1.4.0`);
    });
  });

  describe('before the one that serves', () => {
    it('stay, also where nobody else may read what Chef makes', async () => {
      await watch.changesOnce(`::File.umask(0o077)\n${byVersion('1.1.0')}`);
      assert.equal((await running())[0], '1.1.0');
    });

    it('go, but for the last one', async () => {
      assert.deepEqual(await releases(), ['1.0.0', '1.1.0']);
      const { output } = await watch.changesOnce(byVersion('1.2.0'));
      assert.deepEqual([await releases(), (await running())[0]], [['1.1.0', '1.2.0'], '1.2.0']);
      assert.match(output, /delete the release 1\.0\.0$/m);
    });

    it('serve again without a download', async () => {
      packages.asked();
      await watch.changesOnce(byVersion('1.1.0'));
      assert.deepEqual([await releases(), (await running())[0]], [['1.1.0', '1.2.0'], '1.1.0']);
      assert.deepEqual(packages.asked(), []);
    });

    it('are filled again where they are not whole', async () => {
      await host.run('rm', '-r', `${RELEASES}/1.2.0/node_modules/stackyard/dist`);
      await watch.changesOnce(byVersion('1.2.0'));
      assert.deepEqual([await releases(), (await running())[0]], [['1.1.0', '1.2.0'], '1.2.0']);
      await host.run('rm', '-r', `${RELEASES}/1.2.0/node_modules`);
      await watch.changesOnce(byVersion('1.2.0'));
      await watch.changesOnce(byVersion('1.1.0'));
      assert.equal((await running())[0], '1.1.0');
    });

    it('go to their end where a converge was ended meanwhile', async () => {
      await host.run('mkdir', '-p', `${RELEASES}/1.0.0.part/node_modules`);
      await watch.changesOnce(byVersion('1.1.0'));
      assert.deepEqual(await releases(), ['1.1.0', '1.2.0']);
    });

    it('are known whatever their record and the names beside them hold', async () => {
      await host.run('sh', '-c', `cd ${RELEASES} && printf '\\377\\r\\n1.1.0\\r\\n1.2.0\\r\\n' >served`);
      await host.run('sh', '-c', `cd ${RELEASES} && mkdir "$(printf 'b\\377')"`);
      await watch.changesOnce(byVersion('1.1.0'));
      assert.equal(await host.read(`${RELEASES}/served`), '1.1.0\n1.2.0\n');
      await host.run('sh', '-c', `rmdir ${RELEASES}/b*`);
    });

    it('are not touched where their record is no file', async () => {
      await host.run('sh', '-c', `cd ${RELEASES} && mv served record && mkdir served`);
      await refuses(byVersion('1.0.0'), /: \/opt\/stackyard-releases\/served: is no file; move it away$/);
      await host.run('sh', '-c', `cd ${RELEASES} && rmdir served && mv record served`);
      await watch.changesNothing(byVersion('1.1.0'));
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
      await watch.changesOnce(byVersion('1.0.0'));
      assert.deepEqual([await releases(), (await running())[0]], [['1.0.0', '1.1.0'], '1.0.0']);
    });
  });

  describe('from a URL', () => {
    const asked = (status: number): readonly string[] => [`GET /tarballs/stackyard-1.3.0.tgz ${status}`];

    it('are no fault of an older download where Chef only asks why', async () => {
      const name = createHash('sha256').update(packages.url('1.3.0')).digest('hex').slice(0, 16);
      await host.write(`/var/cache/chef-bed/stackyard-${name}.tgz`, 'older');
      await assertWhyRun(host, watch, byUrl('1.3.0'));
    });

    it('serve, and nobody is asked again where the checksum names them', async () => {
      packages.asked();
      await watch.changesOnce(byUrl('1.3.0'));
      assert.deepEqual(
        [await releases(), (await running())[0]],
        [['1.0.0', folderOf('1.3.0')].sort(), '1.3.0'],
      );
      assert.deepEqual(packages.asked(), asked(200));
    });

    it('are asked for without a checksum, and not sent again', async () => {
      await watch.changesNothing(byUrlAlone('1.3.0'));
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
      await watch.changesNothing(byUrl('1.3.0'));
      await refuses(byUrlAlone('1.3.0'), /Connection refused/);
      await packages.start();
    });

    it('that are no package are refused', async () => {
      const pem = serverRecipe({ origin: `source '${CA}'` });
      await refuses(pem, /: source .*ca\.pem: is no packed npm package; give stackyard-VERSION\.tgz$/);
      await refuses(byUrlAlone('9.9.9'), /404/);
      const url = `${PACKAGES}/stackyard`;
      const origin = `source '${url.replace('//', '//deploy:hunter2@')}'`;
      await refuses(serverRecipe({ origin }), new RegExp(`: source ${url}: is no packed npm package; `));
    });
  });

  describe('with an environment of nil', () => {
    const without = (text: string): string => text.replace(/^ {2}environment\(.*$/m, '  environment nil');

    it('serve without variables', async () => {
      await watch.changesOnce(without(byUrl('1.3.0')));
      assert.doesNotMatch(await host.read('/etc/stackyard/env'), /=/);
      assert.equal((await running())[0], '1.3.0');
    });

    it('leave that of a container empty too', async () => {
      await watch.changesNothing("stackyard_container('app') { environment nil; action :nothing }");
    });
  });

  describe('without a server', () => {
    it('go, all of them', async () => {
      await watch.changesOnce("stackyard_server('registry') { action :delete }");
      assert.equal(await host.exists(RELEASES), false);
    });
  });
});
