/**
 * Small pieces of a body that came in one read, put together before anybody handles them.
 *
 * A body in chunks of one octet brings eleven thousand pieces in a read of 64 KiB. Handed on one by one, each would be
 * copied, held, framed and joined by itself, while all other clients wait. Where a chunk ends means nothing (RFC 9112 7.1),
 * so that what is handed on may be cut differently.
 *
 * What is given out is always a copy: the next client's bytes are read into the same memory, and whoever takes it may hold
 * it, or wait to write it.
 */

/** Larger pieces are handed on at once: beside them a call costs nothing. */
const SMALL_BYTES = 4 * 1024;
const BLOCK_BYTES = 16 * 1024;

/** Of one read whole: as much as a client's socket is read at once (accepted-sockets.ts). */
const SPARE_BYTES = 64 * 1024;
/** Lent to one piece at a time; most large pieces have been written out when `onBody` returns. */
let spare: Buffer | null = null;

export class GatheredBytes {
  /** What was given last, while it could be given again: of `SPARE_BYTES`. */
  #lent: Buffer | null = null;
  /** As it was read: most often it stays alone, and is copied once, when it is taken. */
  #first: Buffer | null = null;
  #block: Buffer | null = null;
  #length = 0;

  /** Keeps a small piece for later, if there is room. `leftBytes`: no more than that can follow in this read. */
  add(piece: Buffer, leftBytes: number): boolean {
    if (piece.length >= SMALL_BYTES || this.#length + piece.length > BLOCK_BYTES) return false;
    if (this.#length === 0) this.#first = piece;
    else {
      this.#block ??= this.#begun(piece.length + leftBytes);
      this.#block.set(piece, this.#length);
    }
    this.#length += piece.length;
    return true;
  }

  #begun(moreBytes: number): Buffer {
    const block = Buffer.allocUnsafeSlow(Math.min(BLOCK_BYTES, this.#length + moreBytes));
    if (this.#first !== null) block.set(this.#first);
    this.#first = null;
    return block;
  }

  /** All that was kept, or null. */
  take(): Buffer | null {
    if (this.#length === 0) return null;
    const taken = this.#block?.subarray(0, this.#length) ?? copyOf(this.#first as Buffer);
    this.#first = null;
    this.#block = null;
    this.#length = 0;
    return taken;
  }

  /** All that was kept, and one more behind it. */
  takeWith(piece: Buffer): Buffer {
    const kept = this.take();
    if (kept !== null) return Buffer.concat([kept, piece]);
    return piece.length > SPARE_BYTES / 4 ? this.#lend(piece) : copyOf(piece);
  }

  #lend(piece: Buffer): Buffer {
    if (piece.length > SPARE_BYTES) return copyOf(piece);
    const block = spare ?? Buffer.allocUnsafeSlow(SPARE_BYTES);
    spare = null;
    this.#lent = block;
    block.set(piece);
    return block.subarray(0, piece.length);
  }

  /** What was given last is needed no more. */
  release(): void {
    if (this.#lent !== null) spare = this.#lent;
    this.#lent = null;
  }

  /** What was given last is its taker's. */
  leave(): void {
    this.#lent = null;
  }
}

/** From here on memory of its own: `Buffer.from` cuts up to 32 KiB out of a slab of 64, which is held with it. */
const OWN_BYTES = 4 * 1024;

function copyOf(data: Buffer): Buffer {
  if (data.length < OWN_BYTES) return Buffer.from(data);
  const copy = Buffer.allocUnsafeSlow(data.length);
  copy.set(data);
  return copy;
}
