/** Time, as the data path sees it: replaced by a fake in tests and in the simulator. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; the origin means nothing. */
  now(): number;
  /** Seconds since 1970 by the wall clock, for what people and other machines read. */
  wallSeconds(): number;
  /** Calls `wake` once after `delayMs`; gives what cancels it. A pending wake does not keep the process alive. */
  sleep(delayMs: number, wake: () => void): Cancel;
  /** Calls `next` after one turn of the event loop, when the input that has already arrived was seen. */
  afterTurn(next: () => void): void;
}

export type Cancel = () => void;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallSeconds: () => Date.now() / 1000,
  sleep(delayMs, wake) {
    const timer = setTimeout(wake, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  afterTurn: (next) => {
    setImmediate(next);
  },
};

/** Chance, as the data path sees it: a number from 0 up to and without 1. */
export type Random = () => number;

/** A repeatable source of chance (mulberry32), for tests and for replaying a simulator's seed. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
