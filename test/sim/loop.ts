/**
 * An event loop under a virtual clock, in the phases of a real one (libuv 1.45 and on): what sockets are ready, what was
 * asked for after a turn, what closes, what is due. After each call into the program the ticks run that it left behind.
 */
import type { Cancel, Clock, Random } from '../../src/base/clock.ts';

/** Something that the loop asks whether it is ready: a socket. */
export interface Polled {
  readonly isReady: boolean;
  onPoll(): void;
}

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** More callbacks than this from one phase is a loop that feeds itself. */
const MAX_CALLBACKS = 100_000;
/** More turns than this without time passing as well. */
const MAX_TURNS = 10_000;

export class SimLoop implements Clock {
  #nowMs = 1_000;
  #wallSeconds = 1_750_000_000;
  #ticks: (() => void)[] = [];
  #afterTurn: (() => void)[] = [];
  #closing: (() => void)[] = [];
  readonly #sleepers = new Set<Sleeper>();
  readonly polled = new Set<Polled>();

  now(): number {
    return this.#nowMs;
  }

  wallSeconds(): number {
    return this.#wallSeconds + this.#nowMs / 1000;
  }

  /** The wall clock is set: by how much. */
  jumpWall(seconds: number): void {
    this.#wallSeconds += seconds;
  }

  sleep(delayMs: number, wake: () => void): Cancel {
    const sleeper = { dueMs: this.#nowMs + Math.max(1, delayMs), wake };
    this.#sleepers.add(sleeper);
    return () => {
      this.#sleepers.delete(sleeper);
    };
  }

  afterTurn(next: () => void): void {
    this.#afterTurn.push(next);
  }

  /** As `process.nextTick`. */
  tick(next: () => void): void {
    this.#ticks.push(next);
  }

  /** At the end of this turn, where closed handles are told of. */
  whenClosing(next: () => void): void {
    this.#closing.push(next);
  }

  get isAtRest(): boolean {
    return this.#afterTurn.length === 0 && this.#closing.length === 0 && this.#ticks.length === 0;
  }

  /** Turns so far. */
  turns = 0;
  /** How often the program was called: while this stands still nothing in it can have changed. */
  calls = 0;

  /** Calls into the program, as the loop does: the ticks follow. */
  call(callback: () => void): void {
    this.calls += 1;
    callback();
    for (let count = 0; this.#ticks.length > 0; count += 1) {
      if (count > MAX_CALLBACKS) throw new Error('ticks without end');
      this.#ticks.shift()?.();
    }
  }

  /** One turn. Sockets are asked in the order of chance; `between` happens after the first of them was asked. */
  turn(random: Random, between: () => void = () => undefined): void {
    this.turns += 1;
    const ready: Polled[] = [];
    for (const each of this.polled) if (each.isReady) ready.push(each);
    shuffle(ready, random);
    if (ready.length === 0) between();
    for (const [index, each] of ready.entries()) {
      this.call(() => each.onPoll());
      if (index === 0) between();
    }
    const afterTurn = this.#afterTurn;
    this.#afterTurn = [];
    for (const next of afterTurn) this.call(next);
    const closing = this.#closing;
    this.#closing = [];
    for (const next of closing) this.call(next);
    this.#wakeDue();
  }

  #wakeDue(): void {
    for (let next = this.#earliest(); next !== null; next = this.#earliest()) {
      if (next.dueMs > this.#nowMs) return;
      this.#sleepers.delete(next);
      this.call(next.wake);
    }
  }

  #earliest(): Sleeper | null {
    let earliest: Sleeper | null = null;
    for (const sleeper of this.#sleepers) {
      if (earliest === null || sleeper.dueMs < earliest.dueMs) earliest = sleeper;
    }
    return earliest;
  }

  /** Lets time pass: the loop sleeps until something is due, and a turn passes each time. */
  pass(ms: number, random: Random): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      this.#settle(random);
      const next = this.#earliest();
      if (next === null || next.dueMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.#wakeDue();
    }
    this.#nowMs = endMs;
  }

  /** A loop sleeps only when nothing is left to do. */
  #settle(random: Random): void {
    let turns = 0;
    do {
      if (turns > MAX_TURNS) throw new Error('the loop never comes to rest');
      this.turn(random);
      turns += 1;
    } while (!this.isAtRest || this.#hasReady);
  }

  get #hasReady(): boolean {
    for (const each of this.polled) if (each.isReady) return true;
    return false;
  }

  /** The process does nothing for so long: what fell due meanwhile waits for the next turn. */
  stall(ms: number): void {
    this.#nowMs += ms;
  }
}

function shuffle<T>(list: T[], random: Random): void {
  for (let index = list.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    const kept = list[index] as T;
    list[index] = list[other] as T;
    list[other] = kept;
  }
}
