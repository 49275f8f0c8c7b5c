import { describe, expect, it } from 'vitest';
import type { ClientConnection } from '../../../src/downstream/client-connection.ts';
import type { Crowd } from '../../../src/downstream/client-parts.ts';
import type { RefusalReason } from '../../../src/downstream/observer.ts';
import { RoomMaker } from '../../../src/downstream/room-maker.ts';
import { get, post, Scene, scenes } from './scene.ts';

class FakeConnection {
  isDestroyed = false;
  readonly #sinceMs: number | null;

  /** Null: it does not owe a request. */
  constructor(sinceMs: number | null) {
    this.#sinceMs = sinceMs;
  }

  owesForMs(nowMs: number): number {
    return this.#sinceMs === null ? 0 : nowMs - this.#sinceMs;
  }

  destroy(): void {
    this.isDestroyed = true;
  }
}

function crowdOf(...sinceMs: (number | null)[]) {
  const made = sinceMs.map((each) => new FakeConnection(each));
  const connections = new Set(made as unknown as ClientConnection[]);
  const crowd: Crowd = {
    connections,
    onClosed: (connection) => {
      connections.delete(connection);
    },
  };
  return { crowd, made, destroyed: () => made.map(({ isDestroyed }) => isDestroyed) };
}

function roomMakerFor(...crowds: Crowd[]) {
  const told: RefusalReason[] = [];
  const observer = {
    onConnection: () => undefined,
    onConnectionClosed: () => undefined,
    onRequest: () => undefined,
    onRefused: (reason: RefusalReason) => {
      told.push(reason);
    },
    onFault: () => undefined,
    onBytes: () => undefined,
  };
  return { maker: new RoomMaker(new Set(crowds), observer), told };
}

describe('RoomMaker', () => {
  it('closes the one that has owed a request for longest, of whichever listener, and tells it', () => {
    const [one, other] = [crowdOf(null, 5_000, 9_500), crowdOf(9_000, 1_000)];
    const { maker, told } = roomMakerFor(one.crowd, other.crowd);
    expect(maker.make(10_000)).toBe(true);
    expect([one.destroyed(), other.destroyed()]).toEqual([
      [false, true, false],
      [false, false],
    ]);
    // Of those that have waited half as long as the longest it is the first to come.
    expect(maker.make(10_000)).toBe(true);
    expect(other.destroyed()).toEqual([false, true]);
    expect(told).toEqual(['gave-way', 'gave-way']);
    expect(one.crowd.connections.size).toBe(2);
  });

  it('leaves alone who came a moment ago, and looks again only when somebody can have waited long enough', () => {
    const { crowd, destroyed } = crowdOf(9_850, null);
    const { maker } = roomMakerFor(crowd);
    expect(maker.make(10_000)).toBe(false);
    expect(maker.make(10_099)).toBe(false);
    expect(destroyed()).toEqual([false, false]);
    expect(maker.make(10_100)).toBe(true);
    expect(destroyed()).toEqual([true, false]);
  });

  it('closes a share of a large crowd at a time', () => {
    const { crowd, destroyed } = crowdOf(...Array.from({ length: 640 }, () => 0));
    const { maker } = roomMakerFor(crowd);
    expect(maker.make(2_000)).toBe(true);
    expect(destroyed().filter(Boolean)).toHaveLength(10);
  });
});

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));

describe('a client connection', () => {
  it('owes a request from the beginning, and between two of them, but not in one', () => {
    const on = scene();
    const client = on.connect();
    const owes = (): number => on.connections[0]?.owesForMs(on.clock.now()) ?? -1;
    on.pass(700);
    expect(owes()).toBe(700);
    client.send(post('hello'));
    on.pass(700);
    expect(owes()).toBe(0);
    on.last.answer();
    on.pass(300);
    expect(owes()).toBe(300);
    // The rest of a head, from its first octet.
    client.send(get().slice(0, 10));
    expect(owes()).toBe(0);
    on.pass(400);
    expect(owes()).toBe(400);
  });

  it('that has still to take its last response owes nothing', () => {
    const on = scene();
    const client = on.connect();
    client.block();
    client.send(get());
    on.last.answer('hello');
    on.pass(5_000);
    expect(on.connections[0]?.owesForMs(on.clock.now())).toBe(0);
    client.drain();
    on.settle();
  });
});
