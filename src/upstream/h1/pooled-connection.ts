/** What pool and upstream keep about a connection, beside the connection's own business. */
import { Deadline } from '../../base/timer-wheel.ts';
import type { CloseReason } from '../observer.ts';
import type { ConnectionParts } from './connection-owner.ts';

export class PooledConnection {
  readonly id: number;
  readonly endpoint: string;
  readonly bornMs: number;
  /** When it is too old to be used again; Infinity for never. */
  readonly expiresAtMs: number;
  /** Requests that were given to it. */
  requests = 0;
  isOpen = true;
  /**
   * Turns of the loop until bytes that had arrived behind the last response have been seen. Sent before that, a request
   * would be given them as its answer (RFC 9112 6.3, 9.2). Counted down by the upstream.
   */
  unsettledTurns = 0;
  /** Why it was lost while nobody was told, because its lease was out. */
  lostBy: CloseReason | null = null;
  /** Written by the upstream: when its dial began. */
  dialledAtMs = 0;
  /** Written by the pool. */
  idleSinceMs = 0;
  /** When it was last leased: how long it had been idle, and how many requests it had carried. */
  lastIdleMs = 0;
  requestsBefore = 0;
  /** Leases out; more than one only where requests are pipelined. */
  leases = 0;
  /** Written by the upstream: why it is closed once the last lease has come back. */
  closesFor: CloseReason | null = null;
  /** False once it is known that it ends after this response. */
  takesMore = true;
  /** Written by the upstream: it carries a tunnel. */
  isTunnel = false;
  /** Falls due when it has been idle too long. Set by the pool. */
  readonly idleDeadline: Deadline;

  constructor({ id, endpoint, wheel, expiresAtMs }: ConnectionParts, onIdleTooLong: () => void) {
    this.id = id;
    this.endpoint = endpoint;
    this.bornMs = wheel.now();
    this.expiresAtMs = expiresAtMs;
    this.idleDeadline = new Deadline(onIdleTooLong);
  }

  /** What a lease of all of it is of; a place on it has the same. */
  get connection(): this {
    return this;
  }

  get isLeased(): boolean {
    return this.leases > 0;
  }

  get isSettled(): boolean {
    return this.unsettledTurns === 0;
  }
}
