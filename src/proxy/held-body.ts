/**
 * The part of a request's body that is held: to be sent once there is a connection, and to be sent again should that
 * connection fail. Held up to a limit for each request and one for all; past either it streams without replay.
 */

import { isFairShare } from '../base/fair-share.ts';

/** Octets that may be held. What was taken is released. */
export interface BodyAllowance {
  take(bytes: number): boolean;
  release(bytes: number): void;
}

/** Octets held over all exchanges. */
export class BodyBudget implements BodyAllowance {
  /** A reload may change it. */
  limitBytes: number;
  usedBytes = 0;
  readonly #shares = new WeakMap<object, BodyShare>();

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.limitBytes) return false;
    this.usedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.usedBytes -= bytes;
  }

  /** That of one upstream: should it be dead, the bodies that wait for it are not all that can be held. */
  shareOf(upstream: object): BodyAllowance {
    let share = this.#shares.get(upstream);
    if (share === undefined) {
      share = new BodyShare(this);
      this.#shares.set(upstream, share);
    }
    return share;
  }
}

class BodyShare implements BodyAllowance {
  readonly #whole: BodyBudget;
  #ownBytes = 0;

  constructor(whole: BodyBudget) {
    this.#whole = whole;
  }

  take(bytes: number): boolean {
    const { usedBytes: used, limitBytes: limit } = this.#whole;
    const isFair = isFairShare({ own: this.#ownBytes, used, limit }, bytes);
    if (!isFair || !this.#whole.take(bytes)) return false;
    this.#ownBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#ownBytes -= bytes;
    this.#whole.release(bytes);
  }
}

/** A smaller chunk is copied, so that what it is a view of is not held with it: 64 KiB for one octet, at the worst. */
const COPY_BYTES = 4 * 1024;

export class HeldBody {
  readonly #limitBytes: number;
  readonly #budget: BodyAllowance;
  #chunks: Buffer[] = [];
  #takenBytes = 0;
  /** What small chunks are copied to; the last of `#chunks` is its beginning while there is room in it. */
  #block: Buffer | null = null;
  #blockBytes = 0;
  bytes = 0;
  /** Whether the very bytes that were added last are held, and not a copy of them. */
  keepsChunk = false;
  /** Everything that came so far is still here. */
  canReplay = true;

  constructor(limitBytes: number, budget: BodyAllowance) {
    this.#limitBytes = limitBytes;
    this.#budget = budget;
  }

  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  /**
   * Holds a chunk. `mustKeep`: it was not sent yet, so that it is held even past the limit, and the caller stops the
   * client. False when it is not held.
   */
  add(chunk: Buffer, { mustKeep }: { readonly mustKeep: boolean }): boolean {
    this.keepsChunk = false;
    const fits = this.canReplay && this.bytes + chunk.length <= this.#limitBytes;
    if (fits && this.#budget.take(chunk.length)) {
      this.#takenBytes += chunk.length;
    } else {
      this.canReplay = false;
      if (!mustKeep) {
        this.release();
        return false;
      }
    }
    this.bytes += chunk.length;
    if (chunk.length < COPY_BYTES) {
      this.#copy(chunk);
      return true;
    }
    this.#block = null;
    // What is held is what is counted: not four times as much, for a view of a block that was lent.
    this.keepsChunk = chunk.buffer.byteLength <= 2 * chunk.length;
    this.#chunks.push(this.keepsChunk ? chunk : copyOf(chunk));
    return true;
  }

  #copy(chunk: Buffer): void {
    const from = this.#blockBytes;
    if (this.#block === null || from + chunk.length > this.#block.length) {
      // The first is most often all there is: it gets no more than its own length.
      const isFirst = this.#chunks.length === 0;
      this.#block = Buffer.allocUnsafeSlow(isFirst ? chunk.length : COPY_BYTES);
      this.#block.set(chunk);
      this.#blockBytes = chunk.length;
      this.#chunks.push(this.#block.subarray(0, chunk.length));
      return;
    }
    // Another view of the same memory: what was given out of it before is not written to.
    this.#block.set(chunk, from);
    this.#blockBytes += chunk.length;
    this.#chunks[this.#chunks.length - 1] = this.#block.subarray(0, this.#blockBytes);
  }

  /** What was held has been sent: it is kept only for replay. */
  onSent(): void {
    if (!this.canReplay) this.release();
  }

  release(): void {
    if (this.#chunks.length > 0) this.#chunks = [];
    this.#block = null;
    this.#budget.release(this.#takenBytes);
    this.#takenBytes = 0;
    this.bytes = 0;
  }
}

function copyOf(chunk: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  copy.set(chunk);
  return copy;
}
