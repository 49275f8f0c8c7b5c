/** What an exchange needs to be told about the upstream that it goes to. Configuration fills it. */
import type { RequestEdits } from '../http1/request-writer.ts';

/** Frozen for the life of an exchange: a reload changes it for the next one. */
export interface ExchangePolicy {
  readonly edits: RequestEdits;
  readonly timeouts: ExchangeTimeouts;
  readonly retry: RetryOptions;
  /** Upgrade tokens that are carried as tunnels, in lower case. */
  readonly upgrades: readonly string[];
  /** Refuse requests without an allowed Upgrade with 426. */
  readonly requiresUpgrade: boolean;
  /** Authorities besides the upstream's own and the listener's that an absolute-form target may name, lower case. */
  readonly ownAuthorities: readonly string[];
}

/** Milliseconds; 0 for no limit. */
export interface ExchangeTimeouts {
  readonly waitMs: number;
  /** From the request's last octet to the response's first. */
  readonly firstByteMs: number;
  /** Without an octet of body either way. */
  readonly idleMs: number;
  /** For the whole exchange. */
  readonly requestMs: number;
  /** Without an octet either way in a tunnel. */
  readonly tunnelIdleMs: number;
}

export interface RetryOptions {
  /** How often a request that was sent may be sent again. RFC 9110 9.2.2: a failed resend is not resent. */
  readonly resends: 0 | 1;
  readonly onNewConnection: 'safe' | 'idempotent' | 'never';
  /** Statuses to try again on, out of 429, 502, 503 and 504. */
  readonly statuses: readonly number[];
  /** The longest Retry-After that is waited out; a longer one is relayed. */
  readonly maxRetryAfterMs: number;
  /** Field names in lower case that make any method repeatable. */
  readonly idempotencyHeaders: readonly string[];
  /** For the first octet of a response to one attempt; 0 for no such limit. */
  readonly perTryTimeoutMs: number;
  /** Octets of request body that are held for replay. */
  readonly bodyLimitBytes: number;
  /** Retries as a share of requests, 0 to 1. */
  readonly budgetRatio: number;
  /** Retries a second that are allowed whatever the share. */
  readonly budgetFloor: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
}
