/** What the downstream room needs to be told. Configuration fills it; durations in milliseconds, sizes in octets. */
import type { RequestLimits } from '../http1/request-parser.ts';

export interface ListenerOptions {
  readonly address: ListenAddress;
  /** The kernel's queue of connections not yet accepted. */
  readonly backlog: number;
  /** Mode and owner of a Unix socket; null leaves them as the process's umask and user make them. */
  readonly socketMode: number | null;
  readonly socketOwner: { readonly uid: number; readonly gid: number } | null;
  readonly client: ClientOptions;
}

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export interface ClientOptions {
  readonly head: RequestLimits;
  /** From the first octet of a head (or from accept) to its end; then 408. */
  readonly headTimeoutMs: number;
  /** How long a persistent connection may stay without a request. Told to HTTP/1.0 clients in Keep-Alive. */
  readonly idleTimeoutMs: number;
  /** Requests on one client connection; 0 for no limit. Told to HTTP/1.0 clients in Keep-Alive. */
  readonly maxRequests: number;
  /** How long a client may neither take nor give an octet in the middle of an exchange. */
  readonly stallTimeoutMs: number;
  /** How long, and how much, is read and thrown away after a refusal, so that the client can read it. */
  readonly lingerMs: number;
  readonly lingerBytes: number;
  /** How long, and how much of, a response of unknown length is held for an HTTP/1.0 client that would stay. */
  readonly holdForLengthMs: number;
  readonly holdForLengthBytes: number;
  /** Octets of request body; 0 for no limit; past it 413. */
  readonly maxBodyBytes: number;
}
