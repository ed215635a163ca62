import assert from 'node:assert/strict';
import { noInvalidations } from '../../src/composition/worker-bus.js';
import { parseRepositoryName } from '../../src/domain/repository-name.js';
import { digestOf } from '../../src/registry/digester.js';
import { Membership } from '../../src/registry/membership.js';
import { FakeClock, inProcessBus } from '../support/in-process.js';

const A = parseRepositoryName('a');
const B = parseRepositoryName('b');
const DIGEST = digestOf(Buffer.from('x'));
const MEMBER = { stored: DIGEST, size: 1 };

describe('registry/membership', () => {
  it('remembers positive answers for so long, per repository', async () => {
    const clock = new FakeClock();
    const membership = new Membership('layer', clock, noInvalidations, 5000);
    let reads = 0;
    const read = async () => ((reads += 1), MEMBER);
    for (let time = 1; time <= 3; time++) assert.equal((await membership.find(A, DIGEST, read)).size, 1);
    assert.equal(reads, 1);
    assert.equal(membership.get(B, DIGEST), undefined);
    clock.advance(4999);
    assert.ok(membership.get(A, DIGEST));
    clock.advance(1);
    assert.equal(membership.get(A, DIGEST), undefined);
    await assert.rejects(
      membership.find(B, DIGEST, () => Promise.reject(new Error('none'))),
      /none/,
    );
    assert.equal((await membership.find(B, DIGEST, read)).size, 1);
  });

  it('0 remembers nothing', async () => {
    const membership = new Membership('layer', new FakeClock(), noInvalidations, 0);
    membership.set(A, DIGEST, MEMBER, membership.now());
    await membership.find(A, DIGEST, async () => MEMBER);
    assert.equal(membership.get(A, DIGEST), undefined);
  });

  it('does not remember what was forgotten while it was read', async () => {
    const membership = new Membership('layer', new FakeClock(), noInvalidations, 5000);
    await membership.find(A, DIGEST, async () => {
      await membership.forget(A, DIGEST);
      return MEMBER;
    });
    assert.equal(membership.get(A, DIGEST), undefined);
  });

  it('does not remember a link that was deleted while it was written', async () => {
    const membership = new Membership('layer', new FakeClock(), noInvalidations, 5000);
    const since = membership.now();
    await membership.forget(A, DIGEST);
    membership.set(A, DIGEST, MEMBER, since);
    assert.equal(membership.get(A, DIGEST), undefined);
  });

  it('is told by other workers, each kind its own', async () => {
    const [here, there] = inProcessBus(2);
    assert.ok(here && there);
    const clock = new FakeClock();
    const layers = new Membership('layer', clock, here, 5000);
    const revisions = new Membership('revision', clock, here, 5000);
    const others = new Membership('layer', clock, there, 5000);
    for (const each of [layers, revisions, others]) each.set(A, DIGEST, MEMBER, each.now());
    await others.forget(A, DIGEST);
    assert.equal(layers.get(A, DIGEST), undefined);
    assert.equal(others.get(A, DIGEST), undefined);
    assert.ok(revisions.get(A, DIGEST));
  });
});
