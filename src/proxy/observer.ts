/** What exchanges tell of themselves. One observer is bound to each upstream. Telemetry supplies it. */
import type { Fault } from '../base/fault.ts';
import type { RequestHead } from '../message/head.ts';
import type { RetryReason } from '../resilience/retry-policy.ts';

export type RetryOutcome = 'succeeded' | 'failed' | 'budget-spent';

export interface ExchangeObserver {
  onBegan(): void;
  onEnded(result: ExchangeResult): void;
  /** A reused connection turned out to be dead under a request. */
  onStale(): void;
  onRetry(reason: RetryReason, outcome: RetryOutcome): void;
  /** Once for each exchange that failed. `status` is what the client was told, 0 if it could not be told. */
  onFault(fault: Fault, context: FaultContext): void;
}

export interface ExchangeResult {
  /** What the client got, 0 if nothing. */
  readonly status: number;
  readonly durationMs: number;
  /** The last attempt went over a connection used before. */
  readonly isReused: boolean;
  readonly attempts?: number;
  /** Of the last attempt, or null. */
  readonly endpoint?: string | null;
}

export interface FaultContext {
  readonly status: number;
  readonly request: RequestHead;
  readonly attempts: number;
  readonly durationMs: number;
  /** The endpoint of the last attempt, or null. */
  readonly endpoint: string | null;
  /** The exchange's name, where it has been given one. */
  readonly exchange?: string;
}
