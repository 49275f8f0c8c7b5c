/**
 * A carrier without a connection. As a real one does, it uses one head for all its responses, gives bytes that it
 * writes over after each read unless they are still held, gives nothing while paused, and forgets who listens before
 * it tells of the end. It throws when it is used by whoever holds no lease of it.
 */
import { type FaultKind, fault, type Received, type Sent } from '../../src/base/fault.ts';
import { requestHead } from '../../src/http1/request-writer.ts';
import { FieldTable } from '../../src/message/fields.ts';
import type { ResponseHead } from '../../src/message/head.ts';
import type { Leasable, OutgoingRequest, ResponseSink } from '../../src/upstream/carrier.ts';
import type { CloseReason } from '../../src/upstream/observer.ts';
import type { RawSocket, TunnelHandler } from '../../src/upstream/wire.ts';
import { parseResponse } from '../unit/http1/scene.ts';

/** What bytes are written over with: no test sends it. */
const SPOILT = 0x23;

export class FakeCarrier implements Leasable {
  readonly endpoint: string;
  requests = 0;
  lastIdleMs = 0;
  isOpen = true;
  isSettled = true;
  leftBytes = Number.POSITIVE_INFINITY;
  hasSent = false;
  received: Received = 'nothing';
  /** Set by the upstream: while it is not, every use throws. */
  isLeased = false;
  #sink: ResponseSink | null = null;
  #request: OutgoingRequest | null = null;
  #head: ResponseHead | null = null;
  holdsBytes = false;
  /** What `writeBody` answers. */
  takesMore = true;
  isPaused = false;
  /** The last request, as it would be written. */
  head = '';
  body = '';
  /** Null until the body is whole. */
  trailerLines: string | null = null;
  /** What can have been seen of it: the head and body up to the last flush. */
  flushes = 0;
  /** Every call, in order, over all requests. */
  readonly calls: string[] = [];

  constructor(endpoint: string) {
    this.endpoint = endpoint;
  }

  /** Whether a request is under way on it. */
  get isBusy(): boolean {
    return this.#sink !== null;
  }

  get request(): OutgoingRequest {
    if (this.#request === null) throw new Error('nothing was sent');
    return this.#request;
  }

  get method(): string {
    return this.head.slice(0, this.head.indexOf(' '));
  }

  /** Whether the head of a final response was given and its body is still to come. */
  get isInBody(): boolean {
    return this.isBusy && this.#head !== null;
  }

  /** Whether the whole request was given to it. */
  get isWhole(): boolean {
    return this.trailerLines !== null;
  }

  // ---- What the exchange calls

  send(request: OutgoingRequest, sink: ResponseSink): void {
    this.#use('send');
    if (!this.isOpen) throw new Error('sent on a carrier that is closed');
    if (this.#sink !== null) throw new Error('sent on a carrier that is in use');
    this.#head?.clear();
    this.#head = null;
    this.#sink = sink;
    this.#request = request;
    this.requests += 1;
    this.leftBytes = Number.POSITIVE_INFINITY;
    this.head = requestHead(request.head, request.edits, request.extras);
    this.body = '';
    this.hasSent = request.head.framing === 'none';
    this.received = 'nothing';
    this.trailerLines = this.hasSent ? '' : null;
  }

  writeBody(data: Buffer): boolean {
    this.#use('writeBody');
    if (this.isWhole) throw new Error('body after its end');
    this.body += data.toString('latin1');
    return this.takesMore;
  }

  endBody(trailerLines: string): void {
    this.#use('endBody');
    if (this.isWhole) throw new Error('a body was ended twice');
    this.trailerLines = trailerLines;
    this.hasSent = true;
  }

  flush(): void {
    this.#use('flush');
    this.flushes += 1;
    this.hasSent = true;
  }

  pause(): void {
    this.#use('pause');
    this.isPaused = true;
  }

  resume(): void {
    this.#use('resume');
    this.isPaused = false;
  }

  redirect(sink: ResponseSink): void {
    this.#use('redirect');
    this.#sink = sink;
    this.isPaused = false;
  }

  #use(call: string): void {
    if (!this.isLeased) throw new Error(`${call} without a lease`);
    this.calls.push(call);
  }

  /** The lease was settled: as H1Connection has it, nobody is told anything more. */
  onSettled(isKept: boolean): void {
    if (isKept && this.#sink !== null) throw new Error('given back in the middle of an exchange');
    this.isLeased = false;
    this.#sink = null;
    this.isPaused = false;
    if (!isKept) this.isOpen = false;
  }

  // ---- What the upstream does

  interim(...lines: string[]): void {
    this.#read((sink) => sink.onInterim(parseResponse(this.method, ...lines)));
  }

  /** The final head, and body that has come with it. */
  respond(lines: readonly string[], body = ''): void {
    this.#read(() => {
      this.#giveHead(lines);
      if (body !== '') this.#giveBody(body);
    });
  }

  data(body: string): void {
    this.#read(() => this.#giveBody(body));
  }

  /** The response is whole. */
  end(
    canReuse: true | CloseReason = true,
    trailers: readonly (readonly [string, string])[] | null = null,
  ): void {
    this.#read(() => this.#giveEnd(canReuse, trailers));
  }

  /** A whole response in one read; its framing follows from its fields. */
  answer(
    body = 'ok',
    {
      status = 'HTTP/1.1 200 OK',
      fields = [] as readonly string[],
      canReuse = true as true | CloseReason,
    } = {},
  ): void {
    const hasBody = this.method !== 'HEAD';
    this.#read(() => {
      this.#giveHead([status, `Content-Length: ${body.length}`, ...fields]);
      if (body !== '' && hasBody) this.#giveBody(body);
      this.#giveEnd(canReuse, null);
    });
  }

  /** The attempt fails. Unless told, the request was sent and nothing came back. */
  fault(
    kind: FaultKind,
    {
      sent = 'sent',
      received = this.isInBody ? 'head' : 'nothing',
    }: { sent?: Sent; received?: Received } = {},
  ): void {
    const sink = this.#finish();
    this.isOpen = false;
    sink.onFault(fault(kind, 'upstream', `${this.endpoint}: ${kind}.`, { sent, received }));
  }

  /** It takes the request's body again. */
  writable(): void {
    this.takesMore = true;
    this.#listener.onUpstreamWritable();
  }

  /** 101: it becomes a tunnel. */
  switch(rest = '', protocol = 'websocket'): FakeTunnelSocket {
    const socket = new FakeTunnelSocket();
    const sink = this.#finish();
    this.isOpen = false;
    const head = parseResponse(
      'GET',
      'HTTP/1.1 101 Switching Protocols',
      'Connection: Upgrade',
      `Upgrade: ${protocol}`,
    );
    sink.onSwitched(head, socket, Buffer.from(rest, 'latin1'));
    return socket;
  }

  /** The connection ends while nothing is under way on it. */
  die(): void {
    if (this.#sink !== null) throw new Error('use fault while a request is under way');
    this.isOpen = false;
  }

  get #listener(): ResponseSink {
    if (this.#sink === null) throw new Error('nobody listens');
    return this.#sink;
  }

  /** One read of the connection. */
  #read(give: (sink: ResponseSink) => void): void {
    const sink = this.#listener;
    if (this.isPaused) throw new Error('it is paused');
    give(sink);
    if (this.#sink === sink) sink.onResponseReadEnd();
    const given = this.#given;
    this.#given = [];
    if (!sink.holdsBytes()) for (const bytes of given) bytes.fill(SPOILT);
  }

  #given: Buffer[] = [];

  #giveHead(lines: readonly string[]): void {
    const head = parseResponse(this.method, ...lines);
    this.#head = head;
    this.received = 'head';
    this.leftBytes = head.framing === 'length' ? head.contentLength : Number.POSITIVE_INFINITY;
    this.#listener.onHead(head);
  }

  #giveBody(body: string): void {
    // As soon as somebody asked to wait, or went, nothing more is given.
    if (this.#sink === null) return;
    const bytes = Buffer.from(body, 'latin1');
    this.#given.push(bytes);
    this.leftBytes -= bytes.length;
    if (!this.#sink.onResponseBody(bytes)) this.isPaused = true;
  }

  #giveEnd(
    canReuse: true | CloseReason,
    trailers: readonly (readonly [string, string])[] | null,
  ): void {
    if (this.#sink === null) return;
    const sink = this.#finish();
    sink.onResponseEnd(trailers === null ? null : FieldTable.of(trailers), canReuse);
  }

  #finish(): ResponseSink {
    const sink = this.#listener;
    this.#sink = null;
    this.isPaused = false;
    return sink;
  }
}

/** The upstream's half of a tunnel. */
export class FakeTunnelSocket implements RawSocket {
  #handler: TunnelHandler | null = null;
  written = '';
  readonly calls: string[] = [];
  isPaused = true;
  isClosed = false;
  /** The upstream has ended its side. */
  hasEnded = false;
  writableLength = 0;
  /** What `write` answers. */
  takesMore = true;

  // ---- What the tunnel calls

  write(data: Buffer): boolean {
    if (this.isClosed) return false;
    this.written += data.toString('latin1');
    if (!this.takesMore) this.writableLength += data.length;
    return this.takesMore;
  }

  end(): void {
    this.calls.push('end');
  }

  destroySoon(): void {
    this.calls.push('destroySoon');
    if (this.writableLength === 0) this.close();
  }

  destroy(): void {
    this.calls.push('destroy');
    this.close();
  }

  resetAndDestroy(): void {
    this.calls.push('resetAndDestroy');
    this.close();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  setTunnel(handler: TunnelHandler): void {
    this.#handler = handler;
  }

  // ---- What the upstream does

  data(text: string): void {
    if (this.isPaused) throw new Error('it is paused');
    this.#handler?.onData(Buffer.from(text, 'latin1'));
  }

  fin(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#handler?.onEnd();
  }

  drain(): void {
    this.takesMore = true;
    this.writableLength = 0;
    this.#handler?.onDrain();
    if (this.calls.includes('destroySoon')) this.close();
  }

  /** It is over, from whichever side. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#handler?.onClosed();
  }
}
