import assert from 'node:assert/strict';
import type { Principal } from '../../../src/ports/auth.js';
import { swiftBed } from '../../support/swift-bed.js';
import { bench, closeWorld, makeWorld } from './keystone-world.js';
import type { World } from './keystone-world.js';

describe('auth/keystone', function () {
  this.timeout(60_000);
  let world: World;

  before(async function () {
    world = await makeWorld(await swiftBed(this));
  });

  beforeEach(() => world.proxy.reset());
  afterEach(() => world.proxy.heal());

  after(async () => {
    await closeWorld(world);
  });

  it('knows a user with and without its domain, and its rights in each project', async () => {
    const { user, subject, team, data } = world;
    for (const username of [user.name, subject]) {
      const principal = await bench(world).login(username, user.password);
      assert.equal(principal?.subject, subject);
      assert.deepEqual(grantsOf(principal), [
        [`${data.id}/**`, 'pull'],
        [`${team.name.toLowerCase()}/**`, 'pull,push'],
      ]);
    }
  });

  it('has the grants of the user, then of each role that it holds anywhere', async () => {
    const { user, subject, role } = world;
    const principal = await bench(world).login(subject, user.password);
    const roles = principal?.grantees.filter(({ kind }) => kind === 'role').map(({ name }) => name);
    assert.deepEqual(principal?.grantees[0], { kind: 'user', name: subject });
    assert.deepEqual(roles, [role.name, 'member', 'reader'].sort());
  });

  it('refuses wrong passwords, users and domains', async () => {
    const { user, subject } = world;
    const { login } = bench(world);
    assert.equal(await login(subject, 'wrong'), undefined);
    assert.equal(await login('nobody@Default', user.password), undefined);
    assert.equal(await login(`${user.name}@Nowhere`, user.password), undefined);
    assert.equal(await login('x'.repeat(400), user.password), undefined);
    assert.equal(await login(subject, ''), undefined);
  });

  it('refuses a user that is disabled', async () => {
    const { admin } = world;
    const user = await admin.user('leaver');
    const { login, clock } = bench(world);
    assert.equal((await login(user.name, user.password))?.subject, `${user.name}@Default`);
    await admin.disable(user);
    clock.time += 60_000;
    assert.equal(await login(user.name, user.password), undefined);
  });

  it('knows an application credential by id and by name, with its own rights alone', async () => {
    const { id, name, secret } = world.credential;
    for (const username of [id, `registry@Default/${name}`]) {
      const principal = await bench(world).login(username, secret);
      assert.equal(principal?.subject, 'registry@Default');
      assert.deepEqual(grantsOf(principal), [['registry/**', 'pull']]);
      assert.deepEqual(principal.grantees, [{ kind: 'role', name: 'swiftoperator' }]);
    }
  });

  it('gives an application credential nothing in a project that does not count', async () => {
    const { id, secret } = world.credential;
    const principal = await bench(world, { projects: ['other'] }).login(id, secret);
    assert.deepEqual([principal?.implied, principal?.grantees], [[], []]);
  });

  it('refuses application credentials that are wrong', async () => {
    const { id, secret } = world.credential;
    const { login } = bench(world);
    assert.equal(await login(id, 'wrong'), undefined);
    assert.equal(await login('0'.repeat(32), secret), undefined);
    assert.equal(await login('registry@Default/other', secret), undefined);
  });

  it('gives projects of another domain no name of the own one', async () => {
    const { stranger, foreign, domain } = world;
    const subject = `${stranger.name}@${domain.name}`;
    const principal = await bench(world).login(subject, stranger.password);
    assert.equal(principal?.subject, subject);
    assert.deepEqual(grantsOf(principal), [[`${foreign.id}/**`, 'pull,push']]);
    const { login } = bench(world, { namespace: 'os/{domain}/{project}/**' });
    assert.deepEqual(grantsOf(await login(subject, stranger.password)), [
      [`os/${domain.name}/${foreign.name.toLowerCase()}/**`, 'pull,push'],
    ]);
  });

  it('counts the projects of its list alone, by name or id', async () => {
    const { user, team, data, stranger, domain } = world;
    const inTeam = await bench(world, { projects: [team.name] }).login(user.name, user.password);
    assert.deepEqual(grantsOf(inTeam), [[`${team.name.toLowerCase()}/**`, 'pull,push']]);
    const inData = await bench(world, { projects: [data.id] }).login(user.name, user.password);
    assert.deepEqual(
      inData?.grantees.map(({ name }) => name),
      [`${user.name}@Default`, 'reader'],
    );
    const subject = `${stranger.name}@${domain.name}`;
    const elsewhere = await bench(world, { projects: [team.name] }).login(subject, stranger.password);
    assert.deepEqual(elsewhere?.grantees, [{ kind: 'user', name: subject }]);
    const named = await bench(world, { projects: [`${team.name}@${domain.name}`] }).login(
      subject,
      stranger.password,
    );
    assert.equal(named?.implied.length, 1);
  });

  it('asks nothing twice within a minute, and all of wrong passwords again', async () => {
    const { user, proxy } = world;
    const { login, clock } = bench(world);
    await Promise.all([1, 2, 3].map(() => login(user.name, user.password)));
    assert.equal(proxy.requests.length, 4); // a token, the projects, a token for each of two
    await login(user.name, user.password);
    assert.equal(proxy.requests.length, 4);
    await login(user.name, 'wrong');
    await login(user.name, 'wrong');
    assert.equal(proxy.requests.length, 6);
    clock.time += 60_000;
    await login(user.name, user.password);
    assert.equal(proxy.requests.length, 10);
    assert.ok(proxy.requests.every(({ method, query }) => method === 'GET' || query === 'nocatalog'));
  });

  it('asks nothing for names that others have, and nothing by access tokens', async () => {
    const { user, subject, proxy } = world;
    const { login } = bench(world, {}, { taken: [user.name] });
    assert.equal(await login(user.name, user.password), undefined);
    assert.equal(await login(subject, `sy_${'a'.repeat(26)}_${'b'.repeat(43)}`), undefined);
    assert.equal(proxy.requests.length, 0);
    assert.notEqual(await login(subject, user.password), undefined);
  });
});

function grantsOf(principal: Principal | undefined) {
  return principal?.implied
    .map(({ repositories, actions }) => [repositories.text, actions.join()])
    .sort(([a = ''], [b = '']) => {
      const isId = (text: string) => Number(/^[0-9a-f]{32}\//.test(text));
      return isId(b) - isId(a);
    });
}
