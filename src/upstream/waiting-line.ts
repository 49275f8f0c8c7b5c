/** Those who wait for a lease, in order, each until a deadline that is as long for all: so the first is due first. */
import { LinkedQueue } from '../base/linked-queue.ts';
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import type { LeaseSeeker } from './carrier.ts';

export interface WaitingLineParts {
  readonly wheel: TimerWheel;
  readonly waitMs: number;
  /** It waited for so long in vain, and is out of the line. */
  readonly onExpired: (seeker: LeaseSeeker, waitedMs: number) => void;
}

export class WaitingLine {
  readonly #parts: WaitingLineParts;
  readonly #queue = new LinkedQueue<LeaseSeeker>();
  readonly #deadline = new Deadline(() => this.#onDue());

  constructor(parts: WaitingLineParts) {
    this.#parts = parts;
  }

  get length(): number {
    return this.#queue.length;
  }

  get first(): LeaseSeeker | null {
    return this.#queue.first;
  }

  push(seeker: LeaseSeeker, nowMs: number): void {
    seeker.waitingSinceMs = nowMs;
    this.#queue.push(seeker);
    if (!this.#deadline.isSet) this.#parts.wheel.set(this.#deadline, this.#parts.waitMs);
  }

  /** Takes one out, wherever it stands. Does nothing if it does not wait. */
  remove(seeker: LeaseSeeker): void {
    this.#queue.remove(seeker);
  }

  /**
   * Takes out the first that `suits`, or gives null. `inOrder`: nobody else if not the very first. In a full pool one who
   * needs a new connection would else be passed by all the others for as long as there are any.
   */
  takeFirst(
    suits: (seeker: LeaseSeeker) => boolean,
    { inOrder = false }: { readonly inOrder?: boolean } = {},
  ): LeaseSeeker | null {
    for (let seeker = this.#queue.first; seeker !== null; seeker = seeker.queuedAfter) {
      if (suits(seeker)) {
        this.#queue.remove(seeker);
        return seeker;
      }
      if (inOrder) return null;
    }
    return null;
  }

  /** Ends it, and gives each that waited to `dismiss`. */
  close(dismiss: (seeker: LeaseSeeker) => void): void {
    this.#parts.wheel.clear(this.#deadline);
    for (let seeker = this.#queue.shift(); seeker !== null; seeker = this.#queue.shift()) {
      dismiss(seeker);
    }
  }

  #onDue(): void {
    const { wheel, waitMs, onExpired } = this.#parts;
    const nowMs = wheel.now();
    for (let seeker = this.#queue.first; seeker !== null; seeker = this.#queue.first) {
      const waitedMs = nowMs - seeker.waitingSinceMs;
      if (waitedMs < waitMs) {
        wheel.set(this.#deadline, waitMs - waitedMs);
        return;
      }
      this.#queue.remove(seeker);
      onExpired(seeker, waitedMs);
    }
  }
}
