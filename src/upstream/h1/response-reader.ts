/** Reads responses out of what arrives on one connection: interim heads, the final head, its body, its end. */
import type { Fault, Received } from '../../base/fault.ts';
import { BodyDecoder, type BodySink } from '../../http1/body-decoder.ts';
import { Input } from '../../http1/input.ts';
import { type ResponseLimits, ResponseParser } from '../../http1/response-parser.ts';
import type { FieldTable } from '../../message/fields.ts';
import { ResponseHead } from '../../message/head.ts';
import type { ResponseSink } from '../carrier.ts';
import { refusedFault } from './faults.ts';

/** Interim responses before a final one. Any number is allowed (RFC 9110 15.2); this many is an attack. */
const MAX_INTERIM = 1_000;

/** So many pieces of a body in one read are handed on one by one. */
const FEW_PIECES = 16;
const BLOCK_BYTES = 16 * 1024;
/** A read of 64 KiB in chunks of 100 octets is less. */
const DEAR_PIECES = 1_000;

export interface ReaderOwner {
  /** 101: nothing more is read. */
  onSwitch(): void;
  onFinal(): void;
  /** Some body came. */
  onProgress(): void;
  /** The response is whole. */
  onWhole(trailers: FieldTable | null): void;
  /** It cannot be relayed. */
  fail(fault: Fault): void;
  /** Its taker wants no more for now. */
  pause(): void;
}

export type Awaiting = 'nothing' | 'head' | 'body';

export class ResponseReader implements BodySink {
  /** Of the response that is read; used again for the next. */
  readonly head = new ResponseHead();
  readonly input = new Input();
  readonly #owner: ReaderOwner;
  readonly #parser: ResponseParser;
  readonly #decoder = new BodyDecoder();
  /** Who takes it; null while nothing is asked. */
  sink: ResponseSink | null = null;
  awaiting: Awaiting = 'nothing';
  isPaused = false;
  #method = '';
  #interims = 0;
  #isReading = false;
  /** Of the body, in this read. */
  #pieces = 0;
  #gathered: Buffer | null = null;
  #gatheredBytes = 0;

  constructor(limits: ResponseLimits, owner: ReaderOwner) {
    this.#parser = new ResponseParser(limits);
    this.#owner = owner;
  }

  /** A response to a request of this method comes next. */
  begin(method: string): void {
    this.#method = method;
    this.awaiting = 'head';
    this.#interims = 0;
    this.head.clear();
  }

  /** Octets of the body still to come; Infinity when that is not known. */
  get leftBytes(): number {
    // Of a chunked body the decoder knows the rest of one chunk: any number may follow, for ever in an event stream.
    const { framing } = this.head;
    const isKnown = this.awaiting === 'body' && (framing === 'length' || framing === 'none');
    return isKnown ? this.#decoder.leftBytes : Number.POSITIVE_INFINITY;
  }

  /** Whether the last read was of so many pieces that others were kept waiting. */
  get isDear(): boolean {
    return this.#pieces > DEAR_PIECES;
  }

  /** A response is being given, or would be if its taker took more. */
  get isUnderWay(): boolean {
    return this.awaiting === 'body' || this.isPaused;
  }

  /** How much of the response has come. */
  get received(): Received {
    if (this.awaiting === 'body') return 'head';
    if (this.#parser.hasBegun) return 'part-of-head';
    return this.#interims > 0 ? 'interim' : 'nothing';
  }

  /** Reads what is there. */
  read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.awaiting !== 'nothing' && !this.isPaused && !this.input.isEmpty) {
        const goesOn = this.awaiting === 'head' ? this.#readHead() : this.#readBody();
        if (!goesOn) break;
      }
    } finally {
      this.#isReading = false;
    }
  }

  /** Whether to read on at once. */
  #readHead(): boolean {
    switch (this.#parser.read(this.input, this.head, this.#method)) {
      case 'more':
        return false;
      case 'refused':
        this.#owner.fail(this.#parser.fault as Fault);
        return false;
      default:
        break;
    }
    const { status } = this.head;
    if (status === 101) {
      this.#owner.onSwitch();
      return false;
    }
    if (status < 200) return this.#interim();
    this.awaiting = 'body';
    this.#decoder.begin(this.head.framing, this.head.contentLength);
    this.#owner.onFinal();
    // A body without an octet is over now, with nothing more to read.
    return this.awaiting === 'body' && this.#readBody();
  }

  #interim(): boolean {
    this.#interims += 1;
    if (this.#interims > MAX_INTERIM) {
      const reason = `more than ${MAX_INTERIM} interim responses`;
      this.#owner.fail(refusedFault('malformed-response', reason));
      return false;
    }
    this.sink?.onInterim(this.head);
    this.head.clear();
    return true;
  }

  #readBody(): boolean {
    this.#pieces = 0;
    const read = this.#decoder.read(this.input, this);
    const goesOn = this.#giveGathered();
    if (read === 'malformed') {
      this.#owner.fail(refusedFault('body-cut', this.#decoder.reason));
    } else if (read === 'paused' || !goesOn) this.#owner.pause();
    return read === 'end';
  }

  onData(data: Buffer): boolean {
    this.#pieces += 1;
    if (this.#pieces === 1) this.#owner.onProgress();
    if (this.#pieces > FEW_PIECES && this.#gather(data)) return true;
    const goesOn = this.#giveGathered();
    return (this.sink?.onResponseBody(data) ?? false) && goesOn;
  }

  /**
   * Of very many pieces in one read small ones are put together: a body in chunks of one octet would else keep all other
   * clients waiting. Where a chunk ends means nothing (RFC 9112 7.1).
   */
  #gather(data: Buffer): boolean {
    if (this.#gatheredBytes + data.length > BLOCK_BYTES) return false;
    this.#gathered ??= Buffer.allocUnsafeSlow(BLOCK_BYTES);
    this.#gathered.set(data, this.#gatheredBytes);
    this.#gatheredBytes += data.length;
    return true;
  }

  #giveGathered(): boolean {
    if (this.#gathered === null) return true;
    const data = this.#gathered.subarray(0, this.#gatheredBytes);
    // It may be held for long: the next ones come into another.
    this.#gathered = null;
    this.#gatheredBytes = 0;
    return this.sink?.onResponseBody(data) ?? false;
  }

  onEnd(trailers: FieldTable | null): void {
    this.#giveGathered();
    this.#owner.onWhole(trailers);
  }
}
