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
