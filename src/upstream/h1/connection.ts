/**
 * One HTTP/1.1 connection to an endpoint: writes requests, reads responses, and knows at any moment whether it may be
 * used again. Idle, it keeps reading: a byte or an end of stream evicts it at once, so that no timer stands on the way
 * of a request.
 */
import { defect, type Fault } from '../../base/fault.ts';
import { Deadline, type TimerWheel } from '../../base/timer-wheel.ts';
import { requestHead } from '../../http1/request-writer.ts';
import type { ResponseLimits } from '../../http1/response-parser.ts';
import { FieldId, type FieldTable } from '../../message/fields.ts';
import type { Leasable, OutgoingRequest, ResponseSink } from '../carrier.ts';
import type { CloseReason } from '../observer.ts';
import type { Wire, WireHandler } from '../wire.ts';
import { type EndKind, endedFault, silenceFault, unaskedSwitch } from './faults.ts';
import { RequestOutput } from './request-output.ts';
import { type ReaderOwner, ResponseReader } from './response-reader.ts';

/** An unread rest up to this is copied; for a larger one the connection reads on into a new buffer. */
const COPY_BYTES = 2_048;
const KEEP_ALIVE_TIMEOUT = /(?:^|[\s,])timeout=(\d{1,6})/i;

export interface ConnectionOwner {
  /** An idle connection has ended or misbehaved: it is closed already. */
  onIdleLost(connection: H1Connection, reason: CloseReason): void;
  /** `Keep-Alive: timeout` was seen. */
  onKeepAliveTold(seconds: number): void;
  onHttp10(isHttp10: boolean): void;
  onRepaired(): void;
  onCounts(sent: number, received: number): void;
}

export class H1Connection implements Leasable, WireHandler, ReaderOwner {
  readonly id: number;
  readonly endpoint: string;
  readonly bornMs: number;
  /** When it is too old to be used again; Infinity for never. */
  readonly expiresAtMs: number;
  requests = 0;
  /**
   * Turns of the loop until bytes that had arrived behind the last response have been seen. Sent before that, a request
   * would be given them as its answer (RFC 9112 6.3, 9.2). Counted down by the upstream.
   */
  unsettledTurns = 0;
  /** Why it was lost while nobody was told, because its lease was out. */
  lostBy: CloseReason | null = null;
  isOpen = true;
  /** Written by the upstream: when its dial began. */
  dialledAtMs = 0;
  /** Written by the pool. */
  idleSinceMs = 0;
  /** When it was last leased: how long it had been idle, and how many requests it had carried. */
  lastIdleMs = 0;
  requestsBefore = 0;
  isLeased = false;
  /** Falls due when it has been idle too long. Set by the pool. */
  readonly idleDeadline: Deadline;

  readonly #wire: Wire;
  readonly #owner: ConnectionOwner;
  readonly #wheel: TimerWheel;
  readonly #output: RequestOutput;
  readonly #reader: ResponseReader;
  readonly #deadline = new Deadline(() => this.#onDeadline());
  #sink: ResponseSink | null = null;
  #request: OutgoingRequest | null = null;
  /** What was read before a pause is given: the socket itself is not read yet. */
  #isResuming = false;
  /** How it has ended, while what came before that is still to be read. */
  #ending: { readonly how: EndKind; readonly code: string | null } | null = null;
  /** Its owner knows that it is over, or will learn it from the lease: the socket's own end is no news then. */
  #isOver = false;

  constructor(parts: {
    id: number;
    endpoint: string;
    wire: Wire;
    owner: ConnectionOwner;
    wheel: TimerWheel;
    limits: ResponseLimits;
    expiresAtMs: number;
    onIdleTooLong: (connection: H1Connection) => void;
  }) {
    this.id = parts.id;
    this.endpoint = parts.endpoint;
    this.#wire = parts.wire;
    this.#owner = parts.owner;
    this.#wheel = parts.wheel;
    this.#reader = new ResponseReader(parts.limits, this);
    this.#output = new RequestOutput(parts.wire);
    this.bornMs = parts.wheel.now();
    this.expiresAtMs = parts.expiresAtMs;
    this.idleDeadline = new Deadline(() => parts.onIdleTooLong(this));
    this.#wire.setHandler(this);
  }

  get leftBytes(): number {
    return this.#reader.leftBytes;
  }

  get isSettled(): boolean {
    return this.unsettledTurns === 0;
  }

  get hasSent(): boolean {
    return this.#output.hasSent;
  }

  // ---- The request, on its way out

  send(request: OutgoingRequest, sink: ResponseSink): void {
    this.#sink = sink;
    this.#request = request;
    this.requests += 1;
    const { head, extras } = request;
    this.#reader.begin(head.method);
    const framing = extras.plan.kind === 'length' ? 'length' : head.framing;
    this.#output.begin(requestHead(head, request.edits, extras), framing);
    if (framing === 'none') this.#expect();
  }

  writeBody(data: Buffer): boolean {
    const goesOn = this.#output.body(data);
    // A peer that takes nothing must not hold the exchange for ever.
    if (!goesOn) this.#setDeadline(this.#request?.idleMs ?? 0);
    else if (this.#reader.awaiting === 'head') this.#wheel.clear(this.#deadline);
    return goesOn;
  }

  endBody(trailerLines: string): void {
    this.#output.end(trailerLines);
    this.#expect();
  }

  flush(): void {
    this.#output.flush();
  }

  onWritable(): void {
    if (this.#sink === null) return;
    this.#wheel.clear(this.#deadline);
    this.#expect();
    this.#sink.onUpstreamWritable();
  }

  /** Time runs for what is awaited now, if anything is. */
  #expect(): void {
    if (this.#reader.awaiting === 'body') this.onProgress();
    else if (this.#reader.awaiting === 'head' && this.#output.isWhole) {
      this.#setDeadline(this.#request?.firstByteMs ?? 0);
    }
  }

  // ---- The response, on its way in

  onBytes(bytes: Buffer): void {
    const sink = this.#sink;
    if (sink === null) {
      // RFC 9112 9.2: data with nothing outstanding is never an answer to anything.
      this.#lose('unexpected-bytes');
      return;
    }
    this.#reader.input.push(bytes);
    try {
      this.#read(sink);
    } catch (error) {
      // After the end of its attempt the connection may be somebody else's, who is not to pay for it.
      if (this.#sink !== sink) throw error;
      this.#fail(defect(error));
    }
    if (sink.holdsBytes()) this.#wire.renewBuffer();
    const { input } = this.#reader;
    if (input.isEmpty) return;
    if (input.length > COPY_BYTES) this.#wire.renewBuffer();
    else input.keep();
  }

  redirect(sink: ResponseSink): void {
    this.#sink = sink;
    this.resume();
  }

  pause(): void {
    if (this.#reader.isPaused) return;
    this.#reader.isPaused = true;
    // It is the client that is slow: that is no fault of the upstream.
    this.#wheel.clear(this.#deadline);
    this.#wire.pause();
  }

  resume(): void {
    if (!this.#reader.isPaused) return;
    this.#reader.isPaused = false;
    this.#isResuming = true;
    if (this.#sink !== null && !this.#reader.input.isEmpty) this.#read(this.#sink);
    this.#isResuming = false;
    // The rest that was read may have blocked the client again.
    if (this.#reader.isPaused) return;
    // Or it was the end of the response: then the connection may be idle by now, and must hear its peer.
    if (this.#sink !== null && this.#ending !== null) {
      this.#end(this.#ending.how, this.#ending.code);
      return;
    }
    this.#expect();
    this.#wire.resume();
  }

  #read(sink: ResponseSink): void {
    this.#reader.read();
    if (this.#sink === sink) sink.onResponseReadEnd();
  }

  onInterim(): void {
    this.#sink?.onInterim(this.#reader.head);
  }

  /** RFC 9110 7.8: a switch that was not asked for, or to something else, is refused. */
  onSwitch(): void {
    const { head, input } = this.#reader;
    const asked = this.#request?.extras.upgrade ?? null;
    const offered = head.fields.members(FieldId.upgrade);
    if (asked === null || offered.length !== 1 || offered[0] !== asked) {
      this.#fail(unaskedSwitch());
      return;
    }
    const sink = this.#finish();
    this.isOpen = false;
    this.#reportCounts();
    const rest = Buffer.from(input.takeRest());
    sink?.onSwitched(head, this.#wire.release(), rest);
  }

  onFinal(): void {
    const { head } = this.#reader;
    this.#owner.onHttp10(head.version === 10);
    if (head.fields.hasImproperLine) this.#owner.onRepaired();
    const keepAlive = head.fields.get(FieldId.keepAlive);
    const told = keepAlive === undefined ? null : KEEP_ALIVE_TIMEOUT.exec(keepAlive);
    if (told !== null) this.#owner.onKeepAliveTold(Number(told[1]));
    this.onProgress();
    this.#sink?.onHead(head);
  }

  onBody(data: Buffer): boolean {
    return this.#sink?.onResponseBody(data) ?? false;
  }

  onWantsPause(): void {
    this.pause();
  }

  onRefused(failure: Fault): void {
    this.#fail(failure);
  }

  onWhole(trailers: FieldTable | null): void {
    const canReuse = this.#reusable();
    this.#finish()?.onResponseEnd(trailers, canReuse);
  }

  /** Design 4.2: wholly sent, framed, wholly read, nothing left over, both sides willing. */
  #reusable(): true | CloseReason {
    if (!this.#output.isWhole || this.#wire.isBlocked) return 'early-response';
    if (!this.#reader.input.isEmpty) return 'unexpected-bytes';
    if (!this.#reader.head.keepsAlive || this.#ending !== null) return 'not-reusable';
    return true;
  }

  // ---- The end

  onPeerEnd(): void {
    if (this.#sink === null) this.#lose('idle-closed-by-upstream');
    else this.#end('ended', null);
  }

  onClosed(code: string | null): void {
    this.isOpen = false;
    if (this.#sink === null) this.#lose('idle-closed-by-upstream');
    else this.#end(code === null ? 'closed' : 'reset', code);
  }

  #end(how: EndKind, code: string | null): void {
    const { head, input, isPaused, received } = this.#reader;
    if (isPaused && !input.isEmpty) {
      // TLS gives the last records and the end at once, paused or not: what came first is given first.
      this.#ending ??= { how, code };
      return;
    }
    // RFC 9112 6.3: without a length the end of the connection is the end of the body.
    if (how === 'ended' && received === 'head' && head.framing === 'close') {
      this.onWhole(null);
      return;
    }
    const { hasSent } = this.#output;
    this.#fail(endedFault(this.endpoint, how, { hasSent, received, code }));
  }

  /** Closes for good. The wire says goodbye first where the reason lets it. */
  close(reason: CloseReason): void {
    this.#isOver = true;
    this.#sink = null;
    this.#reader.awaiting = 'nothing';
    this.#wheel.clear(this.#deadline);
    this.#wheel.clear(this.idleDeadline);
    this.#reportCounts();
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#reader.input.clear();
    const isCutOff = reason === 'fault' || reason === 'client-gone' || reason === 'early-response';
    if (isCutOff) this.#wire.destroy();
    else this.#wire.close();
  }

  #lose(reason: CloseReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.lostBy = reason;
    const wasLeased = this.isLeased;
    this.isOpen = false;
    this.#wire.destroy();
    // A lease was given and nothing sent yet: its holder looks at `isOpen` before it sends.
    if (!wasLeased) this.#owner.onIdleLost(this, reason);
  }

  /** The attempt is over: nobody listens any more. */
  #finish(): ResponseSink | null {
    const sink = this.#sink;
    this.#sink = null;
    this.#request = null;
    const reader = this.#reader;
    reader.awaiting = 'nothing';
    this.#wheel.clear(this.#deadline);
    if (reader.isPaused || this.#isResuming) {
      reader.isPaused = false;
      this.#wire.resume();
      // The socket is read again only in the next turn.
      this.unsettledTurns = 2;
    } else if (this.#wire.mayHaveMore) this.unsettledTurns = 1;
    this.#reportCounts();
    return sink;
  }

  #fail(failure: Fault): void {
    this.#reader.input.clear();
    this.#finish()?.onFault(failure);
  }

  #reportCounts(): void {
    const [sent, received] = this.#wire.takeCounts();
    if (sent > 0 || received > 0) this.#owner.onCounts(sent, received);
  }

  // ---- Time

  onProgress(): void {
    if (!this.#reader.isPaused) this.#setDeadline(this.#request?.idleMs ?? 0);
  }

  #setDeadline(delayMs: number): void {
    // No limit: then that of what was awaited before is over as well.
    this.#wheel.set(this.#deadline, delayMs > 0 ? delayMs : Number.POSITIVE_INFINITY);
  }

  #onDeadline(): void {
    const request = this.#request;
    if (request === null) return;
    const waitsFor =
      this.#reader.awaiting === 'body' ? 'body' : this.#output.isWhole ? 'head' : 'room';
    const limitMs = waitsFor === 'head' ? request.firstByteMs : request.idleMs;
    this.#fail(silenceFault(this.endpoint, waitsFor, limitMs, this.#reader.received));
  }
}
