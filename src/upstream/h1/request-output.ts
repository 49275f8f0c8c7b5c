/**
 * A request on its way out: head and what body is at hand leave in one write. Small bodies are joined to the head as
 * text, which is one system call and one TLS record; large ones go beside it without being copied.
 */
import { CHUNK_END, chunkStart, lastChunk } from '../../http1/response-writer.ts';
import type { BodyFraming } from '../../message/head.ts';
import type { Wire } from '../wire.ts';

/** Up to this a copy is cheaper than another part in the system call. */
const JOIN_BYTES = 4_096;

export class RequestOutput {
  readonly #wire: Wire;
  #held = '';
  #framing: BodyFraming = 'none';
  /** Whether the upstream can have seen some of the request. */
  hasSent = false;
  /** Whether the whole request was given to the wire. */
  isWhole = false;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  begin(head: string, framing: BodyFraming): void {
    this.hasSent = false;
    this.#framing = framing;
    this.isWhole = framing === 'none';
    this.#held = head;
    if (this.isWhole) this.flush();
  }

  /** One of several requests without a body that leave together, at `flush`. */
  gather(head: string): void {
    this.#framing = 'none';
    this.isWhole = true;
    if (this.#held === '') this.hasSent = false;
    this.#held += head;
  }

  /** What was gathered and has not left never will: those whose it is are told that it was not sent. */
  drop(): void {
    this.#held = '';
  }

  body(data: Buffer): boolean {
    const isChunked = this.#framing === 'chunked';
    const before = isChunked ? this.#held + chunkStart(data.length) : this.#held;
    if (before !== '' && data.length <= JOIN_BYTES) {
      this.#held = before + data.toString('latin1') + (isChunked ? CHUNK_END : '');
      return this.#held.length <= JOIN_BYTES || this.flush();
    }
    this.#held = '';
    const goesOn =
      before === ''
        ? this.#wire.write(data)
        : this.#wire.writeAll(isChunked ? [before, data, CHUNK_END] : [before, data]);
    this.#noteSent();
    return goesOn;
  }

  end(trailerLines: string): void {
    if (this.#framing === 'chunked') this.#held += lastChunk(trailerLines);
    this.isWhole = true;
    this.flush();
  }

  flush(): boolean {
    if (this.#held === '') return true;
    const text = this.#held;
    this.#held = '';
    const goesOn = this.#wire.write(text);
    this.#noteSent();
    return goesOn;
  }

  /** A write that failed at once sent nothing; after any that did not, the request counts as sent. */
  #noteSent(): void {
    if (!this.#wire.hasFailed) this.hasSent = true;
  }
}
