/**
 * How many requests may share a connection at a time, for one upstream.
 *
 * The argument. Requests that leave in one write and responses that come in one read cost a fraction of the system
 * calls. What it risks is that a request waits behind a slow response, and that several are lost with one connection.
 * So `auto` goes deeper only while responses come about as fast as the network lets them, takes half as soon as one had
 * to be rescued, and an upstream that ends connections under waiting requests is left alone for a while. What an
 * upstream says when it closes after a number of requests is remembered, and that number not run into again.
 */

/** As deep as `auto` goes: by then a system call is shared by so many that more saves nothing that can be measured. */
const MOST_AUTO = 16;
const FIRST_AUTO = 2;
/** Answers between two looks at whether to go deeper. */
const ANSWERS_A_STEP = 16;
/** Slower than one and a half round trips and this is not fast: it includes what both event loops have to do. */
const FAST_MS = 10;
/** Marks are forgotten after this. */
const MARK_MS = 60_000;
const MARKS = 2;
/** The first rest; each that follows within ten of its length is twice as long. */
const REST_MS = 30_000;
const LONGEST_REST_MS = 600_000;
/** For how long it is believed that an upstream closes after a number of requests. */
const BELIEVED_MS = 600_000;
/** A shorter wait is within what a busy machine does by itself. */
const LEAST_RESCUE_MS = 25;
const MOST_RESCUE_MS = 1_000;

/** `off`, or how deep at the most, and whether to find the depth by itself. */
export type PipeliningOptions = 'off' | 'auto' | number;

export interface PipeliningSnapshot {
  readonly depth: number;
  /** Milliseconds until it is tried again; 0 when it is in use. */
  readonly restsMs: number;
}

export class Pipelining {
  readonly #isAuto: boolean;
  #depth: number;
  /** Response times, smoothed, and how far they are from that: as RFC 6298 2 has it for retransmission. */
  #meanMs = 0;
  #spreadMs = 0;
  #answers = 0;
  #answeredAtMs = Number.NEGATIVE_INFINITY;
  /** It doubles until it was too deep once, and then grows one by one: as RFC 5681 3.1 has it for a window. */
  #isFirstRise = true;
  #roundTripMs = Number.POSITIVE_INFINITY;
  #marks: number[] = [];
  #restsUntilMs = 0;
  #restMs = 0;
  /** The fewest requests after which the upstream has said that it closes, and until when that is believed. */
  #closesAfter = Number.POSITIVE_INFINITY;
  #closesUntilMs = 0;

  constructor(options: 'auto' | number) {
    this.#isAuto = options === 'auto';
    this.#depth = options === 'auto' ? FIRST_AUTO : options;
  }

  isResting(nowMs: number): boolean {
    return nowMs < this.#restsUntilMs;
  }

  /** Whether one more may be sent where so many are outstanding, on a connection that was sent so many in all. */
  hasRoom(outstanding: number, requests: number, nowMs: number): boolean {
    if (outstanding >= this.#depth || this.isResting(nowMs)) return false;
    // Nothing is to wait behind the response that closes.
    return requests < this.#closesAfter || nowMs >= this.#closesUntilMs;
  }

  /** After so long those who wait behind a response go elsewhere. */
  get rescueMs(): number {
    const usualMs = this.#meanMs + 4 * this.#spreadMs;
    return Math.min(MOST_RESCUE_MS, Math.max(LEAST_RESCUE_MS, 2 * usualMs));
  }

  /** Whether something was answered in the later half of the time after which one is rescued. */
  answersNow(nowMs: number): boolean {
    return nowMs - this.#answeredAtMs < this.rescueMs / 2;
  }

  /** A connection was opened: what a round trip takes. */
  onOpened(tcpMs: number): void {
    this.#roundTripMs = Math.min(this.#roundTripMs, tcpMs);
  }

  /** A response was whole, `tookMs` after its request was the first in line. */
  onAnswered(tookMs: number, nowMs: number): void {
    this.#answeredAtMs = nowMs;
    if (this.#answers === 0) {
      this.#meanMs = tookMs;
      this.#spreadMs = tookMs / 2;
    } else {
      this.#spreadMs += (Math.abs(tookMs - this.#meanMs) - this.#spreadMs) / 4;
      this.#meanMs += (tookMs - this.#meanMs) / 8;
    }
    this.#answers += 1;
    if (this.#isAuto && this.#answers % ANSWERS_A_STEP === 0) this.#step();
  }

  #step(): void {
    const roundTripMs = Number.isFinite(this.#roundTripMs) ? this.#roundTripMs : 0;
    const isFast = this.#meanMs <= 1.5 * roundTripMs + FAST_MS;
    if (isFast) this.#deepen();
    else this.#halve();
  }

  #deepen(): void {
    this.#depth = Math.min(MOST_AUTO, this.#isFirstRise ? this.#depth * 2 : this.#depth + 1);
  }

  #halve(): void {
    this.#isFirstRise = false;
    this.#depth = Math.max(1, this.#depth >> 1);
  }

  /** Something was answered, alone on its connection. */
  onAlive(nowMs: number): void {
    this.#answeredAtMs = nowMs;
  }

  /** Some had to go elsewhere. */
  onRescued(): void {
    if (this.#isAuto) this.#halve();
  }

  /** A connection ended with requests unanswered, and had not said that it would. */
  onEarlyEnd(nowMs: number): void {
    this.#marks = this.#marks.filter((markMs) => nowMs - markMs < MARK_MS);
    this.#marks.push(nowMs);
    if (this.#marks.length < MARKS) return;
    this.#marks = [];
    const isAgain = this.#restMs > 0 && nowMs < this.#restsUntilMs + 10 * this.#restMs;
    this.#restMs = isAgain ? Math.min(LONGEST_REST_MS, 2 * this.#restMs) : REST_MS;
    this.#restsUntilMs = nowMs + this.#restMs;
  }

  /** A response said that the connection closes with it, the connection's nth. */
  onToldClose(requests: number, nowMs: number): void {
    const believed = nowMs < this.#closesUntilMs ? this.#closesAfter : Number.POSITIVE_INFINITY;
    this.#closesAfter = Math.min(believed, requests);
    this.#closesUntilMs = nowMs + BELIEVED_MS;
  }

  snapshot(nowMs: number): PipeliningSnapshot {
    return { depth: this.#depth, restsMs: Math.max(0, this.#restsUntilMs - nowMs) };
  }
}
