/**
 * A failure as data. It is made where it happened, carried unchanged, mapped to a status code in one place
 * (`src/message/own-response.ts`) and seen, once each, in a header, a metric and a log line.
 */

/** What went wrong. The names are label values of `sidepool_faults_total`: stable, and bounded in number. */
export type FaultKind =
  // The request is not one that the gateway carries.
  | 'bad-request'
  | 'body-too-large'
  | 'coding-not-implemented'
  | 'expectation-failed'
  | 'fields-too-large'
  | 'foreign-authority'
  | 'length-required'
  | 'method-not-implemented'
  | 'target-too-long'
  | 'upgrade-required'
  | 'version-not-supported'
  // The client failed us after its head had been read, or never completed one.
  | 'body-timeout'
  | 'client-gone'
  | 'client-stalled'
  | 'head-timeout'
  | 'malformed-body'
  // No connection could be had.
  | 'breaker-open'
  | 'connect-failed'
  | 'connect-refused'
  | 'connect-timeout'
  | 'dns-failed'
  | 'no-endpoint'
  | 'tls-certificate'
  | 'tls-failed'
  | 'upstream-down'
  | 'wait-timeout'
  | 'waiting-full'
  // A connection was had, and the attempt on it failed.
  | 'body-cut'
  | 'connection-ended'
  | 'first-byte-timeout'
  | 'idle-timeout'
  | 'malformed-response'
  | 'partial-response'
  | 'request-timeout'
  | 'response-too-large'
  | 'unasked-upgrade'
  | 'write-failed'
  // The gateway itself.
  | 'draining'
  | 'internal';

/** Whose doing the fault was. */
export type FaultSide = 'client' | 'upstream' | 'gateway';

/**
 * How much of the request an upstream can have seen.
 * `refused` is a carrier's certain word that the upstream did not act on it (HTTP/2 REFUSED_STREAM).
 */
export type Sent = 'not-sent' | 'refused' | 'sent';

/** How much of the final response had arrived. */
export type Received =
  | 'nothing'
  /** 1xx alone: none of the response, but a sign that somebody has the request in hand. */
  | 'interim'
  | 'part-of-head'
  | 'head'
  | 'whole';

export interface Fault {
  readonly kind: FaultKind;
  readonly side: FaultSide;
  readonly sent: Sent;
  readonly received: Received;
  /** One sentence for a person: what happened, to whom, and what to do where that is known. */
  readonly cause: string;
  /** The system's or TLS library's own code, such as `ECONNRESET`, where there is one. */
  readonly code?: string;
  /** It waited behind another response on its connection, which has ended, or was slow. Its own had not begun. */
  readonly behind?: 'ended' | 'slow';
  /** When it may be worth to ask again, in whole seconds, where that is known. */
  readonly retryAfterSeconds?: number;
}

/** What a fault of this kind says unless told otherwise: nothing sent, nothing received. */
export function fault(
  kind: FaultKind,
  side: FaultSide,
  cause: string,
  rest: { sent?: Sent; received?: Received; code?: string | undefined } = {},
): Fault {
  const { sent = 'not-sent', received = 'nothing', code } = rest;
  return code === undefined
    ? { kind, side, sent, received, cause }
    : { kind, side, sent, received, cause, code };
}

/** The system error code of a caught value (`ECONNRESET`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The message of a caught value, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * A defect of the gateway's own, caught where bytes come in: it costs the exchange in hand, not the process that
 * carries all the others. The first line of the stack says where to look.
 */
export function defect(error: unknown): Fault {
  const where = error instanceof Error ? /\n\s+at (.*)/.exec(error.stack ?? '')?.[1] : undefined;
  const at = where === undefined ? '' : ` (${where})`;
  return fault('internal', 'gateway', `A defect of the gateway: ${messageOf(error)}${at}.`, {
    sent: 'sent',
  });
}
