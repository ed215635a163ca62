import assert from 'node:assert/strict';
import { parseRepositoryName } from '../../../src/domain/repository-name.js';
import { UpstreamError, isUpstreamError } from '../../../src/mirror/upstream/upstream-error.js';
import type { UpstreamFailure } from '../../../src/mirror/upstream/upstream-error.js';
import { UpstreamHealth } from '../../../src/mirror/upstream/upstream-health.js';
import type { Passage } from '../../../src/mirror/upstream/upstream-health.js';
import type { MirrorEvent } from '../../../src/ports/mirror-telemetry.js';
import { FakeClock } from '../../support/in-process.js';
import { REPOSITORY, withUpstreamBed } from './upstream-bed.js';

describe('Health of an upstream', () => {
  let clock: FakeClock;
  let events: MirrorEvent[];
  let health: UpstreamHealth;
  beforeEach(() => {
    clock = new FakeClock();
    events = [];
    health = new UpstreamHealth(
      'hub',
      { clock, telemetry: { mirrorEvent: (event) => events.push(event) } },
      { failures: 3, leastWait: 1000, mostWait: 4000 },
    );
  });

  const enter = (repository = REPOSITORY): Passage => health.enter(repository);
  const fail = (failure: UpstreamFailure = 'unavailable', passage: Passage = enter()): void =>
    passage.failed(new UpstreamError(failure, `it is ${failure}`, { retryAfter: 30 }));
  const refusal = (): UpstreamError => {
    try {
      enter();
    } catch (error) {
      if (isUpstreamError(error)) return error;
      throw error;
    }
    throw new Error('it was let through');
  };
  const states = (): readonly string[] =>
    events.flatMap((event) => (event.kind === 'state' ? [event.state] : []));
  const openCircuit = (): void => {
    for (let times = 0; times < 3; times++) fail();
  };

  it('is not known before the first answer', () => {
    assert.deepEqual(health.state(), { state: 'up', since: undefined });
    enter().whole();
    enter().whole();
    assert.deepEqual(health.state(), { state: 'up', since: clock.now() });
    assert.deepEqual(events, [{ upstream: 'hub', kind: 'state', state: 'up' }]);
  });

  it('lets nobody through until the time that a limited upstream named', () => {
    fail('limited');
    clock.advance(12_000);
    const error = refusal();
    assert.deepEqual([error.failure, error.retryAfter], ['limited', 18]);
    assert.deepEqual(health.state(), {
      state: 'limited',
      since: clock.now() - 12_000,
      until: clock.now() + 18_000,
      failure: 'limited',
      reason: 'it is limited',
    });
    clock.advance(18_000);
    enter().whole();
    assert.deepEqual(states(), ['limited', 'up']);
  });

  it('stays limited whatever earlier questions come to', () => {
    const earlier = [enter(), enter(), enter(), enter()] as const;
    fail('limited');
    earlier[0].whole();
    for (const passage of earlier.slice(1)) fail('unavailable', passage);
    assert.equal(refusal().failure, 'limited');
    assert.deepEqual(states(), ['limited']);
  });

  it('is down after failures in a row, and then throws at once', () => {
    openCircuit();
    const error = refusal();
    assert.deepEqual([error.failure, error.retryAfter], ['unavailable', 1]);
    assert.match(error.message, /^hub is left alone for a while: it is unavailable$/);
    assert.deepEqual(states(), ['down']);
    assert.equal(events.filter(({ kind }) => kind === 'failed').length, 3);
  });

  for (const failure of ['absent', 'denied', 'refused', 'dishonest'] as const) {
    it(`takes ${failure} for an answer`, () => {
      for (let times = 0; times < 10; times++) {
        fail();
        fail();
        fail(failure);
      }
      assert.equal(health.state().state, 'up');
    });
  }

  it('lets one probe through at a time, and all once it succeeded', () => {
    openCircuit();
    clock.advance(1000);
    const probe = enter();
    assert.equal(refusal().failure, 'unavailable');
    probe.left();
    const second = enter();
    assert.equal(refusal().failure, 'unavailable');
    second.answered();
    enter();
    enter();
    assert.deepEqual(states(), ['down', 'up']);
  });

  it('waits twice as long after each failed probe, to a limit, and anew after a whole answer', () => {
    openCircuit();
    for (const wait of [1000, 2000, 4000, 4000]) {
      clock.advance(wait - 1);
      refusal();
      clock.advance(1);
      fail();
    }
    clock.advance(4000);
    enter().whole();
    openCircuit();
    clock.advance(1000);
    enter();
    assert.deepEqual(states(), ['down', 'up', 'down']);
  });

  it('waits longer too where answers begin and never end', () => {
    openCircuit();
    clock.advance(1000);
    enter().answered();
    openCircuit();
    clock.advance(1000);
    assert.equal(refusal().failure, 'unavailable');
    clock.advance(1000);
    enter();
  });

  it('counts answers that break off', () => {
    for (let times = 0; times < 3; times++) {
      const passage = enter();
      passage.answered();
      fail('unavailable', passage);
    }
    assert.equal(refusal().failure, 'unavailable');
  });

  describe('of one repository', () => {
    const OTHERS = ['team/a', 'team/b', 'team/c'].map(parseRepositoryName);
    const failOf = (repository = REPOSITORY): void =>
      enter(repository).failed(new UpstreamError('unavailable', 'it fails', { about: 'repository' }));

    it('counts its failures once, until something succeeds', () => {
      for (let times = 0; times < 10; times++) failOf();
      fail();
      assert.equal(health.state().state, 'up');
      enter().whole();
      failOf();
      fail();
      assert.equal(health.state().state, 'up');
      fail();
      assert.equal(health.state().state, 'down');
    });

    it('counts those of as many others', () => {
      OTHERS.forEach(failOf);
      assert.equal(refusal().failure, 'unavailable');
    });

    it('waits twice as long where its probe fails', () => {
      OTHERS.forEach(failOf);
      clock.advance(1000);
      failOf(OTHERS[0]);
      clock.advance(1999);
      refusal();
      clock.advance(1);
      enter();
    });
  });

  for (const failure of ['unavailable', 'limited'] as const) {
    it(`is not ${failure} by what it led to, and answered by leading there`, () => {
      const elsewhere = (): void =>
        enter().failed(new UpstreamError(failure, 'it fails', { about: 'elsewhere', retryAfter: 30 }));
      for (let times = 0; times < 10; times++) elsewhere();
      assert.deepEqual([health.state().state, health.state().failure], ['up', failure]);
      openCircuit();
      clock.advance(1000);
      elsewhere();
      enter();
      enter();
      assert.deepEqual(states(), ['up', 'down', 'up']);
    });
  }

  it('does not wait longer for questions that were on their way', () => {
    const late = Array.from({ length: 20 }, () => enter());
    openCircuit();
    for (const passage of late) fail('unavailable', passage);
    clock.advance(1000);
    enter();
  });

  it('has no failure for an absence, nor an event for a question that was left', () => {
    fail('absent');
    enter().left();
    assert.deepEqual(
      events.map(({ kind }) => kind),
      ['failed', 'state'],
    );
    assert.equal(health.state().failure, undefined);
  });
});

describe('Upstream client', () => {
  const bed = withUpstreamBed();
  const question = { method: 'GET', repository: REPOSITORY, path: 'tags/list' } as const;

  it('does not ask a limited upstream before its time', async () => {
    const origin = await bed().origin((_, response) =>
      response.writeHead(429, { 'retry-after': '10' }).end(),
    );
    const client = bed().client({ url: origin.url });
    await bed().failure(client.ask(question));
    bed().clock.advance(4000);
    const error = await bed().failure(client.ask(question));
    assert.deepEqual([error.failure, error.retryAfter, origin.asked.length], ['limited', 6, 1]);
    bed().clock.advance(6000);
    await bed().failure(client.ask(question));
    assert.equal(origin.asked.length, 2);
  });

  it('does not ask an upstream that is down, but for one probe', async () => {
    let isWell = false;
    const origin = await bed().origin((_, response) => response.writeHead(isWell ? 200 : 503).end('{}'));
    const client = bed().client({ url: origin.url });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
      await bed().failure(client.ask({ ...question, repository: parseRepositoryName(name) }));
    assert.deepEqual([origin.asked.length, client.state().state], [5, 'down']);
    bed().clock.advance(1000);
    isWell = true;
    const asked = await Promise.allSettled([
      client.ask(question),
      client.ask(question),
      client.ask(question),
    ]);
    assert.deepEqual(
      asked.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    );
    assert.deepEqual([origin.asked.length, client.state().state], [6, 'up']);
  });
});
