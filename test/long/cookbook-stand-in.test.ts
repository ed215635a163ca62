import assert from 'node:assert/strict';
import { startChefHost, type ChefHost, type Converge } from '../support/chef/host.js';
import { Watch } from '../support/chef/watch.js';
import { assertWhyRun } from '../support/chef/why-run.js';

const FOLDER = '/srv/strict';
const SECRET = 'hunter2-of-the-stand-in';

/** What Chef does that finds mistakes of recipes; a converger that is softer would hide them. */
describe('the converger of the cookbook', function () {
  this.timeout(60_000);
  let host: ChefHost;

  before(async function () {
    host = await startChefHost(this, []);
  });
  beforeEach(() => host.run('sh', '-c', `rm -rf ${FOLDER} && mkdir -m 755 ${FOLDER}`));
  after(async () => (host as ChefHost | undefined)?.stop());

  const converged = async (text: string): Promise<Converge> => {
    const result = await host.converge(text);
    assert.equal(result.code, 0, result.output);
    return result;
  };
  const file = (name: string, properties: string): string =>
    `file '${FOLDER}/${name}' do\n  ${properties.split('; ').join('\n  ')}\nend\n`;

  describe('file', () => {
    it('refuses a secret that others could read before it had its mode', async () => {
      const secret = `content '${SECRET}'; sensitive true; backup false; mode '0600'`;
      const { code, failure } = await host.converge(file('a', secret));
      assert.equal(code, 1);
      assert.match(
        failure ?? '',
        /a: its secret was there with the mode 0644 before it had 0600; give it umask/,
      );
      await converged(file('b', `${secret}; umask '0077'`));
      assert.equal(await host.mode(`${FOLDER}/b`), '0600');
    });

    it('manages what a link leads to, and warns', async () => {
      await host.run('sh', '-c', `cd ${FOLDER} && echo before >real && ln -s real link`);
      const { output } = await converged(file('link', "content 'after'; mode '0640'"));
      assert.match(output, /WARN: .*link .* is really a symlink/);
      assert.equal(await host.read(`${FOLDER}/real`), 'after');
      assert.equal(await host.mode(`${FOLDER}/real`), '0640');
    });

    it('refuses a link that it is not to follow, unless it may take it away', async () => {
      await host.run('sh', '-c', `cd ${FOLDER} && echo before >real && ln -s real link`);
      const properties = "content 'after'; manage_symlink_source false";
      const { failure } = await host.converge(file('link', properties));
      assert.match(failure ?? '', /exists, but is a symlink, set force_unlink to true to remove/);
      await converged(file('link', `${properties}; force_unlink true`));
      assert.equal(await host.read(`${FOLDER}/real`), 'before\n');
      assert.equal((await host.run('readlink', '-f', `${FOLDER}/link`)).stdout.trim(), `${FOLDER}/link`);
    });

    it('leaves copies of what it replaced, took away or was refused, which a watch sees', async () => {
      for (const recipe of [
        file('a', "content 'other'; sensitive true"),
        file('a', 'action :delete'),
        file('a', `content 'new ${SECRET}'; sensitive true; verify 'test -z %{path}'`),
      ]) {
        await host.write(`${FOLDER}/a`, SECRET);
        const watch = new Watch(host);
        await watch.converge(recipe);
        assert.ok(watch.text().includes(SECRET), recipe);
        await host.run('rm', '-rf', '/var/cache/chef-bed/backup', '/var/cache/chef-bed/failed_validations');
      }
      const watch = new Watch(host);
      await host.write(`${FOLDER}/a`, SECRET);
      await watch.converge(file('a', 'action :delete; backup false'));
      assert.ok(!watch.text().includes(SECRET));
    });
  });

  it('replaces the members of a group that are not to be kept', async () => {
    const members = async (): Promise<string> =>
      (await host.run('getent', 'group', 'strict')).stdout.trim().replace(/.*:/, '');
    await converged("group('strict') { members %w[daemon bin] }");
    assert.equal(await members(), 'daemon,bin');
    await converged("group('strict') { members 'games'; append true }");
    assert.equal(await members(), 'daemon,bin,games');
    assert.equal((await converged("group('strict') { members 'games'; append true }")).updated, 0);
    await converged("group 'strict'");
    assert.equal(await members(), '');
  });

  it('runs a command of a user with the groups of root, but with its own and its home in a login', async () => {
    const ask = (login: string): string =>
      `Chef::Log.warn(shell_out!('sh', '-c', 'id -u; id -g; id -G; echo $HOME', user: 'games'${login}).stdout.split("\\n").join(' / '))`;
    const { output } = await converged(`${ask('')}\n${ask(', login: true')}`);
    const [plain, login] = [...output.matchAll(/^WARN: (.*)$/gm)].map(([, text = '']) => text);
    assert.match(plain ?? '', /^5 \/ 0 \/ 0(?: \d+)* \/ \/root$/);
    assert.equal(login, '5 / 60 / 60 / /usr/games');
  });

  it('gives attributes that no recipe changes, and copies that any may', async () => {
    const recipe = `
list = node['bed']['list']
copy = node['bed'].to_h { |key, value| raise 'a block was called' }
copy['list'] << 'more'
begin
  list.first << 'x'
rescue FrozenError
  Chef::Log.warn("#{list.to_a.inspect} #{copy['list'].inspect}")
end`;
    const { code, output } = await host.converge(recipe, { attributes: { bed: { list: ['a'] } } });
    assert.equal(code, 0, output);
    assert.match(output, /WARN: \["a"\] \["a", "more"\]/);
  });

  it('changes nothing where it is only asked why, of what no resource before it has made', async () => {
    const recipe = `
group 'nobody-yet'
user('nobody-yet') { gid 'nobody-yet' }
directory('${FOLDER}/new') { owner 'nobody-yet' }
file '${FOLDER}/new/file' do
  content 'x'
  group 'nobody-yet'
  mode '0600'
  sensitive true
end
link('${FOLDER}/link') { to '${FOLDER}/new' }
service('nobody-yet') { action %i[enable start] }`;
    await assertWhyRun(host, new Watch(host), recipe);
    assert.equal((await host.tryRun(['getent', 'passwd', 'nobody-yet'])).code, 2);
  });
});
