/**
 * Defects that are put in on purpose, to see that the simulator finds what it is there to find. None is in the program:
 * each is laid over a method from outside, and taken off again.
 */
import { ExchangeTimers } from '../../src/proxy/exchange-timers.ts';
import { HeldBody } from '../../src/proxy/held-body.ts';
import { Retries } from '../../src/proxy/retries.ts';
import { EndpointSet } from '../../src/upstream/endpoint-set.ts';
import { H1Connection } from '../../src/upstream/h1/connection.ts';
import { Pipeline } from '../../src/upstream/h1/pipeline.ts';
import type { PipelineSlot } from '../../src/upstream/h1/pipeline-slot.ts';
import { Liveness } from '../../src/upstream/liveness.ts';
import { ReadBuffer, SocketWire } from '../../src/upstream/socket-wire.ts';
import { Upstream } from '../../src/upstream/upstream.ts';
import { WaitingLine } from '../../src/upstream/waiting-line.ts';
import { SimLoop } from './loop.ts';
import { SimSocket } from './sim-socket.ts';

type Undo = () => void;

/** Lays another method over one of a prototype. */
function over<T extends object, K extends keyof T>(
  proto: T,
  name: K,
  make: (original: T[K]) => T[K],
): Undo {
  const original = proto[name];
  proto[name] = make(original);
  return () => {
    proto[name] = original;
  };
}

/** Lays another reading over one of a prototype. */
function overGetter<T extends object>(
  proto: T,
  name: keyof T & string,
  read: (self: T) => unknown,
): Undo {
  const original = Object.getOwnPropertyDescriptor(proto, name) as PropertyDescriptor;
  Object.defineProperty(proto, name, {
    configurable: true,
    get(this: T) {
      return read(this);
    },
  });
  return () => {
    Object.defineProperty(proto, name, original);
  };
}

/** Every so many calls on one object, so that each run has its own count. */
function everyNth(count: number): (self: object) => boolean {
  const calls = new WeakMap<object, number>();
  return (self) => {
    const call = (calls.get(self) ?? 0) + 1;
    calls.set(self, call);
    return call % count === 0;
  };
}

const bugs = {
  /** The slot of a lease is given back a second time. */
  'lease-returned-twice': () =>
    over(
      Upstream.prototype,
      'giveBack',
      (giveBack) =>
        function (this: Upstream, leased) {
          giveBack.call(this, leased);
          this.giveBack(leased);
        },
    ),

  /** A connection that ends under a POST is taken for one that may be tried again. */
  'post-sent-twice': () =>
    over(
      Retries.prototype,
      'afterFault',
      (afterFault) =>
        function (this: Retries, failure, attempt) {
          const reason = afterFault.call(this, failure, attempt);
          return failure.kind === 'connection-ended' ? 'reused-connection-ended' : reason;
        },
    ),

  /** What came behind a response is kept, and read as the beginning of the next. */
  'leftover-ignored': () =>
    over(
      SocketWire.prototype,
      'setHandler',
      (setHandler) =>
        function (this: SocketWire, handler) {
          let kept = Buffer.alloc(0);
          setHandler.call(this, {
            onBytes: (bytes) => {
              const isIdle = handler instanceof H1Connection && handler.outstanding === 0;
              if (isIdle) kept = Buffer.concat([kept, bytes]);
              else if (kept.length === 0) handler.onBytes(bytes);
              else {
                const all = Buffer.concat([kept, bytes]);
                kept = Buffer.alloc(0);
                handler.onBytes(all);
              }
            },
            onPeerEnd: () => handler.onPeerEnd(),
            onWritable: () => handler.onWritable(),
            onClosed: (code) => handler.onClosed(code),
          });
        },
    ),

  /** One who waits is taken out of the line, and forgotten. */
  'waiter-lost': () =>
    over(WaitingLine.prototype, 'takeFirst', (takeFirst) => {
      const isTime = everyNth(5);
      return function (this: WaitingLine, suits, rules) {
        const taken = takeFirst.call(this, suits, rules);
        return taken !== null && isTime(this) ? null : taken;
      };
    }),

  /** The deadline of those who wait is not set again after the first. */
  'waiting-without-end': () =>
    over(
      WaitingLine.prototype,
      'push',
      (push) =>
        function (this: WaitingLine, seeker, nowMs) {
          const isFirst = this.length === 0;
          push.call(this, seeker, isFirst ? nowMs : nowMs + 60_000);
        },
    ),

  /** A lease that ends is not taken off the count. */
  'count-not-lowered': () =>
    over(EndpointSet.prototype, 'onReleased', (onReleased) => {
      const isTime = everyNth(5);
      return function (this: EndpointSet, connection) {
        onReleased.call(this, connection);
        if (isTime(this)) this.active += 1;
      };
    }),

  /** Dials under way are not counted among the connections. */
  'limit-without-dials': () => overGetter(EndpointSet.prototype, 'total', (set) => set.size),

  /** Connections are trusted however long they were idle. */
  'idle-limit-ignored': () =>
    over(Liveness.prototype, 'limitMs', () => () => Number.POSITIVE_INFINITY),

  /** What is to wait for a turn of the loop does not. */
  'turn-not-awaited': () =>
    over(
      SimLoop.prototype,
      'afterTurn',
      () =>
        function (this: SimLoop, next) {
          this.tick(next);
        },
    ),

  /** Of two that wait behind a third each gets the other's response. */
  'answer-to-the-next': () =>
    over(Pipeline.prototype, 'add', (add) => {
      const lastBehind = new WeakMap<Pipeline, PipelineSlot>();
      return function (this: Pipeline, slot) {
        const before = lastBehind.get(this);
        const isFirst = add.call(this, slot);
        if (!isFirst) lastBehind.set(this, slot);
        if (!isFirst && before !== undefined && !before.isFirst && before.method === slot.method) {
          const { sink } = before;
          before.sink = slot.sink;
          slot.sink = sink;
        }
        return isFirst;
      };
    }),

  /** A read buffer is used again while a slow client still has bytes of it to take. */
  'buffer-used-again': () => over(ReadBuffer.prototype, 'keep', () => () => undefined),

  /** A body that was held is not let go. */
  'body-held-for-ever': () =>
    over(
      HeldBody.prototype,
      'release',
      (release) =>
        function (this: HeldBody) {
          if (this.bytes % 3 !== 1) release.call(this);
        },
    ),

  /** The limits of an exchange that is over still lie on the wheel. */
  'timer-left': () => over(ExchangeTimers.prototype, 'clear', () => () => undefined),

  /** A request that went out is said to be unsent. */
  'told-unsent': () => overGetter(H1Connection.prototype, 'hasSent', () => false),

  /** A response that ends with the connection is cut, and the connection ends in good order. */
  'cut-looks-whole': () =>
    over(
      SimSocket.prototype,
      'resetAndDestroy',
      () =>
        function (this: SimSocket) {
          this.destroy();
        },
    ),
} as const satisfies Readonly<Record<string, () => Undo>>;

export type BugName = keyof typeof bugs;

export const bugNames = Object.keys(bugs) as readonly BugName[];

export function isBugName(name: string): name is BugName {
  return name in bugs;
}

/** Runs with a defect in, or without one. */
export function withBug<T>(name: BugName | null, run: () => T): T {
  const undo = name === null ? undefined : bugs[name]();
  try {
    return run();
  } finally {
    undo?.();
  }
}
