/**
 * What is told of one request once it is over, whoever answered it. It stands between client and exchange, both ways,
 * and hears what the exchange tells of itself; it is made only where somebody wants to know.
 */
import type { Fault } from '../base/fault.ts';
import type { ClientExchange, RequestReceiver, TunnelEnd } from '../downstream/handler.ts';
import type { FieldTable } from '../message/fields.ts';
import type { RequestHead, ResponseHead } from '../message/head.ts';
import type { OwnResponse } from '../message/own-response.ts';
import type { RetryReason } from '../resilience/retry-policy.ts';
import type { ExchangeObserver, ExchangeResult, FaultContext, RetryOutcome } from './observer.ts';
import type { Route } from './route.ts';

/** One listener's; telemetry supplies it. */
export interface AccessObserver {
  /** A name for the exchange, for whoever looks for its lines. */
  nameExchange(): string;
  /** It is over. The head may be read during the call alone. */
  onAccess(record: AccessRecord): void;
}

export class AccessRecord implements ClientExchange, RequestReceiver, ExchangeObserver {
  readonly request: RequestHead;
  /** The upstream's name; null if none was chosen. */
  upstream: string | null = null;
  /** What the client got; 0 for nothing. */
  status = 0;
  fault: Fault | null = null;
  attempts = 0;
  retries = 0;
  endpoint: string | null = null;
  isReused = false;
  /** The connection it was sent on turned out to have ended. */
  wasStale = false;
  /** The gateway answered in an upstream's place. */
  isOwnAnswer = false;
  /** The response was broken off, visibly. */
  wasCutOff = false;
  isTunnel = false;
  /** Octets of body. */
  requestBytes = 0;
  responseBytes = 0;
  /** Empty until somebody asked for one. */
  name = '';
  readonly #access: AccessObserver;
  readonly #client: ClientExchange;
  #receiver: RequestReceiver | null = null;
  #observer: ExchangeObserver | null = null;
  #isTold = false;
  readonly #now: () => number;
  readonly #beganMs: number;

  constructor(
    request: RequestHead,
    client: ClientExchange,
    { access, now }: { access: AccessObserver; now: () => number },
  ) {
    this.request = request;
    this.#client = client;
    this.#access = access;
    this.#now = now;
    this.#beganMs = now();
  }

  /** From the request's head to now. */
  get durationMs(): number {
    return this.#now() - this.#beganMs;
  }

  /** The route for this request alone: what is told of it comes by here. */
  on(route: Route): Route {
    this.#observer = route.observer;
    this.upstream = route.upstream.name;
    return { ...route, observer: this };
  }

  /** Takes what the request goes to, and stands in its place. */
  before(receiver: RequestReceiver): this {
    this.#receiver = receiver;
    return this;
  }

  #tell(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#access.onAccess(this);
  }

  // ---- From the client

  onBody(data: Buffer): boolean {
    this.requestBytes += data.length;
    return this.#receiver?.onBody(data) ?? true;
  }

  onBodyEnd(trailerLines: string): void {
    this.#receiver?.onBodyEnd(trailerLines);
  }

  onReadEnd(): void {
    this.#receiver?.onReadEnd();
  }

  onBodyFault(fault: Fault): void {
    this.#receiver?.onBodyFault(fault);
  }

  onWritable(): void {
    this.#receiver?.onWritable();
  }

  onClientGone(fault: Fault): void {
    this.#receiver?.onClientGone(fault);
    this.#tell();
  }

  // ---- To the client

  sendInterim(head: ResponseHead): void {
    this.#client.sendInterim(head);
  }

  sendHead(head: ResponseHead): void {
    this.status = head.status;
    this.#client.sendHead(head);
  }

  sendBody(data: Buffer): void {
    this.responseBytes += data.length;
    this.#client.sendBody(data);
  }

  // Told before it ends: the client's next request takes the head over.

  sendEnd(trailers: FieldTable | null): void {
    this.#tell();
    this.#client.sendEnd(trailers);
  }

  sendOwn(response: OwnResponse): void {
    this.isOwnAnswer = true;
    this.status = response.status;
    this.responseBytes = Buffer.byteLength(response.body);
    this.#tell();
    this.#client.sendOwn(response);
  }

  abort(): void {
    this.wasCutOff = true;
    this.#tell();
    this.#client.abort();
  }

  becomeTunnel(head: ResponseHead): TunnelEnd {
    this.isTunnel = true;
    this.status = head.status;
    return this.#client.becomeTunnel(head);
  }

  flush(): void {
    this.#client.flush();
  }

  get holdsBytes(): boolean {
    return this.#client.holdsBytes;
  }

  get isBlocked(): boolean {
    return this.#client.isBlocked;
  }

  get hasResponded(): boolean {
    return this.#client.hasResponded;
  }

  resumeBody(): void {
    this.#client.resumeBody();
  }

  releaseBody(): void {
    this.#client.releaseBody();
  }

  // ---- From the exchange

  onBegan(): void {
    this.#observer?.onBegan();
  }

  onEnded(result: ExchangeResult): void {
    this.isReused = result.isReused;
    this.attempts = result.attempts ?? this.attempts;
    this.endpoint = result.endpoint ?? this.endpoint;
    this.#observer?.onEnded(result);
    if (this.isTunnel) this.#tell();
  }

  onStale(): void {
    this.wasStale = true;
    this.#observer?.onStale();
  }

  onRetry(reason: RetryReason, outcome: RetryOutcome): void {
    this.retries += 1;
    this.#observer?.onRetry(reason, outcome);
  }

  onFault(fault: Fault, context: FaultContext): void {
    this.fault = fault;
    this.attempts = context.attempts;
    this.endpoint = context.endpoint;
    if (this.name === '') this.name = this.#access.nameExchange();
    this.#observer?.onFault(fault, { ...context, exchange: this.name });
  }
}
