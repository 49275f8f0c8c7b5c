/**
 * The part of a request's body that is held: to be sent once there is a connection, and to be sent again should that
 * connection fail. Held up to a limit for each request and one for all; past either it streams without replay.
 */

/** Octets held over all exchanges. */
export class BodyBudget {
  /** A reload may change it. */
  limitBytes: number;
  usedBytes = 0;

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
}

export class HeldBody {
  readonly #limitBytes: number;
  readonly #budget: BodyBudget;
  #chunks: Buffer[] = [];
  #takenBytes = 0;
  bytes = 0;
  /** Everything that came so far is still here. */
  canReplay = true;

  constructor(limitBytes: number, budget: BodyBudget) {
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
    this.#chunks.push(chunk);
    return true;
  }

  /** What was held has been sent: it is kept only for replay. */
  onSent(): void {
    if (!this.canReplay) this.release();
  }

  release(): void {
    if (this.#chunks.length > 0) this.#chunks = [];
    this.#budget.release(this.#takenBytes);
    this.#takenBytes = 0;
    this.bytes = 0;
  }
}
