/** A request's body as it comes in from a client: taken out of its framing, counted, and handed on. */
import { type Fault, fault } from '../base/fault.ts';
import { BodyDecoder, type BodySink, trailerLines } from '../http1/body-decoder.ts';
import type { Input } from '../http1/input.ts';
import type { FieldTable } from '../message/fields.ts';
import type { RequestHead } from '../message/head.ts';
import { tooLarge } from './faults.ts';
import { GatheredBytes } from './gathered-bytes.ts';
import type { RequestReceiver } from './handler.ts';

/** Chunks in one read. A read of 64 KiB in chunks of 100 octets is less; in chunks of one it takes a millisecond. */
const DEAR_PIECES = 1_000;

export class IncomingBody implements BodySink {
  /** Made for the first request that has a body. */
  #decoder: BodyDecoder | null = null;
  #receiver: RequestReceiver | null = null;
  #input: Input | null = null;
  #bytes = 0;
  #pieces = 0;
  #maxBytes = 0;
  #fault: Fault | null = null;
  readonly #gathered = new GatheredBytes();
  /** Fields that Connection named: not to be passed on as trailers either (RFC 9110 7.6.1). */
  #named: readonly string[] | null = null;
  /** All of it has been read, or there is none. */
  isDone = true;
  /** The request has none. */
  isNone = true;
  /** Whoever takes it asked for no more for now. */
  isPaused = false;

  /** More of it is to come, and would be read. */
  get isAwaited(): boolean {
    return !this.isDone && !this.isPaused;
  }

  /** Whether the last read came in so many pieces that others were kept waiting. */
  get isDear(): boolean {
    return this.#pieces > DEAR_PIECES;
  }

  /** `maxBytes` of 0 is no limit. */
  begin(head: RequestHead, maxBytes: number): void {
    this.#bytes = 0;
    this.#pieces = 0;
    this.#maxBytes = maxBytes;
    this.#fault = null;
    this.#named = head.options.named;
    this.isPaused = false;
    this.isNone = head.framing === 'none';
    this.isDone = this.isNone;
    if (this.isNone) return;
    this.#decoder ??= new BodyDecoder();
    this.#decoder.begin(head.framing, head.contentLength);
  }

  /** Reads what is at hand. Gives a fault when the body breaks its framing or the limit. */
  read(input: Input, receiver: RequestReceiver): Fault | null {
    const decoder = this.#decoder as BodyDecoder;
    this.#receiver = receiver;
    this.#input = input;
    this.#pieces = 0;
    const result = decoder.read(input, this);
    const goesOn = this.#giveGathered();
    this.#receiver = null;
    if (this.#fault !== null) return this.#fault;
    if (result === 'malformed') {
      return fault('malformed-body', 'client', `In the request body: ${decoder.reason}.`);
    }
    if (result === 'paused' || !goesOn) this.isPaused = true;
    return null;
  }

  onData(data: Buffer): boolean {
    this.#pieces += 1;
    this.#bytes += data.length;
    if (this.#maxBytes > 0 && this.#bytes > this.#maxBytes) {
      this.#fault = tooLarge(this.#maxBytes);
      return false;
    }
    if (this.#gathered.add(data, this.#input?.length ?? 0)) return true;
    return this.#give(this.#gathered.takeWith(data));
  }

  #give(own: Buffer): boolean {
    const goesOn = this.#receiver?.onBody(own) ?? false;
    this.#gathered.leave();
    return goesOn;
  }

  /** Within `onBody`: what it gave is needed no more. */
  release(): void {
    this.#gathered.release();
  }

  #giveGathered(): boolean {
    const own = this.#gathered.take();
    return own === null || this.#give(own);
  }

  onEnd(trailers: FieldTable | null): void {
    this.#giveGathered();
    this.isDone = true;
    this.#receiver?.onBodyEnd(trailers === null ? '' : trailerLines(trailers, this.#named));
  }
}
