/**
 * Whether a failed attempt may be made again.
 *
 * The argument. A resend is right only when doing the request twice has the effect of doing it once: because the
 * upstream cannot have seen the first, or because the method promises it (RFC 9110 9.2.2). What the client knows of
 * its request we do not: a proxy never resends a POST that may have been applied. So the decision takes the method,
 * how much was sent, how much came back, and whether the connection was new, since a reused one that ends without a
 * byte was most likely closed before it could read, while a new one that does may have died of this very request.
 */
import type { Fault } from '../base/fault.ts';
import { isIdempotent, isSafe } from '../message/methods.ts';

export interface RetryRules {
  /** How often a request that was sent may be sent again. RFC 9110 9.2.2: a failed resend is not resent. */
  readonly resends: number;
  readonly onNewConnection: 'safe' | 'idempotent' | 'never';
  readonly statuses: readonly number[];
  readonly perTryTimeoutMs: number;
}

export interface RequestState {
  readonly method: string;
  /** A configured idempotency field is there: its sender promises that a repetition is harmless. */
  readonly isPromisedIdempotent: boolean;
  /** The whole body, as far as it was taken from the client, is still held. */
  readonly isBodyHeld: boolean;
  /** Resends so far: attempts made again after something had been sent. */
  readonly resends: number;
  /** Whether some octet of the final response has reached the client. */
  readonly hasResponded: boolean;
}

/** Label values of `sidepool_upstream_retries_total`: stable and bounded. */
export type RetryReason =
  | 'not-sent'
  | 'reused-connection-ended'
  | 'new-connection-ended'
  | 'status'
  | 'try-timeout'
  /** It waited behind another request on a connection that ended, or behind a response that was slow. */
  | 'pipeline-ended'
  | 'rescued';

/** Why it may be made again, or null when it may not. */
export function retryReason(
  fault: Fault,
  mayBeStale: boolean,
  request: RequestState,
  rules: RetryRules,
): RetryReason | null {
  if (request.hasResponded || !request.isBodyHeld) return null;
  // The upstream cannot have seen it: any method, and this is no resend.
  if (fault.sent !== 'sent') return fault.kind === 'write-failed' ? 'not-sent' : null;
  // Only what is safe is sent behind another, and it goes alone from here on: this is no resend that could be repeated.
  if (fault.behind !== undefined && isSafe(request.method)) {
    return fault.behind === 'slow' ? 'rescued' : 'pipeline-ended';
  }
  // Part of a head: the upstream has begun to act on it.
  if (fault.received !== 'nothing') return null;
  if (request.resends >= rules.resends) return null;
  if (!isRepeatable(request)) return null;
  if (fault.kind === 'first-byte-timeout') return rules.perTryTimeoutMs > 0 ? 'try-timeout' : null;
  if (fault.kind !== 'connection-ended') return null;
  if (mayBeStale) return 'reused-connection-ended';
  return mayRepeatOnNew(request, rules) ? 'new-connection-ended' : null;
}

/** The same for a response whose status is one to try again on. */
export function mayRetryStatus(status: number, request: RequestState, rules: RetryRules): boolean {
  return (
    rules.statuses.includes(status) &&
    request.isBodyHeld &&
    !request.hasResponded &&
    request.resends < rules.resends &&
    isRepeatable(request)
  );
}

/**
 * How long the first octet of a response may take: one try's share while another try is possible, else `wholeMs`. 0 for
 * no limit.
 */
export function firstByteLimitMs(
  request: RequestState,
  rules: RetryRules,
  wholeMs: number,
): number {
  const { perTryTimeoutMs } = rules;
  const mayTryAgain =
    request.isBodyHeld && request.resends < rules.resends && isRepeatable(request);
  if (perTryTimeoutMs === 0 || !mayTryAgain) return wholeMs;
  return wholeMs === 0 ? perTryTimeoutMs : Math.min(perTryTimeoutMs, wholeMs);
}

/** Whether sending it twice has the effect of sending it once. */
export function isRepeatable(
  request: Pick<RequestState, 'method' | 'isPromisedIdempotent'>,
): boolean {
  return isIdempotent(request.method) || request.isPromisedIdempotent;
}

function mayRepeatOnNew(request: RequestState, rules: RetryRules): boolean {
  if (rules.onNewConnection === 'never') return false;
  if (rules.onNewConnection === 'idempotent') return true;
  return isSafe(request.method) || request.isPromisedIdempotent;
}
