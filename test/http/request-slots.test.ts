import assert from 'node:assert/strict';
import { RequestSlots, type Turn } from '../../src/http/request-slots.js';

const LONG = 60_000;

/** Requests by name, and what became of each. */
class Requests {
  readonly events: string[] = [];

  constructor(private readonly slots: RequestSlots) {}

  enter(name: string, { transfer = false, refused = (): void => undefined } = {}): Turn {
    return this.slots.enter({
      transfer,
      begin: () => this.events.push(`${name} begins`),
      refuse: () => {
        this.events.push(`${name} is refused`);
        refused();
      },
    });
  }

  seen(): string[] {
    return this.events.splice(0);
  }
}

describe('http/request-slots', () => {
  it('lets so many begin, as many wait in order, and refuses the rest at once', () => {
    const requests = new Requests(new RequestSlots(2, LONG));
    const [first, second, , fourth] = ['1', '2', '3', '4', '5'].map((name) => requests.enter(name));
    assert.deepEqual(requests.seen(), ['1 begins', '2 begins', '5 is refused']);
    second?.leave();
    assert.deepEqual(requests.seen(), ['3 begins']);
    first?.leave();
    assert.deepEqual(requests.seen(), ['4 begins']);
    fourth?.leave();
    requests.enter('6');
    assert.deepEqual(requests.seen(), ['6 begins']);
  });

  it('a client that goes while it waits takes no slot', () => {
    const requests = new Requests(new RequestSlots(1, LONG));
    const first = requests.enter('1');
    const second = requests.enter('2');
    second.leave();
    const third = requests.enter('3');
    assert.deepEqual(requests.seen(), ['1 begins']);
    first.leave();
    assert.deepEqual(requests.seen(), ['3 begins']);
    third.leave();
    requests.enter('4');
    assert.deepEqual(requests.seen(), ['4 begins']);
  });

  it('transfers leave an eighth of the slots to all others, who are also first in the queue', () => {
    const requests = new Requests(new RequestSlots(8, LONG));
    const transfers = Array.from({ length: 8 }, (_, i) => requests.enter(`t${i}`, { transfer: true }));
    assert.equal(requests.seen().length, 7);
    const small = requests.enter('small');
    const late = requests.enter('late');
    assert.deepEqual(requests.seen(), ['small begins']);
    small.leave();
    assert.deepEqual(requests.seen(), ['late begins']);
    transfers[0]?.leave();
    assert.deepEqual(requests.seen(), ['t7 begins']);
    late.leave();
    assert.deepEqual(requests.seen(), []);
  });

  it('of two slots or more one is kept from transfers, of a single one none', () => {
    for (const [limit, begun] of [
      [1, 1],
      [2, 1],
      [7, 6],
    ] as const) {
      const requests = new Requests(new RequestSlots(limit, LONG));
      const turns = Array.from({ length: limit }, () => requests.enter('t', { transfer: true }));
      assert.equal(requests.seen().length, begun, `${limit}`);
      for (const turn of turns) turn.leave();
    }
  });

  it('transfers that wait refuse nothing else, nor do others that wait refuse transfers', () => {
    const requests = new Requests(new RequestSlots(2, LONG));
    const wait = (name: string, transfer: boolean): Turn => requests.enter(name, { transfer });
    const turns = [wait('t1', true), wait('t2', true), wait('t3', true), wait('t4', true)];
    assert.deepEqual(requests.seen(), ['t1 begins', 't4 is refused']);
    turns.push(wait('o1', false), wait('o2', false), wait('o3', false), wait('o4', false));
    assert.deepEqual(requests.seen(), ['o1 begins', 'o4 is refused']);
    turns[0]?.leave();
    assert.deepEqual(requests.seen(), ['o2 begins']);
    for (const turn of turns.slice(1)) turn.leave();
  });

  it('loses no slot to a request that throws as it begins', () => {
    const slots = new RequestSlots(1, LONG);
    const throwing = {
      transfer: false,
      begin: (): void => {
        throw new Error('a defect');
      },
      refuse: (): void => undefined,
    };
    assert.throws(() => slots.enter(throwing), /a defect/);
    const requests = new Requests(slots);
    const first = requests.enter('1');
    const second = slots.enter(throwing);
    const third = requests.enter('3', { transfer: true });
    assert.throws(() => first.leave(), /a defect/);
    second.leave();
    assert.deepEqual(requests.seen(), ['1 begins', '3 begins']);
    third.leave();
    requests.enter('4');
    assert.deepEqual(requests.seen(), ['4 begins']);
  });

  it('refuses all that wait when it is told to, once', () => {
    const slots = new RequestSlots(2, LONG);
    const requests = new Requests(slots);
    const begun = [requests.enter('1'), requests.enter('2')];
    const waiting = [requests.enter('3'), requests.enter('t', { transfer: true })];
    requests.seen();
    assert.equal(slots.refuseWaiting(), 2);
    assert.deepEqual(requests.seen(), ['3 is refused', 't is refused']);
    assert.equal(slots.refuseWaiting(), 0);
    for (const turn of [...begun, ...waiting]) turn.leave();
    assert.deepEqual(requests.seen(), []);
  });

  it('refuses who waited too long, once', async () => {
    const requests = new Requests(new RequestSlots(1, 1));
    const first = requests.enter('1');
    let turn: Turn | undefined;
    await new Promise<void>((refused) => (turn = requests.enter('2', { refused })));
    assert.deepEqual(requests.seen(), ['1 begins', '2 is refused']);
    turn?.leave();
    first.leave();
    assert.deepEqual(requests.seen(), []);
    requests.enter('3');
    assert.deepEqual(requests.seen(), ['3 begins']);
  });
});
