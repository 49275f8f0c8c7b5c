/**
 * One HTTP/1.1 connection to an endpoint: writes requests, reads responses, and knows at any moment whether it may be
 * used again. Idle, it keeps reading: a byte or an end of stream evicts it at once, so that no timer stands on the way
 * of a request.
 */
import { defect, type Fault, type Received } from '../../base/fault.ts';
import { Deadline, type TimerWheel } from '../../base/timer-wheel.ts';
import { keepAliveTimeout } from '../../http1/connection-fields.ts';
import { requestHead } from '../../http1/request-writer.ts';
import { FieldId, type FieldTable } from '../../message/fields.ts';
import type { Leasable, OutgoingRequest, ResponseSink } from '../carrier.ts';
import type { CloseReason } from '../observer.ts';
import type { Wire, WireHandler } from '../wire.ts';
import type { ConnectionOwner, ConnectionParts } from './connection-owner.ts';
import { type EndKind, endedFault, silenceFault, unaskedSwitch } from './faults.ts';
import { Pipeline } from './pipeline.ts';
import type { PipelineSlot } from './pipeline-slot.ts';
import { PooledConnection } from './pooled-connection.ts';
import { RequestOutput } from './request-output.ts';
import { type ReaderOwner, ResponseReader } from './response-reader.ts';

/** An unread rest up to this is copied; for a larger one the connection reads on into a new buffer. */
const COPY_BYTES = 2_048;

export class H1Connection extends PooledConnection implements Leasable, WireHandler, ReaderOwner {
  readonly #wire: Wire;
  readonly #owner: ConnectionOwner;
  readonly #wheel: TimerWheel;
  readonly #output: RequestOutput;
  readonly #reader: ResponseReader;
  readonly #deadline = new Deadline(() => this.#onDeadline());
  #request: OutgoingRequest | null = null;
  /** Made for the first request that shares it. */
  #pipeline: Pipeline | null = null;
  /** Somebody who is done still has bytes of the read to write out. */
  #isBufferHeld = false;
  /** What was read before a pause is given: the socket itself is not read yet. */
  #isResuming = false;
  /** How it has ended, while what came before that is still to be read. */
  #ending: { readonly how: EndKind; readonly code: string | null } | null = null;
  /** Its owner knows that it is over, or will learn it from the lease: the socket's own end is no news then. */
  #isOver = false;

  constructor(parts: ConnectionParts) {
    super(parts, () => parts.owner.onIdleTooLong(this));
    this.#wire = parts.wire;
    this.#owner = parts.owner;
    this.#wheel = parts.wheel;
    this.#reader = new ResponseReader(parts.limits, this);
    this.#output = new RequestOutput(parts.wire);
    this.#wire.setHandler(this);
  }

  get leftBytes(): number {
    return this.#reader.leftBytes;
  }

  get hasSent(): boolean {
    return this.#pipeline?.first?.hasSent ?? this.#output.hasSent;
  }

  get received(): Received {
    return this.#reader.received;
  }

  /** Requests whose responses are still to come, those included that nobody waits for. */
  get outstanding(): number {
    return this.#reader.sink === null ? 0 : 1 + (this.#pipeline?.waiting ?? 0);
  }

  // ---- The request, on its way out

  send(request: OutgoingRequest, sink: ResponseSink): void {
    this.#reader.sink = sink;
    this.#request = request;
    this.requests += 1;
    const { head, edits, extras } = request;
    this.#reader.begin(head.method);
    const framing = extras.plan.kind === 'length' ? 'length' : head.framing;
    this.#output.begin(requestHead(head, edits, extras), framing);
    if (framing === 'none') this.#expect();
  }

  writeBody(data: Buffer): boolean {
    const goesOn = this.#output.body(data);
    // A peer that takes nothing must not hold the exchange for ever.
    if (!goesOn) this.#setDeadline(this.#request?.idleMs ?? 0);
    else if (this.#reader.awaiting === 'head') this.#wheel.clear(this.#deadline);
    return goesOn;
  }

  get holdsBytes(): boolean {
    return this.#wire.holdsBytes;
  }

  endBody(trailerLines: string): void {
    this.#output.end(trailerLines);
    this.#expect();
  }

  flush(): void {
    this.#output.flush();
  }

  onWritable(): void {
    if (this.#reader.sink === null) return;
    this.#wheel.clear(this.#deadline);
    this.#expect();
    this.#reader.sink.onUpstreamWritable();
  }

  // ---- Several at a time (design 4.2)

  /** Puts a request in line; it leaves with the others of this turn. */
  sendBehind(slot: PipelineSlot): void {
    this.requests += 1;
    this.#pipeline ??= new Pipeline({
      connection: this,
      reader: this.#reader,
      output: this.#output,
      wheel: this.#wheel,
      owner: this.#owner,
    });
    const { head, edits, extras } = slot.request as OutgoingRequest;
    this.#output.gather(requestHead(head, edits, extras));
    if (this.#pipeline.add(slot)) this.#listen(slot);
    this.#owner.onGathered(this);
  }

  sendGathered(): void {
    if (!this.isOpen) return;
    this.#output.flush();
    // If the first was under way before, it has its time already.
    if (this.#pipeline?.onFlushed(this.#output.hasSent) === true) this.#expect();
  }

  /** Those behind the first have gone elsewhere. */
  get isHeldUp(): boolean {
    return this.#pipeline?.isHeldUp === true;
  }

  #listen(slot: PipelineSlot): void {
    this.#reader.sink = slot.sink;
    this.#request = slot.request;
    this.#reader.begin(slot.method);
  }

  /** The first in line has its response: on with the next, if there is one and the connection bears it. */
  #onPipelined(pipeline: Pipeline, trailers: FieldTable | null): void {
    const canReuse = this.#reusable();
    const sink = this.#reader.sink;
    const next = canReuse === true ? pipeline.next() : null;
    if (next !== null) {
      this.#listen(next);
      this.#expect();
    } else {
      this.takesMore = canReuse === true;
      this.#finish();
    }
    sink?.onResponseEnd(trailers, canReuse);
    if (sink?.holdsBytes() === true) this.#isBufferHeld = true;
    if (canReuse !== true) pipeline.dismiss(canReuse);
  }

  /** Time runs for what is awaited now, if anything is. */
  #expect(): void {
    if (this.#reader.awaiting === 'body') this.onProgress();
    else if (this.#reader.awaiting === 'head' && this.#output.isWhole) {
      const limitMs = this.#request?.firstByteMs ?? 0;
      // One that has waited behind another has had some of its time.
      const leftMs = limitMs - (this.#pipeline?.waitedMs ?? 0);
      this.#setDeadline(limitMs === 0 ? 0 : Math.max(1, leftMs));
    }
  }

  // ---- The response, on its way in

  onBytes(bytes: Buffer): unknown {
    const sink = this.#reader.sink;
    if (sink === null) {
      // RFC 9112 9.2: data with nothing outstanding is never an answer to anything.
      return this.#lose('unexpected-bytes');
    }
    // Gathered and not yet written: this answers nothing that was asked.
    if (this.#pipeline?.first?.hasSent === false) return this.#end('ended', null);
    this.#reader.input.push(bytes);
    this.#read(sink);
    if (sink.holdsBytes() || this.#isBufferHeld) this.#wire.renewBuffer();
    this.#isBufferHeld = false;
    const { input } = this.#reader;
    if (input.length > COPY_BYTES) this.#wire.renewBuffer();
    else if (!input.isEmpty) input.keep();
    return this.#reader.sink === null || !this.#reader.isDear;
  }

  redirect(sink: ResponseSink): void {
    this.#reader.sink = sink;
    this.resume();
  }

  pause(): void {
    if (this.#reader.isPaused) return;
    this.#reader.isPaused = true;
    this.#wheel.clear(this.#deadline); // It is the client that is slow: that is no fault of the upstream.
    this.#wire.pause();
  }

  resume(): void {
    if (!this.#reader.isPaused) return;
    this.#reader.isPaused = false;
    this.#isResuming = true;
    if (this.#reader.sink !== null && !this.#reader.input.isEmpty) this.#read(this.#reader.sink);
    this.#isResuming = false;
    // The rest that was read may have blocked the client again.
    if (this.#reader.isPaused) return;
    // Or it was the end of the response: then the connection may be idle by now, and must hear its peer.
    if (this.#reader.sink !== null && this.#ending !== null) {
      this.#end(this.#ending.how, this.#ending.code);
      return;
    }
    this.#expect();
    this.#wire.resume();
  }

  #read(sink: ResponseSink): void {
    try {
      this.#reader.read();
    } catch (error) {
      // After the end of its attempt the connection may be somebody else's, who is not to pay for it.
      if (this.#reader.sink !== sink && !this.#pipeline?.first) throw error;
      this.fail(defect(error));
    }
    const reading = this.#reader.sink;
    // Another may be the first in line by now, and have got some of its response in the same read.
    const isNext = reading !== sink && this.#pipeline?.first != null;
    if (reading === null || (reading !== sink && !isNext)) return;
    reading.onResponseReadEnd();
    if (isNext && reading.holdsBytes()) this.#isBufferHeld = true;
  }

  /** RFC 9110 7.8: a switch that was not asked for, or to something else, is refused. */
  onSwitch(): void {
    const { head, input } = this.#reader;
    const asked = this.#request?.extras.upgrade ?? null;
    const offered = head.fields.members(FieldId.upgrade);
    if (asked === null || offered.length !== 1 || offered[0] !== asked) {
      this.fail(unaskedSwitch());
      return;
    }
    const sink = this.#finish();
    this.isOpen = false;
    const rest = Buffer.from(input.takeRest());
    sink?.onSwitched(head, this.#wire.release(), rest);
  }

  onFinal(): void {
    const { head } = this.#reader;
    this.#owner.onHttp10(head.version === 10);
    if (head.fields.hasImproperLine) this.#owner.onRepaired();
    const toldSeconds = keepAliveTimeout(head.fields);
    if (toldSeconds !== null) this.#owner.onKeepAliveTold(toldSeconds);
    this.onProgress();
    this.#reader.sink?.onHead(head);
    if (!head.keepsAlive) {
      this.takesMore = false;
      const waiting = this.#pipeline?.waiting ?? 0;
      if (head.version === 11) this.#owner.onToldClose(this.requests - waiting);
    }
    this.#pipeline?.onHead();
  }

  onWhole(trailers: FieldTable | null): void {
    const pipeline = this.#pipeline;
    if (pipeline !== null && pipeline.first !== null) {
      this.#onPipelined(pipeline, trailers);
      return;
    }
    const canReuse = this.#reusable();
    this.#finish()?.onResponseEnd(trailers, canReuse);
  }

  /** Design 4.2: wholly sent, framed, wholly read, nothing left over, both sides willing. */
  #reusable(): true | CloseReason {
    // With others behind it, what is unsent is theirs; what follows is the answer to the next of them, or to nobody.
    const isLast = this.#pipeline?.hasSentNext !== true;
    if (!this.#output.isWhole || (isLast && this.#wire.hasUnsent)) return 'early-response';
    if (isLast && !this.#reader.input.isEmpty) return 'unexpected-bytes';
    if (!this.#reader.head.keepsAlive || this.#ending !== null) return 'not-reusable';
    return true;
  }

  // ---- The end

  onPeerEnd(): void {
    if (this.#reader.sink === null) this.#lose('idle-closed-by-upstream');
    else this.#end('ended', null);
  }

  onClosed(code: string | null): void {
    this.isOpen = false;
    if (this.#reader.sink === null) this.#lose('idle-closed-by-upstream');
    else this.#end(code === null ? 'closed' : 'reset', code);
  }

  #end(how: EndKind, code: string | null): void {
    const { head, input, isPaused, received } = this.#reader;
    if (isPaused && !input.isEmpty) {
      // TLS gives the last records and the end at once, paused or not: what came first is given first.
      this.#ending ??= { how, code };
      this.takesMore = false;
      return;
    }
    // RFC 9112 6.3: without a length the end of the connection is the end of the body.
    if (how === 'ended' && received === 'head' && head.framing === 'close') {
      this.onWhole(null);
      return;
    }
    this.fail(endedFault(this.endpoint, how, { hasSent: this.hasSent, received, code }));
  }

  /** Closes for good. The wire says goodbye first where the reason lets it. */
  close(reason: CloseReason): void {
    this.#isOver = true;
    this.#reader.sink = null;
    this.#reader.awaiting = 'nothing';
    this.#wheel.clear(this.#deadline);
    this.#wheel.clear(this.idleDeadline);
    this.#pipeline?.stop();
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
    const reader = this.#reader;
    const sink = reader.sink;
    reader.sink = null;
    this.#request = null;
    reader.awaiting = 'nothing';
    this.#wheel.clear(this.#deadline);
    this.#pipeline?.finish();
    if (reader.isPaused || this.#isResuming) {
      reader.isPaused = false;
      this.#wire.resume();
      // The socket is read again only in the next turn.
      this.unsettledTurns = 2;
    } else if (this.#wire.mayHaveMore) this.unsettledTurns = 1;
    this.#reportCounts();
    return sink;
  }

  fail(failure: Fault): void {
    const told = this.#pipeline?.faultOfFirst(failure) ?? failure;
    this.#reader.input.clear();
    this.takesMore = false;
    this.#finish()?.onFault(told);
    this.#pipeline?.dismiss('fault');
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
    this.#wheel.set(this.#deadline, delayMs || Number.POSITIVE_INFINITY);
  }

  #onDeadline(): void {
    const request = this.#request;
    if (request === null) return;
    const beforeBody = this.#output.isWhole ? 'head' : 'room';
    const waitsFor = this.#reader.awaiting === 'body' ? 'body' : beforeBody;
    const limitMs = waitsFor === 'head' ? request.firstByteMs : request.idleMs;
    this.fail(silenceFault(this.endpoint, waitsFor, limitMs, this.#reader.received));
  }
}
