/**
 * One timer wheel for all deadlines of the process.
 *
 * A proxy sets and clears several deadlines for each request, and nearly none of them ever falls due. So setting
 * one must cost next to nothing, and nothing may wake an idle process. Hence:
 *
 * - a deadline is an object that its owner keeps for life; setting it again to a later time only writes a number,
 *   and the wheel moves it when its old time comes;
 * - the wheel sleeps until the earliest occupied slot, and not at all when it is empty;
 * - a deadline is never early, and late by at most one slot (`slotMs`) and the millisecond to which sleeps are rounded.
 *
 * Slots are a ring. A deadline further away than the ring is long stays in its slot for another round. One more
 * slot, outside the ring, holds those that are being fired: what fires may set and clear any of them.
 */
import type { Cancel, Clock } from './clock.ts';

const UNSET = -1;

/** Something that has to be looked at later. Owned by one object, set and cleared any number of times. */
export class Deadline {
  readonly #onDue: () => void;
  /** When it falls due, in clock milliseconds; -1 when it is not set. Touched by the wheel alone. */
  dueMs = UNSET;
  /** The wheel's links; `slot` is -1 while it lies in none. Touched by the wheel alone. */
  slot = -1;
  previous: Deadline | null = null;
  next: Deadline | null = null;

  constructor(onDue: () => void) {
    this.#onDue = onDue;
  }

  get isSet(): boolean {
    return this.dueMs !== UNSET;
  }

  fire(): void {
    this.#onDue();
  }
}

const SLOT_COUNT = 4096;
/** The slot outside the ring. */
const FIRING = SLOT_COUNT;
/** `setTimeout` takes a longer delay for none at all. */
const MAX_SLEEP_MS = 2_147_483_647;

export class TimerWheel {
  readonly #clock: Clock;
  readonly #slotMs: number;
  readonly #heads: (Deadline | null)[] = new Array<Deadline | null>(SLOT_COUNT + 1).fill(null);
  /** The next tick to be looked at; ticks are clock time divided by `slotMs`. */
  #tick: number;
  #count = 0;
  #wakeTick = Number.POSITIVE_INFINITY;
  #cancelSleep: Cancel | null = null;
  #running = false;

  constructor(clock: Clock, { slotMs = 8 }: { slotMs?: number } = {}) {
    this.#clock = clock;
    this.#slotMs = slotMs;
    this.#tick = Math.floor(clock.now() / slotMs);
  }

  /** How many deadlines are set. */
  get size(): number {
    return this.#count;
  }

  now(): number {
    return this.#clock.now();
  }

  /** Makes `deadline` fall due `delayMs` from now, whatever it was set to before. Infinity clears it. */
  set(deadline: Deadline, delayMs: number): void {
    const dueMs = this.#clock.now() + Math.max(0, delayMs);
    if (!Number.isFinite(dueMs)) {
      this.clear(deadline);
      return;
    }
    if (deadline.slot !== -1) {
      // Moved later: leave it where it lies; the sweep of its old slot moves it.
      if (dueMs >= deadline.dueMs) {
        deadline.dueMs = dueMs;
        return;
      }
      this.#unlink(deadline);
    }
    deadline.dueMs = dueMs;
    this.#link(deadline);
  }

  /** Takes it out; it will not fire. Safe to call at any time, also from its own `onDue`. */
  clear(deadline: Deadline): void {
    deadline.dueMs = UNSET;
    if (deadline.slot !== -1) this.#unlink(deadline);
  }

  /** Ends the wheel's sleep for good; deadlines still in it never fire. */
  stop(): void {
    this.#cancelSleep?.();
    this.#cancelSleep = null;
    this.#wakeTick = Number.NEGATIVE_INFINITY;
  }

  get #isStopped(): boolean {
    return this.#wakeTick === Number.NEGATIVE_INFINITY;
  }

  #link(deadline: Deadline): void {
    if (this.#count === 0 && !this.#running)
      this.#tick = Math.floor(this.#clock.now() / this.#slotMs);
    // While sweeping, the slot under the hand has been emptied already: the next one is the earliest.
    const earliest = this.#running ? this.#tick + 1 : this.#tick;
    // Rounded up, so that a deadline is never early.
    const tick = Math.max(earliest, Math.ceil(deadline.dueMs / this.#slotMs));
    this.#put(deadline, tick % SLOT_COUNT);
    if (tick < this.#wakeTick && !this.#running) this.#sleepUntil(tick);
  }

  #put(deadline: Deadline, slot: number): void {
    const head = this.#heads[slot] ?? null;
    deadline.slot = slot;
    deadline.previous = null;
    deadline.next = head;
    if (head !== null) head.previous = deadline;
    this.#heads[slot] = deadline;
    this.#count += 1;
  }

  #unlink(deadline: Deadline): void {
    if (deadline.previous === null) this.#heads[deadline.slot] = deadline.next;
    else deadline.previous.next = deadline.next;
    if (deadline.next !== null) deadline.next.previous = deadline.previous;
    deadline.previous = null;
    deadline.next = null;
    deadline.slot = -1;
    this.#count -= 1;
  }

  #sleepUntil(tick: number): void {
    this.#cancelSleep?.();
    this.#wakeTick = tick;
    const delayMs = Math.max(1, Math.ceil(tick * this.#slotMs - this.#clock.now()));
    this.#cancelSleep = this.#clock.sleep(Math.min(delayMs, MAX_SLEEP_MS), this.#wake);
  }

  readonly #wake = (): void => {
    this.#cancelSleep = null;
    this.#running = true;
    try {
      this.#sweepUntil(this.#clock.now());
    } finally {
      // Also when a deadline's owner threw: the deadlines of all others must not be lost with it.
      this.#running = false;
      if (!this.#isStopped) {
        this.#wakeTick = Number.POSITIVE_INFINITY;
        if (this.#count > 0) this.#sleepUntil(this.#nextOccupied());
      }
    }
  };

  #sweepUntil(nowMs: number): void {
    const last = Math.floor(nowMs / this.#slotMs);
    // After a long sleep each slot needs one look at most.
    if (last - this.#tick >= SLOT_COUNT) this.#tick = last - SLOT_COUNT + 1;
    // Begins with what a sweep that an error broke off has left: the hand had not moved on.
    for (; this.#tick <= last && !this.#isStopped; this.#tick += 1) {
      this.#take(this.#tick % SLOT_COUNT, nowMs);
      this.#fireTaken(nowMs);
    }
  }

  /** Takes out of a slot what is due, and what was moved later and belongs elsewhere. */
  #take(slot: number, nowMs: number): void {
    for (let each = this.#heads[slot] ?? null; each !== null; ) {
      const next: Deadline | null = each.next;
      if (each.dueMs <= nowMs || Math.ceil(each.dueMs / this.#slotMs) % SLOT_COUNT !== slot) {
        this.#unlink(each);
        this.#put(each, FIRING);
      }
      each = next;
    }
  }

  #fireTaken(nowMs: number): void {
    for (;;) {
      const taken = this.#heads[FIRING] ?? null;
      if (taken === null || this.#isStopped) return;
      this.#unlink(taken);
      if (taken.dueMs > nowMs) {
        this.#link(taken);
      } else {
        taken.dueMs = UNSET;
        taken.fire();
      }
    }
  }

  #nextOccupied(): number {
    if (this.#heads[FIRING] !== null) return this.#tick;
    for (let tick = this.#tick; tick < this.#tick + SLOT_COUNT; tick += 1) {
      if (this.#heads[tick % SLOT_COUNT] !== null) return tick;
    }
    return this.#tick + SLOT_COUNT;
  }
}
