/** What the downstream room tells of itself. Telemetry supplies it. */
import type { Fault } from '../base/fault.ts';
import type { Version } from '../message/head.ts';

/**
 * Why a connection was closed unread: `limits.maxClients` are open; descriptors ran out; its listener has its share of
 * these already; or it had owed a request for some time and gave way to a new one.
 */
export type RefusalReason = 'max-clients' | 'descriptors' | 'listener-share' | 'gave-way';

export interface ClientObserver {
  onConnection(): void;
  onConnectionClosed(): void;
  onRequest(version: Version): void;
  onRefused(reason: RefusalReason): void;
  /** A request was refused, or its head never came, before an exchange began. `status` is 0 if none was sent. */
  onFault(fault: Fault, status: number): void;
  onBytes(received: number, sent: number): void;
}
