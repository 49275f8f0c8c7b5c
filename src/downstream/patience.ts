/** How long a client is waited for: one deadline, for whatever it owes at the moment. */
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import type { ListenerTerms } from './client-parts.ts';
import type { ClientOptions } from './options.ts';

/** The rest of a head, or the first octet of the next; some body; room for the response; all taken; an end of its side. */
export type Awaited = 'head' | 'next-request' | 'body' | 'room' | 'taken' | 'end';

export class Patience {
  readonly #wheel: TimerWheel;
  readonly #terms: ListenerTerms;
  readonly #deadline: Deadline;
  awaited: Awaited = 'head';
  /** What it was given: a reload may have changed the options since. */
  #limitMs = 0;

  constructor(wheel: TimerWheel, terms: ListenerTerms, onSpent: () => void) {
    this.#wheel = wheel;
    this.#terms = terms;
    this.#deadline = new Deadline(onSpent);
  }

  await(awaited: Awaited): void {
    this.awaited = awaited;
    const limitMs = limitOf(awaited, this.#terms.client);
    this.#limitMs = limitMs;
    if (limitMs > 0) this.#wheel.set(this.#deadline, limitMs);
    else this.#wheel.clear(this.#deadline);
  }

  /** How long it has waited; 0 while nothing limits that. */
  waitedMs(nowMs: number): number {
    const { dueMs, isSet } = this.#deadline;
    return isSet ? this.#limitMs - (dueMs - nowMs) : 0;
  }

  stop(): void {
    this.#wheel.clear(this.#deadline);
  }
}

function limitOf(awaited: Awaited, options: ClientOptions): number {
  switch (awaited) {
    case 'head':
      return options.headTimeoutMs;
    case 'next-request':
      return options.idleTimeoutMs;
    case 'end':
      // Zero is not at all, unlike the others, whose zero is no limit.
      return Math.max(1, options.lingerMs);
    default:
      return options.stallTimeoutMs;
  }
}
