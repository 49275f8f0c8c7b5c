/**
 * One client request and its final response: the story of the data path.
 *
 *  1. A head has come (`begin`). It has a route: an upstream and a frozen policy.
 *  2. It takes a lease: the right to use one slot of a connection, at once or in its turn (`onLease`). A small body comes
 *     first: no connection is held by a client that sends it octet by octet.
 *  3. The request goes out, and its body as it comes; what has gone is held as well, as far as it is small (`#send`).
 *  4. The response comes back and goes on to the client, each at the pace of the slower (`onHead`, `onBody`).
 *  5. The lease is settled, exactly once: given back when the connection is sound, else discarded with a reason.
 *
 * An attempt that fails is made again where that is right (`resilience/retry-policy`); else the caller is told the
 * truth: an answer of the gateway's own while none of the response has gone out, a visible break after that.
 */
import { defect, type Fault } from '../base/fault.ts';
import type { ClientExchange, RequestReceiver } from '../downstream/handler.ts';
import { linesWithout } from '../http1/forwarded-lines.ts';
import { asReceived } from '../http1/request-writer.ts';
import type { FieldTable } from '../message/fields.ts';
import type { RequestHead, ResponseHead } from '../message/head.ts';
import { continueNow, ownResponse } from '../message/own-response.ts';
import { outcomeOfFault } from '../resilience/outcome.ts';
import type { RetryReason } from '../resilience/retry-policy.ts';
import type { Carrier, Lease, LeaseNeed, LeaseSeeker, ResponseSink } from '../upstream/carrier.ts';
import type { CloseReason } from '../upstream/observer.ts';
import type { RawSocket } from '../upstream/wire.ts';
import type { ExchangeContext } from './exchange-context.ts';
import type { ExchangeState } from './exchange-state.ts';
import { ExchangeTimers } from './exchange-timers.ts';
import { lengthRequired, tookTooLong } from './faults.ts';
import { bodyOf, type RequestBody } from './request-body.ts';
import { chosenUpgrade, comesWhole, isPipelinable, needAfter, needOf } from './request-traits.ts';
import { dropResponse } from './response-drain.ts';
import { Retries } from './retries.ts';
import type { Route } from './route.ts';
import { joinTunnel } from './tunnel.ts';

export class Exchange implements RequestReceiver, LeaseSeeker, ResponseSink {
  readonly #head: RequestHead;
  readonly #client: ClientExchange;
  readonly #route: Route;
  readonly #context: ExchangeContext;
  readonly #beganMs: number;
  #state: ExchangeState = 'waiting';
  #lease: Lease | null = null;
  /** Null for a request without one. */
  readonly #body: RequestBody | null;
  #isBeginning = false;
  #retries: Retries | null = null;
  #attempts = 0;
  #wasReused = false;
  #endpoint: string | null = null;
  #status = 0;
  #sentAtMs = 0;
  #timers: ExchangeTimers | null = null;

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
    this.#body = bodyOf(head, client, route, context);
    this.need = needOf(head, route.policy.retry);
  }

  get canPipeline(): boolean {
    return this.#attempts === 0 && isPipelinable(this.#head, this.#route.policy);
  }

  // ---- 1. A request

  begin(): void {
    const { observer, budget, policy, upstream } = this.#route;
    observer.onBegan();
    upstream.join();
    budget.onRequest();
    const { requestMs } = policy.timeouts;
    if (requestMs > 0) this.#timed().limit(requestMs, () => this.#fail(tookTooLong(requestMs)));
    this.#isBeginning = true;
    if (comesWhole(this.#head, policy)) this.#state = 'gathering';
    else this.#acquire();
    this.#isBeginning = false;
  }

  // ---- 2. A lease

  onLease(lease: Lease): void {
    this.#lease = lease;
    this.#attempts += 1;
    this.#wasReused = lease.isReused;
    this.#endpoint = lease.carrier.endpoint;
    // It could not be sent again: let an end of stream that has already arrived be seen first. Measured, this takes
    // requests that are lost to a connection closed a moment ago from all to none.
    const mayHaveEnded = lease.isReused || lease.carrier.lastIdleMs > 0;
    if (this.need === 'steady' && mayHaveEnded) this.#turn(lease);
    else this.#sendSettled(lease);
  }

  /** Lets one turn of the loop pass before the lease is used. */
  #turn(lease: Lease): void {
    this.#state = 'turning';
    this.#context.clock.afterTurn(() => {
      if (this.#state === 'turning' && this.#lease === lease) this.#sendSettled(lease);
    });
  }

  #sendSettled(lease: Lease): void {
    const { carrier } = lease;
    try {
      if (carrier.isOpen && !carrier.isSettled) this.#turn(lease);
      else this.#send(lease);
    } catch (error) {
      // It is called from the events of others, who are not to pay for a defect here.
      this.#fail(defect(error));
    }
  }

  onNoLease(failure: Fault): void {
    this.#fail(failure);
  }

  // ---- 3. The request goes out

  #send(lease: Lease): void {
    const { upstream, policy } = this.#route;
    const { carrier } = lease;
    if (!carrier.isOpen) {
      // While a body was collected it was idle for longer than that; and what came behind a response closed it, not age.
      if (this.#state === 'turning' && carrier.isSettled)
        upstream.onStale(carrier.endpoint, carrier.lastIdleMs);
      this.#takeLease().discard('idle-closed-by-upstream');
      this.#acquire();
      return;
    }
    const wantsLength = this.#head.framing === 'chunked' && upstream.speaksHttp10(carrier);
    if (wantsLength && this.#body?.isWhole === false) {
      // RFC 9110 10.1.1: nobody else will tell the client that it may go on.
      if (this.#head.expectsContinue) this.#client.sendInterim(continueNow());
      this.#collect(this.#body);
      return;
    }
    const plan = wantsLength
      ? ({ kind: 'length', bytes: this.#body?.bytes ?? 0 } as const)
      : asReceived;
    this.#state = 'attached';
    this.#sentAtMs = this.#context.wheel.now();
    carrier.send(
      {
        head: this.#head,
        edits: policy.edits,
        extras: { upgrade: chosenUpgrade(this.#head, policy), plan },
        firstByteMs:
          policy.retry.perTryTimeoutMs === 0
            ? policy.timeouts.firstByteMs
            : this.#retriesSoFar().firstByteMs,
        idleMs: policy.timeouts.idleMs,
      },
      this,
    );
    this.#body?.sendTo(carrier);
    // Within a read of the client's, body may follow at once and leave in the same write.
    if (!this.#isBeginning) carrier.flush();
  }

  /** RFC 9112 6.1: nothing chunked goes to an upstream that speaks HTTP/1.0; the body must be whole to be counted. */
  #collect(body: RequestBody): void {
    this.#state = 'collecting';
    if (body.canReplay) body.resumeClient();
    else this.#fail(lengthRequired());
  }

  onBody(data: Buffer): boolean {
    const body = this.#body as RequestBody;
    body.take(data, this.#attached);
    if (this.#state === 'collecting') this.#collect(body);
    else if (this.#state === 'gathering' && !body.canReplay) this.#acquire();
    return body.goesOn;
  }

  onBodyEnd(trailerLines: string): void {
    const { removed } = this.#route.policy.edits;
    this.#body?.end(linesWithout(trailerLines, removed), this.#attached);
    if (this.#state === 'collecting') this.#send(this.#lease as Lease);
    else if (this.#state === 'gathering') this.#acquire();
  }

  onReadEnd(): void {
    this.#attached?.flush();
  }

  /** The upstream takes the request's body again. */
  onUpstreamWritable(): void {
    if (this.#state === 'attached') this.#body?.resumeClient();
  }

  /** What carries the request now, or null. */
  get #attached(): Carrier | null {
    return this.#state === 'attached' ? (this.#lease?.carrier ?? null) : null;
  }

  // ---- 4. The response comes back

  onInterim(head: ResponseHead): void {
    if (this.#state === 'attached') this.#client.sendInterim(head);
  }

  onHead(head: ResponseHead): void {
    if (this.#state !== 'attached') return;
    this.#status = head.status;
    this.#lease?.answered(head.status);
    if (this.#retriesStatus(head)) return;
    this.#retries?.answered(head.status);
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
    if (state === 'attached') this.#lease?.tell('good');
    // First the lease: the client's next request, which may be here already, finds the connection idle.
    const lease = this.#takeLease();
    if (canReuse === true) lease.giveBack();
    else lease.discard(canReuse);
    if (state !== 'attached') return;
    this.#end(this.#status);
    this.#client.sendEnd(trailers);
  }

  onSwitched(head: ResponseHead, upstream: RawSocket, upstreamRest: Buffer): void {
    const lease = this.#takeLease();
    lease.switched();
    // A tunnel has a limit of its own, and no answer could be put into it.
    this.#timers?.clearLimit();
    joinTunnel({
      client: this.#client.becomeTunnel(head),
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
    const lease = this.#takeLease();
    lease.tell(outcomeOfFault(failure));
    lease.discard('fault');
    if (this.#state !== 'attached') return;
    const retries = this.#retriesSoFar();
    const attempt = { lease, sentAtMs: this.#sentAtMs };
    const reason = retries.afterFault(failure, attempt);
    if (reason === null) this.#fail(failure);
    else this.#again(reason, retries.pauseMs(reason));
  }

  /** Made for the first that is needed: nearly no exchange has one. */
  #retriesSoFar(): Retries {
    this.#retries ??= new Retries(this.#route, this.#context, {
      head: this.#head,
      body: this.#body,
      client: this.#client,
    });
    return this.#retries;
  }

  #timed(): ExchangeTimers {
    this.#timers ??= new ExchangeTimers(this.#context.wheel);
    return this.#timers;
  }

  /** Whether this response is dropped for another attempt. */
  #retriesStatus(head: ResponseHead): boolean {
    // By default there are none: no state is put together for each response.
    if (this.#route.policy.retry.statuses.length === 0) return false;
    const pauseMs = this.#retriesSoFar().afterStatus(head);
    if (pauseMs === null) return false;
    this.#lease?.tell('good');
    this.#dropResponse('not-reusable');
    this.#again('status', pauseMs);
    return true;
  }

  /** Makes another attempt: rather to another endpoint, and on a new connection where one has ended under it. */
  #again(reason: RetryReason, delayMs: number): void {
    this.need = needAfter(reason);
    this.avoid = reason === 'rescued' ? null : this.#endpoint;
    if (delayMs === 0) this.#acquire();
    else {
      this.#state = 'pausing';
      this.#timed().pause(delayMs, () => this.#acquire());
    }
  }

  #acquire(): void {
    this.#state = 'waiting';
    try {
      this.#route.upstream.acquire(this);
    } catch (error) {
      this.#fail(defect(error));
    }
  }

  /** It cannot be carried: the client is told, in whatever way is still left. */
  #fail(last: Fault, { isClientThere = true }: { readonly isClientThere?: boolean } = {}): void {
    if (this.#state === 'done') return;
    const failure = this.#asSeen(last);
    this.#retries?.failed();
    this.#detach(isClientThere ? 'fault' : 'client-gone');
    const own = ownResponse(failure, this.#head);
    const canAnswer = isClientThere && own.status !== 0 && !this.#client.hasResponded;
    this.#route.observer.onFault(failure, {
      status: canAnswer ? own.status : 0,
      request: this.#head,
      attempts: this.#attempts,
      durationMs: this.#context.wheel.now() - this.#beganMs,
      endpoint: this.#endpoint,
    });
    this.#end(canAnswer ? own.status : this.#status);
    if (canAnswer) this.#client.sendOwn(own);
    else if (isClientThere) this.#client.abort();
  }

  /** With how much of the request an upstream can have seen, in any attempt, and of the response has come in this one. */
  #asSeen(failure: Fault): Fault {
    const carrier = this.#attached;
    if (carrier?.hasSent !== true && this.#retries?.wasSent !== true) return failure;
    const { received } = failure.received === 'nothing' && carrier !== null ? carrier : failure;
    return { ...failure, sent: 'sent', received };
  }

  onBodyFault(failure: Fault): void {
    this.#fail(failure);
  }

  onClientGone(failure: Fault): void {
    this.#fail(failure, { isClientThere: false });
  }

  // ---- 5. The lease is settled, and the exchange is over

  /** Leaves the upstream side, in whatever state it is. */
  #detach(reason: CloseReason): void {
    if (this.isQueued) this.#route.upstream.cancel(this);
    else if (this.#lease !== null) {
      const isSent = this.#attached !== null && this.#body?.isWhole !== false;
      if (isSent) this.#lease.abandoned(this.#context.wheel.now() - this.#sentAtMs);
      this.#dropResponse(reason);
    }
  }

  #dropResponse(reason: CloseReason): void {
    const lease = this.#takeLease();
    if (this.#state !== 'attached') lease.giveBack();
    else if (this.#body?.isWhole === false) lease.discard(reason);
    else dropResponse(lease, reason);
  }

  /** To settle it, or to hand it on: from here on it is not this exchange's. */
  #takeLease(): Lease {
    const lease = this.#lease as Lease;
    this.#lease = null;
    return lease;
  }

  #end(status: number): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    this.#timers?.clear();
    this.#body?.release();
    this.#route.observer.onEnded({
      status,
      durationMs: this.#context.wheel.now() - this.#beganMs,
      isReused: this.#wasReused,
      attempts: this.#attempts,
      endpoint: this.#endpoint,
    });
    this.#route.upstream.part();
  }
}
