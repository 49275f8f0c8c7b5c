/**
 * Bytes that have arrived and are not yet read. One chunk is read where it lies; only what is left of an
 * incomplete head is copied, into a buffer that doubles as more comes, so that a head that arrives octet by octet
 * costs no more than its length.
 */
const EMPTY: Buffer = Buffer.alloc(0);

export class Input {
  /** Where to read. Valid until the next `push`. */
  bytes: Buffer = EMPTY;
  /** The next octet to be read in `bytes`. */
  at = 0;
  #own: Buffer = EMPTY;
  #ownLength = 0;

  get length(): number {
    return this.bytes.length - this.at;
  }

  get isEmpty(): boolean {
    return this.at === this.bytes.length;
  }

  /** Adds a chunk. It is read where it lies; call `keep` before its memory is used for something else. */
  push(chunk: Buffer): void {
    if (this.isEmpty) {
      this.bytes = chunk;
      this.at = 0;
      this.#own = EMPTY;
      return;
    }
    const unread = this.bytes.length - this.at;
    const isOwn =
      this.bytes.buffer === this.#own.buffer && this.bytes.byteOffset === this.#own.byteOffset;
    if (isOwn && this.#ownLength + chunk.length <= this.#own.length) {
      this.#own.set(chunk, this.#ownLength);
      this.#ownLength += chunk.length;
    } else {
      const grown = Buffer.allocUnsafeSlow(Math.max(512, 2 * (unread + chunk.length)));
      grown.set(this.bytes.subarray(this.at), 0);
      grown.set(chunk, unread);
      this.#own = grown;
      this.#ownLength = unread + chunk.length;
      this.at = 0;
    }
    this.bytes = this.#own.subarray(0, this.#ownLength);
  }

  /** Copies what is unread out of a chunk whose memory its owner is about to use again. */
  keep(): void {
    if (this.isEmpty) {
      this.clear();
      return;
    }
    if (this.bytes.buffer === this.#own.buffer && this.#own.length > 0) return;
    const unread = this.bytes.subarray(this.at);
    // Little room beyond it: of thousands that send most of a head, or a read of pipelined requests, and then nothing, each
    // would hold twice what it sent.
    const own = Buffer.allocUnsafeSlow(Math.max(512, unread.length + (unread.length >> 3)));
    own.set(unread, 0);
    this.#own = own;
    this.#ownLength = unread.length;
    this.bytes = own.subarray(0, unread.length);
    this.at = 0;
  }

  /** Takes all that is unread. */
  takeRest(): Buffer {
    const rest = this.at === 0 ? this.bytes : this.bytes.subarray(this.at);
    this.clear();
    return rest;
  }

  clear(): void {
    this.bytes = EMPTY;
    this.at = 0;
    this.#own = EMPTY;
    this.#ownLength = 0;
  }
}
