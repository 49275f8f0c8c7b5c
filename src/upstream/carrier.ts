/**
 * What an exchange sees of the upstream side. It speaks of messages; what they look like on the wire is the
 * carrier's own business (`h1/` today).
 */
import type { Fault, Received } from '../base/fault.ts';
import type { Queued } from '../base/linked-queue.ts';
import type { RequestEdits, RequestExtras } from '../http1/request-writer.ts';
import type { FieldTable } from '../message/fields.ts';
import type { RequestHead, ResponseHead } from '../message/head.ts';
import type { EndpointHealth } from '../resilience/endpoint-health.ts';
import { GIVEN_UP_MS, type Outcome } from '../resilience/outcome.ts';
import type { CloseReason } from './observer.ts';
import type { RawSocket } from './wire.ts';

/** No server of good sense closes a connection for having been idle if that was for less. */
export const STALE_IDLE_MS = 1_000;

export interface OutgoingRequest {
  readonly head: RequestHead;
  readonly edits: RequestEdits;
  readonly extras: RequestExtras;
  /** From the request's last octet to the response's first; 0 for no limit. */
  readonly firstByteMs: number;
  /** Without an octet of body either way; 0 for no limit. */
  readonly idleMs: number;
}

/** One attempt's way to send. Used by the holder of the lease alone, and not after it is settled. */
export interface Carrier {
  /** Sends the head. With a body to come it is held until `writeBody`, `endBody` or `flush`, to leave in one write. */
  send(request: OutgoingRequest, sink: ResponseSink): void;
  /** False asks to stop until `onUpstreamWritable`. */
  writeBody(data: Buffer): boolean;
  /** Whether bytes given to `writeBody` are still to be written out. */
  readonly holdsBytes: boolean;
  /** The body is whole. `trailerLines` may be empty. */
  endBody(trailerLines: string): void;
  /** Sends what is held. */
  flush(): void;
  /** No more of the response until `resume`. */
  pause(): void;
  resume(): void;
  /** Somebody else takes the rest of the response. */
  redirect(sink: ResponseSink): void;
  /** Octets of response still to come, as far as known; Infinity when it is not. */
  readonly leftBytes: number;
  /** How much of the request the upstream can have seen. */
  readonly hasSent: boolean;
  /** How much of the response has come. */
  readonly received: Received;
}

/** Who takes the response. After `onEnd`, `onSwitched` or `onFault` nothing more is called. */
export interface ResponseSink {
  /** 1xx other than 101. The head is reused after the call. */
  onInterim(head: ResponseHead): void;
  /** The final head. It stays as it is until the attempt is over. */
  onHead(head: ResponseHead): void;
  /** False asks for no more until `resume`. The bytes are reused after `onResponseReadEnd` unless that says otherwise. */
  onResponseBody(data: Buffer): boolean;
  /** The response is whole. `canReuse`: the connection may go back to its pool; else why not. */
  onResponseEnd(trailers: FieldTable | null, canReuse: true | CloseReason): void;
  /** All that was read at once has been given. Time to write it out in one piece. */
  onResponseReadEnd(): void;
  /** Whether bytes given to `onResponseBody` are still to be written out. */
  holdsBytes(): boolean;
  /** The request's body may go on. */
  onUpstreamWritable(): void;
  /** 101: from here on the connection is a tunnel; `rest` has come behind the head. */
  onSwitched(head: ResponseHead, socket: RawSocket, rest: Buffer): void;
  onFault(fault: Fault): void;
}

/** Which connections will do for an attempt. */
export type LeaseNeed =
  /** Any that is inside its idle limit. */
  | 'any'
  /** One well inside it, or a new one: the request could not be sent again. */
  | 'steady'
  /** One that has carried nothing yet. */
  | 'new';

/** Somebody who wants a lease; waits in order until one of the two is called, once. */
export interface LeaseSeeker extends Queued<LeaseSeeker> {
  readonly need: LeaseNeed;
  /** The endpoint of a failed attempt: another is taken first, if there is one. */
  readonly avoid: string | null;
  /** Whether it may share a connection with others: a GET or HEAD without a body, at its first attempt. */
  readonly canPipeline: boolean;
  /** Set and read by the upstream. */
  waitingSinceMs: number;
  onLease(lease: Lease): void;
  onNoLease(fault: Fault): void;
}

/**
 * A slot, as the holder of its lease sees it: what a lease is taken of. An HTTP/1.1 connection has one and is its own
 * slot; a connection with several will give out an object for each.
 */
export interface Leasable extends Carrier {
  readonly requests: number;
  readonly endpoint: string;
  /** How long it had been idle when it was leased. */
  readonly lastIdleMs: number;
  readonly isOpen: boolean;
  /** Whether all that had arrived behind its last response has been seen: only then may a request be sent. */
  readonly isSettled: boolean;
}

export interface LeaseKeeper {
  giveBack(connection: Leasable): void;
  discard(connection: Leasable, reason: CloseReason): void;
  /** The attempt is a trial of its endpoint, or of its upstream, and its answer has begun: others may be tried. */
  onTrialAnswered(lease: Lease): void;
  /** The slot has become half of a tunnel. */
  onSwitched(connection: Leasable): void;
  /** What the attempt tells of its endpoint. Called at most once, before the lease is settled. */
  onOutcome(lease: Lease, outcome: Outcome): void;
}

/** The right of one attempt to use one slot. Whoever takes it settles it, exactly once. */
export class Lease {
  readonly carrier: Leasable;
  /** Whether the connection has carried a request before this one. */
  readonly isReused: boolean;
  /**
   * Whether it may have been closed by the upstream for its age without our knowledge: it was used before, or lay idle
   * for long since it was opened. One that comes straight from its handshake cannot.
   */
  readonly mayBeStale: boolean;
  /** The status of the response, once its head has come; 0 before. */
  status = 0;
  // Written and read by the upstream.
  health: EndpointHealth | null = null;
  ticket = 0;
  upstreamTicket = 0;
  isTrial = false;
  #keeper: LeaseKeeper | null;
  #hasTold = false;

  constructor(carrier: Leasable, keeper: LeaseKeeper) {
    this.carrier = carrier;
    this.isReused = carrier.requests > 0;
    this.mayBeStale = this.isReused || carrier.lastIdleMs >= STALE_IDLE_MS;
    this.#keeper = keeper;
  }

  /** The final head of the response has come. */
  answered(status: number): void {
    this.status = status;
    if (this.isTrial) this.#endTrial();
  }

  /** Says what the attempt tells of its endpoint. Only what is said first counts; unsaid, it is `none`. */
  tell(outcome: Outcome): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    if (this.isTrial) this.#endTrial();
    if (outcome !== 'none') this.#keeper?.onOutcome(this, outcome);
  }

  /** It carries a tunnel from now on, and no other request ever. The lease is still to be settled when that ends. */
  switched(): void {
    this.tell('good');
    this.#keeper?.onSwitched(this.carrier);
  }

  /** Nobody waits any more, `waitedMs` after the whole request was sent. */
  abandoned(waitedMs: number): void {
    if (this.status === 0 && waitedMs >= GIVEN_UP_MS) this.tell('given-up');
  }

  #endTrial(): void {
    this.isTrial = false;
    this.#keeper?.onTrialAnswered(this);
  }

  /** The slot is free again and the connection sound. Throws if the lease was settled before. */
  giveBack(): void {
    this.#settle().giveBack(this.carrier);
  }

  /** The connection is not to be used again. Throws if the lease was settled before. */
  discard(reason: CloseReason): void {
    this.#settle().discard(this.carrier, reason);
  }

  #settle(): LeaseKeeper {
    const keeper = this.#keeper;
    if (keeper === null) throw new Error('a lease was settled twice');
    this.tell('none');
    this.#keeper = null;
    return keeper;
  }
}
