/**
 * One client request and its final response: the story of the data path.
 *
 *  1. A head has come (`begin`). It has a route: an upstream and a frozen policy.
 *  2. It takes a lease: the right to use one slot of a connection, at once or in its turn (`onLease`).
 *  3. The request goes out, and its body as it comes; what has gone is held as well, as far as it is small (`#send`).
 *  4. The response comes back and goes on to the client, each at the pace of the slower (`onHead`, `onBody`).
 *  5. The lease is settled, exactly once: given back when the connection is sound, else discarded with a reason.
 *
 * An attempt that fails is made again where that is right (`resilience/retry-policy`); else the caller is told the
 * truth: an answer of the gateway's own while none of the response has gone out, a visible break after that.
 */
import { type Fault, fault } from '../base/fault.ts';
import { Deadline } from '../base/timer-wheel.ts';
import type { ClientExchange, RequestReceiver } from '../downstream/handler.ts';
import { asReceived } from '../http1/request-writer.ts';
import { FieldId, type FieldTable } from '../message/fields.ts';
import type { RequestHead, ResponseHead } from '../message/head.ts';
import { parseRetryAfter } from '../message/http-date.ts';
import { ownResponse } from '../message/own-response.ts';
import { backoffMs } from '../resilience/backoff.ts';
import { mayRetryStatus, type RetryReason, retryReason } from '../resilience/retry-policy.ts';
import type { Lease, LeaseNeed, LeaseSeeker, ResponseSink } from '../upstream/carrier.ts';
import type { CloseReason } from '../upstream/observer.ts';
import type { RawSocket } from '../upstream/wire.ts';
import type { ExchangeContext } from './exchange-context.ts';
import { HeldBody } from './held-body.ts';
import { chosenUpgrade, isPromisedIdempotent, needOf } from './request-traits.ts';
import { ResponseDrain } from './response-drain.ts';
import type { Route } from './route.ts';
import { joinTunnel } from './tunnel.ts';

/** A response that nobody waits for any more is read to its end if no more than this is left of it. */
const DRAIN_BYTES = 64 * 1024;

type State =
  /** A connection is awaited. */
  | 'waiting'
  /** A lease is held, and one turn of the loop passes before it is used. */
  | 'turning'
  /** The whole body is awaited, because the upstream cannot take it in chunks. */
  | 'collecting'
  /** The request is on its way, or its response. */
  | 'attached'
  /** An attempt follows after a pause. */
  | 'pausing'
  | 'done';

export class Exchange implements RequestReceiver, LeaseSeeker, ResponseSink {
  readonly #head: RequestHead;
  readonly #client: ClientExchange;
  readonly #route: Route;
  readonly #context: ExchangeContext;
  readonly #beganMs: number;
  #state: State = 'waiting';
  #lease: Lease | null = null;
  #body: HeldBody | null = null;
  #isBodyWhole: boolean;
  #trailerLines = '';
  #isClientPaused = false;
  #isBeginning = false;
  #attempts = 0;
  #resends = 0;
  #wasReused = false;
  #endpoint: string | null = null;
  #retryReason: RetryReason | null = null;
  #status = 0;
  #deadline: Deadline | null = null;
  #pause: Deadline | null = null;

  // What the upstream reads and links while this waits for a lease.
  need: LeaseNeed;
  avoid: string | null = null;
  waitingSinceMs = 0;
  queuedBefore: LeaseSeeker | null = null;
  queuedAfter: LeaseSeeker | null = null;
  isQueued = false;

  constructor(head: RequestHead, client: ClientExchange, route: Route, context: ExchangeContext) {
    this.#head = head;
    this.#client = client;
    this.#route = route;
    this.#context = context;
    this.#beganMs = context.wheel.now();
    this.#isBodyWhole = head.framing === 'none';
    this.need = needOf(head, route.policy.retry);
  }

  // ---- 1. A request

  begin(): void {
    const { observer, budget, policy, upstream } = this.#route;
    observer.onBegan();
    budget.onRequest();
    if (policy.timeouts.requestMs > 0) this.#limitWhole(policy.timeouts.requestMs);
    this.#isBeginning = true;
    upstream.acquire(this);
    this.#isBeginning = false;
  }

  #limitWhole(requestMs: number): void {
    this.#deadline = new Deadline(() => {
      const sent = this.#lease?.carrier.hasSent === true ? 'sent' : 'not-sent';
      const cause = `The exchange took longer than ${requestMs} ms.`;
      this.#fail(fault('request-timeout', 'gateway', cause, { sent }));
    });
    this.#context.wheel.set(this.#deadline, requestMs);
  }

  // ---- 2. A lease

  onLease(lease: Lease): void {
    this.#lease = lease;
    this.#attempts += 1;
    this.#wasReused = lease.isReused;
    this.#endpoint = lease.carrier.endpoint;
    if (this.need === 'steady' && lease.isReused) {
      // It could not be sent again: let an end of stream that has already arrived be seen first. Measured, this takes
      // requests that are lost to a connection closed a moment ago from all to none.
      this.#state = 'turning';
      this.#context.clock.afterTurn(() => {
        if (this.#state === 'turning') this.#send(lease);
      });
      return;
    }
    this.#send(lease);
  }

  onNoLease(failure: Fault): void {
    this.#fail(failure);
  }

  // ---- 3. The request goes out

  #send(lease: Lease): void {
    const { upstream, policy } = this.#route;
    const { carrier } = lease;
    if (!carrier.isOpen) {
      upstream.onStale(carrier);
      this.#discard('idle-closed-by-upstream');
      this.#acquire();
      return;
    }
    const wantsLength = this.#head.framing === 'chunked' && upstream.speaksHttp10(carrier);
    if (wantsLength && !this.#isBodyWhole) {
      this.#collect();
      return;
    }
    const plan = wantsLength
      ? ({ kind: 'length', bytes: this.#body?.bytes ?? 0 } as const)
      : asReceived;
    this.#state = 'attached';
    carrier.send(
      {
        head: this.#head,
        edits: policy.edits,
        extras: { upgrade: chosenUpgrade(this.#head, policy), plan },
        firstByteMs: policy.retry.perTryTimeoutMs || policy.timeouts.firstByteMs,
        idleMs: policy.timeouts.idleMs,
      },
      this,
    );
    this.#sendHeld();
  }

  /** What was held goes out, and the client may go on with the rest. */
  #sendHeld(): void {
    if (this.#head.framing === 'none') return;
    const { carrier } = this.#lease as Lease;
    let goesOn = true;
    for (const chunk of this.#body?.chunks ?? []) goesOn = carrier.writeBody(chunk);
    this.#body?.onSent();
    if (this.#isBodyWhole) {
      carrier.endBody(this.#trailerLines);
      return;
    }
    if (this.#isClientPaused && goesOn) this.#resumeClient();
    // Within a read of the client's, body may follow at once and leave in the same write.
    if (!this.#isBeginning) carrier.flush();
  }

  /** RFC 9112 6.1: nothing chunked goes to an upstream that speaks HTTP/1.0; its body must be whole to be counted. */
  #collect(): void {
    this.#state = 'collecting';
    if (this.#isClientPaused) this.#fail(this.#lengthRequired());
  }

  #lengthRequired(): Fault {
    return fault(
      'length-required',
      'client',
      'This upstream speaks HTTP/1.0, and the chunked body is too long to be counted first: send Content-Length.',
    );
  }

  onBody(data: Buffer): boolean {
    const isAttached = this.#state === 'attached';
    this.#body ??= new HeldBody(this.#route.policy.retry.bodyLimitBytes, this.#context.bodies);
    this.#body.add(data, { mustKeep: !isAttached });
    if (isAttached) return this.#pausedUnless((this.#lease as Lease).carrier.writeBody(data));
    if (this.#state === 'collecting' && !this.#body.canReplay) {
      this.#fail(this.#lengthRequired());
      return false;
    }
    return this.#pausedUnless(this.#body.canReplay);
  }

  #pausedUnless(goesOn: boolean): boolean {
    this.#isClientPaused = !goesOn;
    return goesOn;
  }

  onBodyEnd(trailerLines: string): void {
    this.#isBodyWhole = true;
    this.#trailerLines = trailerLines;
    if (this.#state === 'attached') (this.#lease as Lease).carrier.endBody(trailerLines);
    else if (this.#state === 'collecting') this.#send(this.#lease as Lease);
  }

  onReadEnd(): void {
    if (this.#state === 'attached') this.#lease?.carrier.flush();
  }

  /** The upstream takes the request's body again. */
  onUpstreamWritable(): void {
    if (this.#isClientPaused && this.#state === 'attached') this.#resumeClient();
  }

  #resumeClient(): void {
    this.#isClientPaused = false;
    this.#client.resumeBody();
  }

  // ---- 4. The response comes back

  onInterim(head: ResponseHead): void {
    if (this.#state === 'attached') this.#client.sendInterim(head);
  }

  onHead(head: ResponseHead): void {
    if (this.#state !== 'attached') return;
    this.#status = head.status;
    if (mayRetryStatus(head.status, this.#requestState(), this.#route.policy.retry)) {
      if (this.#retryAfterStatus(head)) return;
    }
    if (this.#retryReason !== null) this.#noteRetry('succeeded');
    this.#client.sendHead(head);
  }

  onResponseBody(data: Buffer): boolean {
    if (this.#state !== 'attached') return true;
    this.#client.sendBody(data);
    return !this.#client.isBlocked;
  }

  onResponseReadEnd(): void {
    if (this.#state !== 'attached') return;
    this.#client.flush();
    if (this.#client.isBlocked) this.#lease?.carrier.pause();
  }

  holdsBytes(): boolean {
    return this.#client.holdsBytes;
  }

  /** The client takes the response again. */
  onWritable(): void {
    if (this.#state === 'attached') this.#lease?.carrier.resume();
  }

  onResponseEnd(trailers: FieldTable | null, canReuse: true | CloseReason): void {
    const state = this.#state;
    // First the lease: the client's next request, which may be here already, finds the connection idle.
    if (canReuse === true) this.#giveBack();
    else this.#discard(canReuse);
    if (state !== 'attached') return;
    this.#end(this.#status);
    this.#client.sendEnd(trailers);
  }

  onSwitched(head: ResponseHead, upstream: RawSocket, upstreamRest: Buffer): void {
    const lease = this.#lease as Lease;
    this.#lease = null;
    const { socket, rest } = this.#client.becomeTunnel(head);
    joinTunnel({
      client: socket,
      clientRest: rest,
      upstream,
      upstreamRest,
      wheel: this.#context.wheel,
      idleMs: this.#route.policy.timeouts.tunnelIdleMs,
      onEnded: () => {
        lease.discard('tunnel-ended');
        this.#end(101);
      },
    });
  }

  // ---- When something fails

  onFault(failure: Fault): void {
    const lease = this.#lease as Lease;
    const wasReused = lease.isReused;
    if (wasReused && isStale(failure)) {
      this.#route.upstream.onStale(lease.carrier);
      this.#route.observer.onStale();
    }
    this.#discard('fault');
    if (this.#state !== 'attached') return;
    const { retry } = this.#route.policy;
    const reason = retryReason(failure, wasReused, this.#requestState(), retry);
    if (reason === null || !this.#mayRetry(reason)) {
      this.#fail(failure);
      return;
    }
    // What was stale is repaired at once; what may be overloaded is given a moment.
    const isRepair = reason === 'reused-connection-ended' || reason === 'not-sent';
    this.#again(isRepair ? 0 : this.#backoffMs());
  }

  #requestState(): Parameters<typeof mayRetryStatus>[1] {
    return {
      method: this.#head.method,
      isPromisedIdempotent: isPromisedIdempotent(this.#head, this.#route.policy.retry),
      isBodyHeld: this.#body?.canReplay ?? true,
      resends: this.#resends,
      hasResponded: this.#client.hasResponded,
    };
  }

  /** Counts the retry, and takes it from the budget unless nothing had been sent. */
  #mayRetry(reason: RetryReason): boolean {
    const { budget, observer } = this.#route;
    if (this.#retryReason !== null) this.#noteRetry('failed');
    if (reason !== 'not-sent') {
      if (!budget.take(this.#context.wheel.now())) {
        observer.onRetry(reason, 'budget-spent');
        return false;
      }
      this.#resends += 1;
    }
    this.#retryReason = reason;
    this.need = 'new';
    this.avoid = this.#endpoint;
    return true;
  }

  #noteRetry(outcome: 'succeeded' | 'failed'): void {
    if (this.#retryReason !== null) this.#route.observer.onRetry(this.#retryReason, outcome);
    this.#retryReason = null;
  }

  #backoffMs(): number {
    const { backoffBaseMs: baseMs, backoffMaxMs: maxMs } = this.#route.policy.retry;
    return backoffMs(this.#resends, { baseMs, maxMs }, this.#context.random);
  }

  /** Whether this response is dropped for another attempt. */
  #retryAfterStatus(head: ResponseHead): boolean {
    const { maxRetryAfterMs } = this.#route.policy.retry;
    const value = head.fields.get(FieldId.retryAfter);
    const nowSeconds = this.#context.clock.wallSeconds();
    const askedMs = value === undefined ? undefined : parseRetryAfter(value, nowSeconds);
    if (askedMs !== undefined && askedMs > maxRetryAfterMs) return false;
    if (!this.#mayRetry('status')) return false;
    this.#dropResponse('not-reusable');
    this.#again(askedMs ?? this.#backoffMs());
    return true;
  }

  #again(delayMs: number): void {
    if (delayMs === 0) {
      this.#acquire();
      return;
    }
    this.#state = 'pausing';
    this.#pause ??= new Deadline(() => this.#acquire());
    this.#context.wheel.set(this.#pause, delayMs);
  }

  #acquire(): void {
    this.#state = 'waiting';
    this.#route.upstream.acquire(this);
  }

  /** It cannot be carried: the client is told, in whatever way is still left. */
  #fail(failure: Fault, { isClientThere = true }: { readonly isClientThere?: boolean } = {}): void {
    if (this.#state === 'done') return;
    if (this.#retryReason !== null) this.#noteRetry('failed');
    this.#detach(isClientThere ? 'fault' : 'client-gone');
    const own = ownResponse(failure, this.#head);
    const canAnswer = isClientThere && own.status !== 0 && !this.#client.hasResponded;
    const status = canAnswer ? own.status : 0;
    this.#route.observer.onFault(failure, {
      status,
      request: this.#head,
      attempts: this.#attempts,
      durationMs: this.#context.wheel.now() - this.#beganMs,
      endpoint: this.#endpoint,
    });
    this.#end(canAnswer ? status : this.#status);
    if (canAnswer) this.#client.sendOwn(own);
    else if (isClientThere) this.#client.abort();
  }

  onBodyFault(failure: Fault): void {
    this.#fail({ ...failure, sent: this.#lease?.carrier.hasSent === true ? 'sent' : 'not-sent' });
  }

  onClientGone(failure: Fault): void {
    const sent = this.#lease?.carrier.hasSent === true ? 'sent' : 'not-sent';
    this.#fail({ ...failure, sent }, { isClientThere: false });
  }

  // ---- 5. The lease is settled, and the exchange is over

  /** Leaves the upstream side, in whatever state it is. */
  #detach(reason: CloseReason): void {
    if (this.isQueued) this.#route.upstream.cancel(this);
    else if (this.#lease !== null) this.#dropResponse(reason);
  }

  /** Keeps the connection if it costs little to read the response to its end; else discards it. */
  #dropResponse(reason: CloseReason): void {
    const lease = this.#lease as Lease;
    const isUnused = this.#state === 'turning' || this.#state === 'collecting';
    if (isUnused) this.#giveBack();
    else if (this.#isBodyWhole && lease.carrier.leftBytes <= DRAIN_BYTES && reason !== 'fault') {
      this.#lease = null;
      lease.carrier.redirect(new ResponseDrain(lease));
    } else this.#discard(reason);
  }

  #giveBack(): void {
    const lease = this.#lease as Lease;
    this.#lease = null;
    lease.giveBack();
  }

  #discard(reason: CloseReason): void {
    const lease = this.#lease as Lease;
    this.#lease = null;
    lease.discard(reason);
  }

  #end(status: number): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    const { wheel } = this.#context;
    if (this.#deadline !== null) wheel.clear(this.#deadline);
    if (this.#pause !== null) wheel.clear(this.#pause);
    this.#body?.release();
    this.#route.observer.onEnded({
      status,
      durationMs: wheel.now() - this.#beganMs,
      isReused: this.#wasReused,
    });
  }
}

/** A reused connection that ended before a byte came: most likely it was closed before the request arrived. */
function isStale(failure: Fault): boolean {
  const hasEnded = failure.kind === 'connection-ended' || failure.kind === 'write-failed';
  return hasEnded && failure.received === 'nothing';
}
