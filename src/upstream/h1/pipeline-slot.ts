/** One attempt's place among several on a connection: what its lease is of. It has no body, so that it leaves whole. */
import type { Received } from '../../base/fault.ts';
import type { Leasable, OutgoingRequest, ResponseSink } from '../carrier.ts';
import type { H1Connection } from './connection.ts';
import type { Pipeline } from './pipeline.ts';

/** Takes a response that is read for the sake of those behind it alone. */
export const nobody: ResponseSink = {
  onInterim: () => undefined,
  onHead: () => undefined,
  onResponseBody: () => true,
  onResponseEnd: () => undefined,
  onResponseReadEnd: () => undefined,
  holdsBytes: () => false,
  onUpstreamWritable: () => undefined,
  onSwitched: () => undefined,
  onFault: () => undefined,
};

/** What leases are of: a connection whole, or a place on one. */
export type Slot = H1Connection | PipelineSlot;

export class PipelineSlot implements Leasable {
  readonly connection: H1Connection;
  readonly requests: number;
  readonly lastIdleMs: number;
  /** Set once it is in line. */
  line: Pipeline | null = null;
  request: OutgoingRequest | null = null;
  /** Kept here: the head may be another request's by the time this one's turn comes. */
  method = '';
  sink: ResponseSink = nobody;
  /** The response that is read, or comes next, is its own. */
  isFirst = false;
  /** It was sent while another was still to be answered. */
  wasBehind = false;
  sentAtMs = 0;
  hasSent = false;
  /** When it was sent and first in line. */
  beganMs = 0;
  /** From then until its response was whole; 0 until it is. */
  tookMs = 0;

  constructor(connection: H1Connection, lastIdleMs: number) {
    this.connection = connection;
    this.requests = connection.requests;
    this.lastIdleMs = lastIdleMs;
  }

  get endpoint(): string {
    return this.connection.endpoint;
  }

  get isOpen(): boolean {
    // One that is about to end takes nothing more.
    return this.connection.isOpen && this.connection.takesMore;
  }

  get isSettled(): boolean {
    return this.connection.isSettled;
  }

  get leftBytes(): number {
    return this.isFirst ? this.connection.leftBytes : Number.POSITIVE_INFINITY;
  }

  get received(): Received {
    return this.isFirst ? this.connection.received : 'nothing';
  }

  send(request: OutgoingRequest, sink: ResponseSink): void {
    this.request = request;
    this.method = request.head.method;
    this.sink = sink;
    this.connection.sendBehind(this);
  }

  /** It never has a body. */
  get holdsBytes(): boolean {
    return false;
  }

  /** Throws: only requests without a body share a connection. */
  writeBody(): never {
    throw new Error('a pipelined request has no body');
  }

  /** Throws, as `writeBody`. */
  endBody(): never {
    throw new Error('a pipelined request has no body');
  }

  flush(): void {
    // It leaves with the others of its turn.
  }

  pause(): void {
    if (this.isFirst) this.connection.pause();
  }

  resume(): void {
    if (this.isFirst) this.connection.resume();
  }

  redirect(sink: ResponseSink): void {
    this.sink = sink;
    if (this.isFirst) this.connection.redirect(sink);
  }

  /** Nobody waits for its response any more. */
  abandon(): void {
    this.redirect(nobody);
    if (this.isFirst) this.line?.onFirstAbandoned();
  }
}
