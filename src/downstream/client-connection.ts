/**
 * One client's connection: hands one request after the other to an exchange; no reset loses a response (RFC 9112 9.6).
 *
 * States: `head` (a request is awaited or being read), `exchange`, `lingering` (answered, reading what is still on its
 * way), `closed`. A tunnel takes the socket away and leaves the connection `closed`.
 */
import { defect, type Fault } from '../base/fault.ts';
import { Input } from '../http1/input.ts';
import { RequestParser } from '../http1/request-parser.ts';
import { interimHead, switchingHead } from '../http1/response-writer.ts';
import type { FieldTable } from '../message/fields.ts';
import type { RequestHead, ResponseHead } from '../message/head.ts';
import { type OwnResponse, ownResponse } from '../message/own-response.ts';
import type { ClientGate } from './client-gate.ts';
import type { ClientParts, ListenerTerms } from './client-parts.ts';
import type { ClientSocket } from './client-socket.ts';
import { bodyTimeout, clientGone, clientStalled, headTimeout, tooLarge } from './faults.ts';
import type { ClientExchange, RequestHandler, RequestReceiver, TunnelEnd } from './handler.ts';
import { IncomingBody } from './incoming-body.ts';
import { ownText } from './own-text.ts';
import { Patience } from './patience.ts';
import { type OutputTerms, ResponseOutput } from './response-output.ts';
import { StagedClose } from './staged-close.ts';

type State = 'head' | 'exchange' | 'lingering' | 'closed';

export class ClientConnection implements ClientExchange {
  readonly #socket: ClientSocket;
  readonly #gate: ClientGate;
  readonly #terms: ListenerTerms;
  readonly #handler: RequestHandler;
  readonly #owner: ClientParts['owner'];
  readonly #output: ResponseOutput;
  readonly #parser: RequestParser;
  readonly #input = new Input();
  readonly #head: RequestHead;
  readonly #body = new IncomingBody();
  readonly #closing: StagedClose;
  readonly #patience: Patience;
  #state: State = 'head';
  #receiver: RequestReceiver | null = null;
  #requests = 0;
  #received = 0;
  #isHalfClosed = false;
  #isPumping = false;

  constructor({ socket, gate, terms, handler, owner }: ClientParts) {
    this.#socket = socket;
    this.#gate = gate;
    this.#head = gate.heads.take();
    this.#terms = terms;
    this.#handler = handler;
    this.#owner = owner;
    this.#output = new ResponseOutput(socket, gate.wheel);
    this.#closing = new StagedClose(socket);
    this.#parser = new RequestParser(terms.client.head);
    this.#patience = new Patience(gate.wheel, terms, () => this.#onImpatience());
    socket.setReader((data) => this.#onSocketData(data));
    socket.on('end', () => this.#onSocketEnd());
    socket.on('drain', () => this.#onDrain());
    socket.on('error', () => undefined); // 'close' follows.
    socket.on('close', () => this.#onSocketClose());
    this.#patience.await('head');
  }

  // ---- Reading requests

  #onSocketData(data: Buffer): boolean {
    this.#received += data.length;
    if (this.#state === 'lingering') this.#closing.discard(data, this.#terms.client.lingerBytes);
    if (this.#state === 'lingering' || this.#state === 'closed') return true;
    this.#input.push(data);
    // Pipelined behind the request in hand: the kernel keeps the rest until its turn comes.
    if (this.#state === 'exchange' && this.#body.isDone) this.#socket.pause();
    else this.#pump();
    this.#input.keep(); // What is left of it lies in a buffer that all clients share.
    return !this.#body.isDear;
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (!this.#input.isEmpty && !this.#isFull()) {
        if (this.#isBetween() ? !this.#readHead() : !this.#readBody()) break;
      }
      this.#receiver?.onReadEnd();
    } catch (error) {
      if (this.#receiver === null) this.#refuse(defect(error));
      else this.#stopBody(defect(error));
    }
    this.#isPumping = false;
    if (this.#isHalfClosed) this.#closeIfOver();
  }

  /** The client has ended its side: nothing more will come, and no other event will tell. */
  #closeIfOver(): void {
    if (this.#isBetween() && !this.#isFull()) this.#closeWritten();
    else if (this.#state === 'exchange' && this.#body.isAwaited) {
      const receiver = this.#receiver; // It can still read: what it was answered is not taken from it.
      this.abort();
      receiver?.onClientGone(clientGone('ended its side in the middle of its request body'));
    }
  }

  /** Whether to read on at once. */
  #readHead(): boolean {
    switch (this.#parser.read(this.#input, this.#head)) {
      case 'more':
        if (this.#patience.awaited === 'next-request') this.#patience.await('head');
        return false;
      case 'refused':
        this.#refuse(this.#parser.fault as Fault);
        return false;
    }
    this.#begin();
    return this.#isBetween() || !this.#body.isDone;
  }

  #begin(): void {
    const head = this.#head;
    const { maxBodyBytes } = this.#terms.client;
    this.#requests += 1;
    this.#gate.observer.onRequest(head.version);
    if (maxBodyBytes > 0 && head.contentLength > maxBodyBytes) {
      this.#refuse(tooLarge(maxBodyBytes));
      return;
    }
    this.#gate.active += 1;
    this.#state = 'exchange';
    this.#output.reset();
    this.#body.begin(head, maxBodyBytes);
    this.#awaitClient();
    // May end the exchange before it returns: then the receiver is not kept.
    const exchange = this.#requests;
    const receiver = this.#handler.begin(head, this);
    if (this.#state === 'exchange' && this.#requests === exchange) this.#receiver = receiver;
  }

  #readBody(): boolean {
    const receiver = this.#receiver;
    if (receiver === null || !this.#body.isAwaited) return false;
    const failure = this.#body.read(this.#input, receiver);
    // The exchange may have ended under the body, and the next request may be here.
    if (this.#receiver !== receiver) return this.#isBetween();
    if (failure !== null) this.#stopBody(failure);
    else {
      if (this.#body.isPaused) this.#socket.pause();
      this.#awaitClient();
    }
    return false;
  }

  #isBetween(): boolean {
    return this.#state === 'head';
  }

  /** The next request waits until the client has taken what it was sent: else the answers of pipelined ones pile up. */
  #isFull(): boolean {
    return this.#isBetween() && this.#output.isBlocked;
  }

  releaseBody(): void {
    this.#body.release();
  }

  resumeBody(): void {
    if (!this.#body.isPaused || this.#state !== 'exchange') return;
    this.#body.isPaused = false;
    this.#awaitClient();
    this.#pump();
    // Unless a request follows whose turn has not come.
    if (!this.#body.isPaused && this.#input.isEmpty) this.#socket.resume();
  }

  /** What is still to come of the body is of no use to anybody: it is read and thrown away when closing. */
  #stopBody(failure: Fault): void {
    this.#input.clear();
    this.#patience.stop();
    this.#receiver?.onBodyFault(failure);
  }

  // ---- Answering

  sendInterim(head: ResponseHead): void {
    // RFC 9110 15.2: an HTTP/1.0 client never gets a 1xx.
    if (this.#head.version === 11) this.#output.interim(interimHead(head));
  }

  sendHead(head: ResponseHead): void {
    this.#output.head(head, this.#outputTerms());
  }

  sendBody(data: Buffer): void {
    this.#output.body(data);
    if (this.#output.isBlocked) this.#awaitClient();
  }

  flush(): void {
    this.#output.flush();
    if (this.#output.isBlocked) this.#awaitClient();
  }

  get holdsBytes(): boolean {
    return this.#output.holdsBytes;
  }

  get isBlocked(): boolean {
    return this.#output.isBlocked;
  }

  get hasResponded(): boolean {
    return this.#output.hasWritten;
  }

  sendEnd(trailers: FieldTable | null): void {
    this.#output.end(trailers);
    this.#finish(this.#output.keeps);
  }

  sendOwn(response: OwnResponse): void {
    const keeps = this.#mayKeep() && this.#head.keepsAlive;
    this.#output.own(ownText(response, { ...this.#outputTerms(), keeps }), keeps);
    this.#finish(keeps);
  }

  abort(): void {
    this.#endExchange();
    this.#state = 'lingering';
    if (this.#output.endsByClose) this.#output.cutOff();
    else this.#socket.destroySoon();
    this.#patience.await('end');
  }

  becomeTunnel(head: ResponseHead): TunnelEnd {
    this.#output.interim(switchingHead(head, this.#head.fields));
    this.#endExchange();
    this.#gate.active += 1; // The tunnel stays an exchange until its socket closes.
    this.#socket.removeAllListeners();
    this.#patience.stop();
    this.#state = 'closed';
    this.#socket.on('close', () => {
      this.#gate.onExchangeEnded();
      this.#report();
    });
    const rest = Buffer.from(this.#input.takeRest());
    return { socket: this.#socket, rest, hasEnded: this.#isHalfClosed };
  }

  /** RFC 9112 9.3, 9.6: the body is read, nobody asked for a close, and we have no reason for one. */
  #mayKeep(): boolean {
    const { maxRequests } = this.#terms.client;
    if (!this.#body.isDone || this.#gate.isDraining || this.#terms.isRetired) return false;
    // It has ended its side: what it pipelined before that is still to be answered.
    if (this.#isHalfClosed && this.#input.isEmpty) return false;
    return maxRequests === 0 || this.#requests < maxRequests;
  }

  #outputTerms(): OutputTerms {
    return {
      request: this.#head,
      mayKeep: this.#mayKeep(),
      date: this.#gate.dates.now(),
      requests: this.#requests,
      client: this.#terms.client,
    };
  }

  /** A request that never became an exchange. */
  #refuse(refusal: Fault): void {
    const own = ownResponse(refusal, this.#parser.fault === refusal ? null : this.#head);
    this.#gate.observer.onFault(refusal, own.status);
    this.#input.clear();
    this.#endExchange();
    this.#output.own(ownText(own, { ...this.#outputTerms(), keeps: false }), false);
    this.#linger();
  }

  // ---- Between exchanges, and the end

  #endExchange(): void {
    if (this.#state !== 'exchange') return;
    this.#receiver = null;
    this.#gate.onExchangeEnded();
  }

  #finish(keeps: boolean): void {
    this.#endExchange();
    const goesOn = keeps && this.#body.isDone;
    if (!goesOn) this.#gate.heads.giveBack(this.#head);
    // Nothing is unread that a reset could be sent for: closing at once is safe, and much the cheapest.
    const isQuiet = this.#body.isDone && this.#input.isEmpty;
    if (goesOn) this.#nextRequest();
    else if (isQuiet && (this.#body.isNone || this.#isHalfClosed)) this.#closeWritten();
    else this.#linger();
  }

  #nextRequest(): void {
    if (this.#requests === 1) this.#socket.setNoDelay(true);
    this.#state = 'head';
    this.#head.clear();
    this.#awaitRequest();
  }

  #awaitRequest(): void {
    if (this.#isFull()) {
      this.#socket.pause();
      this.#patience.await('room');
      return;
    }
    this.#patience.await('next-request');
    this.#pump();
    // What has come is served first: a client that pipelines without end would else be read without end.
    if (!this.#isPumping && (this.#input.isEmpty || this.#isBetween() || this.#body.isAwaited))
      this.#socket.resume();
  }

  #closeWritten(): void {
    this.#state = 'lingering';
    if (this.#closing.afterWriting()) this.#patience.await('taken');
  }

  #linger(): void {
    this.#state = 'lingering';
    this.#input.clear();
    this.#closing.half();
    if (this.#isHalfClosed) this.#closeWritten();
    else this.#patience.await('end');
  }

  #onSocketEnd(): void {
    this.#isHalfClosed = true;
    if (this.#state === 'exchange' || this.#isBetween()) this.#closeIfOver();
    else this.#closeWritten();
  }

  #onDrain(): void {
    if (this.#isBetween() && this.#patience.awaited === 'room') this.#awaitRequest();
    else if (this.#state === 'exchange') {
      this.#awaitClient();
      this.#receiver?.onWritable();
    }
  }

  #onSocketClose(): void {
    const cause = 'closed its connection before its response was complete';
    if (this.#state === 'exchange') this.#fail(clientGone(cause));
    this.#state = 'closed';
    this.#patience.stop();
    this.#output.reset();
    this.#report();
  }

  #report(): void {
    this.#gate.observer.onBytes(this.#received, this.#output.written);
    this.#owner.onClosed(this);
  }

  #fail(failure: Fault): void {
    const receiver = this.#receiver;
    this.#endExchange();
    this.#state = 'closed';
    receiver?.onClientGone(failure);
    this.#output.cutOff();
  }

  /** Closes if no request is under way; else it ends with that. */
  closeIfIdle(): void {
    if (this.#isBetween() && !this.#parser.hasBegun) this.#closeWritten();
  }

  /** For how long it has owed a request, or the rest of one's head; 0 if it does not. */
  owesForMs(nowMs: number): number {
    return this.#isBetween() && !this.holdsBytes ? this.#patience.waitedMs(nowMs) : 0;
  }

  /** Its last response is whole, and the client has not taken all of it yet. */
  get isUntaken(): boolean {
    return (this.#isBetween() || this.#state === 'lingering') && this.holdsBytes;
  }

  /** Closes now, whatever is under way. A response that is not whole must not look so; of one that is, nothing is lost. */
  destroy(): void {
    if (this.#state === 'exchange' || this.holdsBytes) this.#output.cutOff();
    else this.#socket.destroy();
  }

  /** What the client owes its exchange: room for the response, or some of its body. */
  #awaitClient(): void {
    if (this.#output.isBlocked) this.#patience.await('room');
    else if (this.#body.isAwaited) this.#patience.await('body');
    else this.#patience.stop();
  }

  #onImpatience(): void {
    const { headTimeoutMs, stallTimeoutMs } = this.#terms.client;
    const { awaited } = this.#patience;
    if (this.#state === 'exchange') {
      if (awaited === 'room') this.#fail(clientStalled(stallTimeoutMs));
      else this.#stopBody(bodyTimeout(stallTimeoutMs));
    } else if (this.#isBetween() && this.#parser.hasBegun) this.#refuse(headTimeout(headTimeoutMs));
    else if (awaited === 'end' && this.holdsBytes) this.#closeWritten();
    else this.destroy();
  }
}
