/** The seam between the client side and the exchange: who is called when. */
import type { Fault } from '../base/fault.ts';
import type { FieldTable } from '../message/fields.ts';
import type { RequestHead, ResponseHead } from '../message/head.ts';
import type { OwnResponse } from '../message/own-response.ts';
import type { ClientSocket } from './client-socket.ts';

/** Takes each request of a listener's clients. */
export interface RequestHandler {
  /** A head is complete. The body, if any, follows by way of what comes back. The head lives until the exchange ends. */
  begin(head: RequestHead, client: ClientExchange): RequestReceiver;
}

/** Where one request's body and the client's events go. Nothing is called after the exchange has ended. */
export interface RequestReceiver {
  /** Some body, never empty; the bytes stay as they are. False asks for no more until `resumeBody`. */
  onBody(data: Buffer): boolean;
  /** The body is whole. `trailerLines` are those that may be passed on; empty for none. */
  onBodyEnd(trailerLines: string): void;
  /** All that was read at once has been given. */
  onReadEnd(): void;
  /** The body breaks its framing, is too large, or stopped coming. */
  onBodyFault(fault: Fault): void;
  /** The client has taken what was written to it. */
  onWritable(): void;
  /** The client is gone, or takes nothing: nothing can be sent to it any more. */
  onClientGone(fault: Fault): void;
}

/** The client's half of a tunnel. */
export interface TunnelEnd {
  readonly socket: ClientSocket;
  /** What the client has sent behind its request. */
  readonly rest: Buffer;
  /** The client has ended its side already: no event will tell of it. */
  readonly hasEnded: boolean;
}

/** What an exchange may do to its client. It ends with exactly one of `sendEnd`, `sendOwn`, `abort`, `becomeTunnel`. */
export interface ClientExchange {
  /** 1xx; dropped for HTTP/1.0 (RFC 9110 15.2). */
  sendInterim(head: ResponseHead): void;
  /** The final head. It goes out with the first body, at `flush`, or at the end. */
  sendHead(head: ResponseHead): void;
  /** The bytes are not used after the call unless `holdsBytes` says so. */
  sendBody(data: Buffer): void;
  sendEnd(trailers: FieldTable | null): void;
  /** Writes out what was held to leave in one piece. */
  flush(): void;
  /** Whether bytes given to `sendBody` are still to be written out. */
  readonly holdsBytes: boolean;
  /** Whether the client takes less than it is given: wait for `onWritable`. */
  readonly isBlocked: boolean;
  /** Whether any octet of the final response has gone out. */
  readonly hasResponded: boolean;
  /** An answer of the gateway's own instead of a response. Only while `hasResponded` is false. */
  sendOwn(response: OwnResponse): void;
  /** Ends it so that the client sees that the response is not whole. */
  abort(): void;
  resumeBody(): void;
  /** Within `onBody` alone: what it gave is needed no more, and may be written over. */
  releaseBody(): void;
  /** Sends `head` (101) and gives up the socket. */
  becomeTunnel(head: ResponseHead): TunnelEnd;
}
