/** Time that stands still until a test moves it: everything due on the way runs in its order, nothing waits. */
import type { Cancel, Clock } from '../../src/base/clock.ts';

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  #nowMs: number;
  readonly #wallOffsetMs: number;
  readonly #sleepers = new Set<Sleeper>();
  #turns: (() => void)[] = [];
  /** How many sleeps have ended: what an idle process must not have. */
  wakeups = 0;

  /** `startMs` is where `now()` begins; `wallSeconds` is the wall clock's reading at that moment. */
  constructor({ startMs = 1_000, wallSeconds = 1_750_000_000 } = {}) {
    this.#nowMs = startMs;
    this.#wallOffsetMs = wallSeconds * 1000 - startMs;
  }

  /** Sleeps that were begun and neither cancelled nor ended. */
  get pendingSleeps(): number {
    return this.#sleepers.size;
  }

  /** Callbacks that wait for the next turn. */
  get pendingTurns(): number {
    return this.#turns.length;
  }

  /** When the next sleep ends, or undefined. */
  get nextWakeMs(): number | undefined {
    return this.#earliest()?.dueMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wallSeconds(): number {
    return (this.#nowMs + this.#wallOffsetMs) / 1000;
  }

  sleep(delayMs: number, wake: () => void): Cancel {
    // As setTimeout has it: a delay below 1 ms, or one that is no number, is 1 ms.
    const sleeper = { dueMs: this.#nowMs + (delayMs >= 1 ? delayMs : 1), wake };
    this.#sleepers.add(sleeper);
    return () => {
      this.#sleepers.delete(sleeper);
    };
  }

  afterTurn(next: () => void): void {
    this.#turns.push(next);
  }

  /** Runs what waited for one turn of the loop; what that asks for in its course waits for the next. */
  runTurn(): void {
    const turns = this.#turns;
    this.#turns = [];
    for (const next of turns) next();
  }

  /**
   * Lets `ms` pass: each sleep that ends in that time is woken at its own moment, in order of time, those begun
   * on the way included. A turn passes before each move of time, as it would in a real loop.
   */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      if (ms > 0) this.runTurn();
      const next = this.#earliest();
      if (next === undefined || next.dueMs > endMs) break;
      this.#sleepers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      this.wakeups += 1;
      next.wake();
    }
    this.#nowMs = endMs;
  }

  /** Moves time without waking anybody: a loop that was blocked. What fell due meanwhile is woken by `advance`. */
  block(ms: number): void {
    this.#nowMs += ms;
  }

  /** Insertion order breaks ties, as in a real loop. */
  #earliest(): Sleeper | undefined {
    let earliest: Sleeper | undefined;
    for (const sleeper of this.#sleepers) {
      if (earliest === undefined || sleeper.dueMs < earliest.dueMs) earliest = sleeper;
    }
    return earliest;
  }
}
