import assert from 'node:assert/strict';
import { startChefHost, type ChefHost } from '../support/chef/host.js';
import {
  ADDRESS,
  ADMIN_FILE,
  CA,
  CLIENT_RECIPE,
  provideRegistry,
  pushImage,
  REGISTRY,
  ROBOT_FILE,
  SECRETS,
  SERVER,
  serverRecipe,
  USER_FILE,
} from '../support/chef/registry.js';
import { Watch } from '../support/chef/watch.js';
import { assertWhyRun } from '../support/chef/why-run.js';
import { requireTool } from '../support/requirement.js';
import type { ToolResult } from '../support/tool.js';

const HELPER = 'docker-credential-pass';
const CONFIG = '/root/.docker/config.json';
/** What a helper without a login answers: an error, or, as that of Debian 12, empty texts. */
const NO_LOGIN = /^credentials not found in native keychain$|"Username":"","Secret":""/;
/** A helper that keeps a login for each username, answers the first, and says all that it is told where it refuses one. */
const BED_HELPER = '/usr/local/bin/docker-credential-bed';
const BED_LOGINS = '/srv/bed/logins';
/** `always`: it takes no login of web; `alone`: only beside another one. */
const BED_REFUSAL = '/srv/bed/refusal';
const BED_PROGRAM = `#!/bin/sh
told=$(cat)
cd ${BED_LOGINS} || exit
first=$(ls | head -n 1)
case $1 in
get)
  [ -n "$first" ] && exec cat "$first"
  echo 'credentials not found in native keychain'
  exit 1 ;;
erase) exec rm -f ./* ;;
esac
case "$(cat ${BED_REFUSAL})$first $told" in
always*'"Username":"web"'* | alone' '*'"Username":"web"'*)
  echo "cannot keep $told" | tee /dev/stderr
  exit 1 ;;
esac
name=\${told#*'"Username":"'}
name=\${name%%'"'*}
printf %s "$told" >"$name"
`;

const login = (properties: string): string => `
stackyard_login '${REGISTRY}' do
  ${properties.split('; ').join('\n  ')}
end`;
const ofRobot = `username 'web'; password_file '${ROBOT_FILE}'; credential_helper 'pass'`;
const ofCarol = `username 'carol'; password_file '${USER_FILE}'; credential_helper 'pass'`;
const carol = `
stackyard_user 'carol' do
  server '${SERVER}'
  ca_file '${CA}'
  admin_password_file '${ADMIN_FILE}'
  password_file '${USER_FILE}'
  grants ['team/**:pull']
end`;

interface Kept {
  readonly Username: string;
  readonly Secret: string;
}

interface ConfigFile {
  readonly auths?: Record<string, object>;
  readonly credHelpers?: Record<string, string>;
}

describe('the cookbook: stackyard_login with a credential helper', function () {
  this.timeout(120_000);
  let host: ChefHost;
  let watch: Watch;
  let image: string;
  const secrets: string[] = Object.values(SECRETS);

  before(async function () {
    for (const program of [HELPER, 'pass', 'gpg', 'docker']) requireTool(this, program);
    host = await startChefHost(this, [ADDRESS]);
    watch = new Watch(host);
    await provideRegistry(this, host);
    await host.run('rm', '-rf', '/root/.gnupg', '/root/.password-store');
    await host.run('systemctl', 'start', 'docker');
    await watch.changesOnce(serverRecipe() + CLIENT_RECIPE + carol);
    secrets.push((await host.read(ROBOT_FILE)).trim());
    image = await pushImage(host, 'v1', 'exec sleep 1000');
  });
  after(async () => (host as ChefHost | undefined)?.stop());

  const ask = (user: string): Promise<ToolResult> =>
    host.tryRun(['runuser', '-u', user, '--', HELPER, 'get'], {
      input: REGISTRY,
      env: { HOME: user === 'root' ? '/root' : `/home/${user}` },
    });
  const kept = async (user = 'root'): Promise<readonly [string, string]> => {
    const { stdout } = await ask(user);
    const { Username, Secret } = JSON.parse(stdout) as Kept;
    return [Username, Secret];
  };
  const configFile = async (path = CONFIG): Promise<ConfigFile> =>
    JSON.parse(await host.read(path)) as ConfigFile;
  const pull = async (): Promise<number> => {
    const { code } = await host.tryRun(['docker', 'pull', '--quiet', image]);
    if (code === 0) await host.run('docker', 'rmi', image);
    return code;
  };
  /** A store of pass with a key of its own, which has no passphrase. */
  const setUp = async (user: string): Promise<void> => {
    const as = ['runuser', '-u', user, '--'];
    const key = ['--batch', '--passphrase', '', '--quick-gen-key', user, 'default', 'default', 'never'];
    const options = { env: { HOME: user === 'root' ? '/root' : `/home/${user}` } };
    for (const command of [
      ['gpg', ...key],
      ['pass', 'init', user],
    ]) {
      const { code, stdout, stderr } = await host.tryRun([...as, ...command], options);
      assert.equal(code, 0, stdout + stderr);
    }
  };

  it('is refused, and leaves the login that there is, where the helper is not there or not set up', async () => {
    const before = await host.read(CONFIG);
    const other = login(ofRobot.replace("'pass'", "'nobody'"));
    await watch.fails(other, /: credential_helper nobody: there is no docker-credential-nobody in the PATH$/);
    await watch.fails(
      login(ofRobot),
      /: credential_helper pass: docker-credential-pass store failed \(exit status \d+\); is it set up for root\? run `docker-credential-pass list` as root$/,
    );
    assert.equal(await host.read(CONFIG), before);
    assert.equal(await pull(), 0);
  });

  it('changes nothing where it is only asked why', async () => {
    await setUp('root');
    await assertWhyRun(host, watch, login(ofRobot));
    assert.match((await ask('root')).stdout.trim(), NO_LOGIN);
  });

  it('has the helper keep the secret, and docker pulls with it', async () => {
    await watch.changesOnce(login(ofRobot));
    const { auths, credHelpers } = await configFile();
    assert.deepEqual([auths, credHelpers], [{}, { [REGISTRY]: 'pass' }]);
    assert.deepEqual(await kept(), ['web', (await host.read(ROBOT_FILE)).trim()]);
    assert.equal(await pull(), 0);
  });

  it('becomes that of another user', async () => {
    await watch.changesOnce(login(ofCarol));
    assert.deepEqual(await kept(), ['carol', SECRETS.user]);
    assert.equal(await pull(), 0);
    await watch.changesOnce(login(ofRobot));
    assert.equal((await kept())[0], 'web');
    await watch.changesOnce(login(ofCarol));
  });

  it('gets another password', async () => {
    const password = `second-${SECRETS.user}`;
    await host.write(USER_FILE, `${password}\n`);
    await watch.changesOnce(carol);
    assert.notEqual(await pull(), 0);
    await watch.changesOnce(login(ofCarol));
    assert.deepEqual(await kept(), ['carol', password]);
    assert.equal(await pull(), 0);
  });

  it('is made good where somebody took it out of the helper', async () => {
    await host.tryRun([HELPER, 'erase'], { input: REGISTRY });
    await watch.changesOnce(login(ofCarol));
    assert.equal((await kept())[0], 'carol');
  });

  it('is that of a user who is not root', async () => {
    await host.run('useradd', '--create-home', 'dave');
    await setUp('dave');
    await watch.changesOnce(login(`${ofRobot}; user 'dave'`));
    assert.equal((await kept('dave'))[0], 'web');
    assert.equal((await kept())[0], 'carol');
    const owners = await host.run(
      'sh',
      '-c',
      'find /home/dave/.docker /home/dave/.password-store ! -user dave',
    );
    assert.equal(owners.stdout, '');
    await watch.changesOnce(login(`username 'web'; user 'dave'; action :delete`));
    assert.match((await ask('dave')).stdout.trim(), NO_LOGIN);
  });

  it('goes from the file and the helper, which need not be named', async () => {
    await watch.changesOnce(login('action :delete'));
    assert.doesNotMatch(await host.read(CONFIG), /pass|10\.66/);
    assert.match((await ask('root')).stdout.trim(), NO_LOGIN);
    const left = await host.run('find', '/root/.password-store', '-name', '*.gpg');
    assert.doesNotMatch(left.stdout, /carol|web/);
    assert.notEqual(await pull(), 0);
    assert.equal((await watch.converge(login("credential_helper 'pass'; action :delete"))).updated, 0);
  });

  it('goes from a helper that the file names no more, where that one is named', async () => {
    await watch.changesOnce(login(ofCarol));
    await host.run('rm', CONFIG);
    await watch.changesOnce(login("credential_helper 'pass'; action :delete"));
    assert.match((await ask('root')).stdout.trim(), NO_LOGIN);
  });

  it('goes from the file with a warning where the helper is gone', async () => {
    await watch.changesOnce(login(ofCarol));
    const found = `which -a ${HELPER} | xargs -n 1 realpath | sort -u`;
    await host.run('sh', '-c', `${found} | while read -r file; do mv "$file" "$file-away"; done`);
    const { code, output } = await watch.converge(login('action :delete'));
    assert.equal(code, 0, output);
    assert.match(output, /WARN: .*there is no docker-credential-pass in the PATH; what it keeps stays/);
    assert.doesNotMatch(await host.read(CONFIG), /10\.66/);
    assert.equal((await watch.converge(login('action :delete'))).updated, 0);
  });

  it('stays with another user where the helper takes no other one, or none once that is erased', async () => {
    await host.write(BED_HELPER, BED_PROGRAM, 0o755);
    await host.write(BED_REFUSAL, '');
    await host.run('mkdir', '-p', BED_LOGINS);
    const inBed = (text: string): string => login(text.replace("'pass'", "'bed'"));
    const held = async (): Promise<string> => (await host.run('sh', '-c', `cat ${BED_LOGINS}/*`)).stdout;
    await watch.changesOnce(inBed(ofCarol));
    const before = JSON.parse(await held()) as Kept;
    assert.equal(before.Username, 'carol');
    for (const refusal of ['always', 'alone']) {
      await host.write(BED_REFUSAL, refusal);
      await watch.fails(inBed(ofRobot), /: docker-credential-bed store failed \(exit status 1\); /);
      assert.deepEqual(JSON.parse(await held()), before);
      assert.equal(await pull(), 0);
    }
    await host.write(BED_REFUSAL, '');
    await watch.changesOnce(inBed(ofRobot));
    assert.equal((JSON.parse(await held()) as Kept).Username, 'web');
    assert.equal(await pull(), 0);
  });

  it('showed no secret', () => {
    assert.ok(/docker-credential-pass\0store/.test(watch.text()), 'the helper was not seen');
    for (const secret of secrets) assert.ok(!watch.text().includes(secret), 'a secret was shown');
  });
});
