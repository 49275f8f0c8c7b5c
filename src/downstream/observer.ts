/** What the downstream room tells of itself. Telemetry supplies it. */
import type { Fault } from '../base/fault.ts';
import type { Version } from '../message/head.ts';

export interface ClientObserver {
  onConnection(): void;
  onConnectionClosed(): void;
  onRequest(version: Version): void;
  /** The connection was closed unread, because `limits.maxClients` are open or descriptors ran out. */
  onRefused(reason: 'max-clients' | 'descriptors'): void;
  /** A request was refused, or its head never came, before an exchange began. `status` is 0 if none was sent. */
  onFault(fault: Fault, status: number): void;
  onBytes(received: number, sent: number): void;
}
