/** What a request's head says of how it may be carried. */
import { FieldId } from '../message/fields.ts';
import type { RequestHead } from '../message/head.ts';
import { isRepeatable, type RetryReason } from '../resilience/retry-policy.ts';
import type { LeaseNeed } from '../upstream/carrier.ts';
import type { ExchangePolicy, RetryOptions } from './options.ts';

/** One of the configured fields is there: the client promises that a repetition is harmless. */
export function isPromisedIdempotent(head: RequestHead, retry: RetryOptions): boolean {
  for (const name of retry.idempotencyHeaders) {
    if (head.fields.find(name) !== undefined) return true;
  }
  return false;
}

/** A request that could not be sent again gets a connection that is well inside its idle limit. */
export function needOf(head: RequestHead, retry: RetryOptions): LeaseNeed {
  if (retry.resends === 0 || head.framing === 'chunked') return 'steady';
  if (head.contentLength > retry.bodyLimitBytes) return 'steady';
  const { method } = head;
  return isRepeatable({ method, isPromisedIdempotent: isPromisedIdempotent(head, retry) })
    ? 'any'
    : 'steady';
}

/** Which connection will do for another attempt. */
export function needAfter(reason: RetryReason): LeaseNeed {
  switch (reason) {
    case 'status':
    case 'try-timeout':
    case 'pipeline-ended':
    case 'rescued':
      return 'any';
    default:
      // Its connection has ended, and others may be about to.
      return 'new';
  }
}

/** Whether it may share a connection: it must be harmless to send again, and have nothing behind its head. */
export function isPipelinable(head: RequestHead, policy: ExchangePolicy): boolean {
  if (head.framing !== 'none' || policy.retry.resends === 0) return false;
  if (head.method !== 'GET' && head.method !== 'HEAD') return false;
  return chosenUpgrade(head, policy) === null;
}

/** The allowed protocol that the client offers to switch to, or null (RFC 9110 7.8). */
export function chosenUpgrade(head: RequestHead, policy: ExchangePolicy): string | null {
  // In HTTP/1.0 Upgrade is ignored; and a request with a body could not be honoured by the new protocol.
  if (!head.options.upgrade || head.version === 10 || head.framing !== 'none') return null;
  const offered = head.fields.members(FieldId.upgrade);
  return offered.find((token) => policy.upgrades.includes(token)) ?? null;
}

/**
 * Whether its body is awaited before a connection is: one that is held anyway, to be sent again. Not where the client waits
 * for a word from the upstream before it sends it.
 */
export function comesWhole(head: RequestHead, policy: ExchangePolicy): boolean {
  if (head.framing !== 'length' || head.contentLength > policy.retry.bodyLimitBytes) return false;
  return !head.expectsContinue && chosenUpgrade(head, policy) === null;
}
