import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Profiles, profilesPath } from '../../src/composition/profiles.js';
import { temporaryDirectory, type TemporaryDirectory } from '../support/temporary.js';

const A = 'https://a.example';
const B = 'https://b.example:5000/registry';

describe('composition/profiles', () => {
  let home: TemporaryDirectory;
  let path: string;
  let profiles: Profiles;

  beforeEach(async () => {
    home = await temporaryDirectory('profiles');
    path = join(home.path, 'config', 'stackyard', 'profiles.json');
    profiles = new Profiles(path);
  });
  afterEach(() => home.remove());

  it('keeps logins by server, for nobody else to read', async () => {
    assert.equal(await profiles.find(A), undefined);
    await profiles.save(A, { username: 'alice', secret: 'one' });
    await profiles.save(B, { secret: 'sy_two', ca: '/ca.pem' });
    await profiles.save(A, { username: 'alice', secret: 'three' });
    assert.deepEqual(await profiles.find(A), { username: 'alice', secret: 'three' });
    assert.deepEqual(await new Profiles(path).find(B), { secret: 'sy_two', ca: '/ca.pem' });
    assert.equal(await profiles.find('toString'), undefined);
    const mode = async (of: string): Promise<number> => (await stat(of)).mode & 0o777;
    assert.deepEqual([await mode(path), await mode(join(path, '..'))], [0o600, 0o700]);
    assert.deepEqual(await readdir(join(path, '..')), ['profiles.json']);
  });

  it('forgets a login', async () => {
    await profiles.save(A, { secret: 'one' });
    await profiles.save(B, { secret: 'two' });
    assert.deepEqual([await profiles.remove(A), await profiles.remove(A)], [true, false]);
    assert.deepEqual([await profiles.find(A), await profiles.find(B)], [undefined, { secret: 'two' }]);
    assert.doesNotMatch(await readFile(path, 'utf8'), /one/);
  });

  it('refuses a file that others may read, and changes nothing of it', async () => {
    await profiles.save(A, { secret: 'one' });
    for (const mode of [0o640, 0o604, 0o620]) {
      await chmod(path, mode);
      const refusal = {
        name: 'ProfileError',
        message: new RegExp(`^${path} may be read by others; run chmod 600 `),
      };
      await assert.rejects(profiles.find(A), refusal);
      await assert.rejects(profiles.save(B, { secret: 'two' }), refusal);
    }
    await chmod(path, 0o600);
    assert.equal(await profiles.find(B), undefined);
  });

  it('refuses what is no file of logins, without showing it', async () => {
    await mkdir(join(path, '..'), { recursive: true });
    for (const text of ['geheim', '{"profiles":{"https://a.example":{"secret":1,"x":"geheim"}}}', '[]']) {
      await writeFile(path, text, { mode: 0o600 });
      await assert.rejects(profiles.find(A), (error: Error) => {
        assert.match(error.message, /is no file of logins; remove it, and run stackyard login again$/);
        return !error.message.includes('geheim');
      });
    }
    await assert.rejects(new Profiles(home.path).find(A), { name: 'ProfileError' });
  });

  it('lies where its variable says, else where the user keeps such files', () => {
    assert.equal(profilesPath({ STACKYARD_PROFILES: '/x.json', XDG_CONFIG_HOME: '/c' }, '/h'), '/x.json');
    assert.equal(profilesPath({ XDG_CONFIG_HOME: '/c' }, '/h'), '/c/stackyard/profiles.json');
    assert.equal(profilesPath({ XDG_CONFIG_HOME: '' }, '/h'), '/h/.config/stackyard/profiles.json');
  });
});
