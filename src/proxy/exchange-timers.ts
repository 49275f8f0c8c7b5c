/** The two times that an exchange may wait for: the end of all that it is given, and of a pause between attempts. */
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';

export class ExchangeTimers {
  readonly #wheel: TimerWheel;
  #limit: Deadline | null = null;
  #pause: Deadline | null = null;

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel;
  }

  /** Calls back once the whole exchange has taken too long. */
  limit(limitMs: number, onDue: () => void): void {
    this.#limit = new Deadline(onDue);
    this.#wheel.set(this.#limit, limitMs);
  }

  clearLimit(): void {
    if (this.#limit !== null) this.#wheel.clear(this.#limit);
  }

  pause(delayMs: number, next: () => void): void {
    this.#pause ??= new Deadline(next);
    this.#wheel.set(this.#pause, delayMs);
  }

  clear(): void {
    this.clearLimit();
    if (this.#pause !== null) this.#wheel.clear(this.#pause);
  }
}
