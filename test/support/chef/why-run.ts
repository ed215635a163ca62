import assert from 'node:assert/strict';
import type { ChefHost } from './host.js';
import type { Watch } from './watch.js';

/** What the cookbook and the engines write, with all that is below. */
const DEEP = '/etc /opt/stackyard* /root/.docker /root/.config /srv /usr/local/bin /var/lib/stackyard';
/** Whose own names are enough. */
const SHALLOW = '/ /opt /root /usr/local /var/lib';
/** What the tests themselves write there at each run. */
const OF_TESTS = String.raw`-path /srv/bed -prune -o`;

/** Converges as Chef does where it only asks why: it has to find no fault, and to leave every file as it was. */
export async function assertWhyRun(host: ChefHost, watch: Watch, text: string): Promise<void> {
  const before = await filesOf(host);
  const { code, updated, output } = await watch.converge(text, { whyRun: true });
  assert.equal(code, 0, output);
  assert.ok(updated > 0, output);
  const after = await filesOf(host);
  const changed = [...after].filter((line) => !before.has(line));
  assert.deepEqual([changed, [...before].filter((line) => !after.has(line))], [[], []]);
}

async function filesOf(host: ChefHost): Promise<ReadonlySet<string>> {
  const format = String.raw`%p %y %m %u %g %s %l %C@\n`;
  const deep = `find $(ls -d ${DEEP} 2>/dev/null) ${OF_TESTS} -printf '${format}'`;
  const shallow = `find ${SHALLOW} -maxdepth 1 -printf '%p %y %m %u %g %l\\n'`;
  const { stdout } = await host.run('sh', '-c', `${deep}; ${shallow}`);
  return new Set(stdout.split('\n'));
}
