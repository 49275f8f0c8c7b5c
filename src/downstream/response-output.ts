/**
 * A response on its way to a client: decides how the client is told where it ends, and lets head and body leave
 * together. RFC 9112 6.1: nothing chunked goes to HTTP/1.0.
 */
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import { trailerLines } from '../http1/body-decoder.ts';
import {
  CHUNK_END,
  type ClientFraming,
  chunkStart,
  lastChunk,
  responseHead,
} from '../http1/response-writer.ts';
import type { FieldTable } from '../message/fields.ts';
import type { RequestHead, ResponseHead } from '../message/head.ts';
import type { ClientSocket } from './client-socket.ts';
import type { ClientOptions } from './options.ts';
import { keepAliveLines } from './own-text.ts';

/** Up to this, body joins the head as text: one write, and no copy worth speaking of. */
const JOIN_BYTES = 4_096;
/** What may lie unwritten in the socket before the upstream is asked to wait. */
const HIGH_WATER_BYTES = 64 * 1024;

export interface OutputTerms {
  readonly request: RequestHead;
  /** Whether this connection may live on. */
  readonly mayKeep: boolean;
  readonly date: string;
  /** How many this connection has had, this one included. */
  readonly requests: number;
  readonly client: ClientOptions;
}

const LINE_END = '\r\n';

const noBody: ClientFraming = { kind: 'none' };
const byLength: ClientFraming = { kind: 'length' };
const byChunks: ClientFraming = { kind: 'chunked' };
const byClose: ClientFraming = { kind: 'close' };

/** A response of unknown length that may be whole in a moment. */
interface Held {
  /** Its head but for the last lines. As text: the upstream's connection may be carrying another when this is sent. */
  readonly start: string;
  readonly terms: OutputTerms;
  bytes: number;
}

export class ResponseOutput {
  readonly #socket: ClientSocket;
  readonly #wheel: TimerWheel;
  #text = '';
  #framing: ClientFraming = noBody;
  /** Fields that the upstream's Connection named: not to be passed on as trailers either (RFC 9110 7.6.1). */
  #named: readonly string[] | null = null;
  #holding: Held | null = null;
  #heldParts: Buffer[] = [];
  #holdDeadline: Deadline | null = null;
  /** Octets written to the socket. */
  written = 0;
  hasWritten = false;
  /** Whether the connection may live on after this response, as the client was told. */
  keeps = false;

  constructor(socket: ClientSocket, wheel: TimerWheel) {
    this.#socket = socket;
    this.#wheel = wheel;
  }

  get holdsBytes(): boolean {
    return this.#socket.writableLength > 0;
  }

  get isBlocked(): boolean {
    return this.#socket.writableLength > HIGH_WATER_BYTES;
  }

  /** Whether the end of the connection is what tells the end of the body. */
  get endsByClose(): boolean {
    return this.#framing.kind === 'close';
  }

  /** Closes at once, whatever is unwritten. Where a FIN would say that the body is whole, a reset says that it is not. */
  cutOff(): void {
    try {
      if (this.endsByClose) this.#socket.resetAndDestroy();
    } catch {
      // A Unix socket knows no reset, and Node throws: this client cannot be told.
    }
    this.#socket.destroy();
  }

  reset(): void {
    this.#text = '';
    this.#framing = noBody;
    this.#dropHeld();
    this.hasWritten = false;
    this.keeps = false;
  }

  interim(text: string): void {
    this.#text += text;
    this.#write();
    this.hasWritten = false;
  }

  head(head: ResponseHead, terms: OutputTerms): void {
    const { request } = terms;
    const isUnframed = head.framing === 'chunked' || head.framing === 'close';
    if (!isUnframed) {
      this.#start(head, terms, head.framing === 'length' ? byLength : noBody);
    } else if (request.version === 11) {
      this.#start(head, terms, byChunks);
    } else if (request.keepsAlive && terms.mayKeep && mayHold(terms.client)) {
      // Whole within a moment, it can be given a length and the connection lives on.
      const text = responseHead(head, { framing: byClose, connectionLines: '', date: terms.date });
      this.#holding = { start: text.slice(0, -LINE_END.length), terms, bytes: 0 };
      this.#holdDeadline ??= new Deadline(() => this.#stopHolding());
      this.#wheel.set(this.#holdDeadline, terms.client.holdForLengthMs);
    } else {
      this.#start(head, terms, byClose);
    }
  }

  #start(head: ResponseHead, terms: OutputTerms, framing: ClientFraming): void {
    this.#framing = framing;
    this.#named = head.options.named;
    this.keeps = terms.mayKeep && terms.request.keepsAlive && framing.kind !== 'close';
    this.#text = responseHead(head, {
      framing,
      connectionLines: connectionLines(this.keeps, terms),
      date: terms.date,
    });
  }

  body(data: Buffer): void {
    if (this.#holding !== null && !this.#hold(data)) return;
    const isChunked = this.#framing.kind === 'chunked';
    const before = isChunked ? this.#text + chunkStart(data.length) : this.#text;
    if (before !== '' && data.length <= JOIN_BYTES) {
      this.#text = before + data.toString('latin1') + (isChunked ? CHUNK_END : '');
      if (this.#text.length > JOIN_BYTES) this.#write();
      return;
    }
    this.#text = '';
    this.#writeParts(before, data, isChunked ? CHUNK_END : '');
  }

  #writeParts(before: string, data: Buffer, after: string): void {
    this.hasWritten = true;
    this.written += before.length + data.length + after.length;
    const isAlone = before === '' && after === '';
    if (!isAlone) this.#socket.cork();
    if (before !== '') this.#socket.write(before, 'latin1');
    this.#socket.write(data);
    if (after !== '') this.#socket.write(after, 'latin1');
    if (!isAlone) this.#socket.uncork();
  }

  end(trailers: FieldTable | null): void {
    if (this.#holding !== null) this.#endHeld(this.#holding);
    else if (this.#framing.kind === 'chunked') {
      this.#text += lastChunk(trailers === null ? '' : trailerLines(trailers, this.#named));
    }
    this.#write();
  }

  flush(): void {
    if (this.#holding === null) this.#write();
  }

  /** Text that is complete in itself: an answer of the gateway's own. */
  own(text: string, keeps: boolean): void {
    this.reset();
    this.keeps = keeps;
    this.#text = text;
    this.#write();
  }

  #write(): void {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.hasWritten = true;
    this.written += text.length;
    this.#socket.write(text, 'latin1');
  }

  // ---- Holding a response of unknown length

  /** Keeps a copy. True when it does not fit: the caller goes on with this data. */
  #hold(data: Buffer): boolean {
    const holding = this.#holding;
    if (holding === null) return true;
    if (holding.bytes + data.length > holding.terms.client.holdForLengthBytes) {
      this.#stopHolding();
      return true;
    }
    holding.bytes += data.length;
    this.#heldParts.push(Buffer.from(data));
    return false;
  }

  /** It did not end in time: send it as it comes, and let the end of the connection tell its end. */
  #stopHolding(): void {
    const holding = this.#holding;
    if (holding === null) return;
    const parts = this.#heldParts;
    this.#dropHeld();
    this.#framing = byClose;
    this.#text = `${holding.start}${connectionLines(false, holding.terms)}${LINE_END}`;
    for (const part of parts) this.body(part);
    this.#write();
  }

  #endHeld({ start, terms, bytes }: Held): void {
    const parts = this.#heldParts;
    this.#dropHeld();
    this.#framing = byLength;
    this.keeps = true;
    this.#text = `${start}Content-Length: ${bytes}\r\n${connectionLines(true, terms)}${LINE_END}`;
    for (const part of parts) this.#text += part.toString('latin1');
  }

  #dropHeld(): void {
    this.#holding = null;
    if (this.#heldParts.length > 0) this.#heldParts = [];
    if (this.#holdDeadline !== null) this.#wheel.clear(this.#holdDeadline);
  }
}

function mayHold({ holdForLengthMs, holdForLengthBytes }: ClientOptions): boolean {
  return holdForLengthMs > 0 && holdForLengthBytes > 0;
}

/** RFC 9112 9.3: HTTP/1.1 stays open unless told, HTTP/1.0 closes unless told. */
function connectionLines(keeps: boolean, { request, client, requests }: OutputTerms): string {
  if (!keeps) return 'Connection: close\r\n';
  return request.version === 11 ? '' : keepAliveLines(client, requests);
}
