/** Connections that nobody uses: which are kept, for how long, and what is learned from those that end. */
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { IdleKeeper } from './connection-maker.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { EndpointSet } from './endpoint-set.ts';
import type { H1Connection } from './h1/connection.ts';
import type { CloseReason } from './observer.ts';
import type { UpstreamOptions } from './options.ts';

export interface IdleWatchParts {
  readonly wheel: TimerWheel;
  readonly endpoints: EndpointSet;
  readonly options: UpstreamOptions;
  readonly close: (connection: H1Connection, reason: CloseReason) => void;
  /** Some were closed: there may be too few now. */
  readonly onFewer: () => void;
}

export class IdleWatch implements IdleKeeper {
  readonly #parts: IdleWatchParts;

  constructor(parts: IdleWatchParts) {
    this.#parts = parts;
  }

  /** Why this connection, which has come back, is to be closed; or null. */
  whyNotKept(connection: H1Connection, nowMs: number): CloseReason | null {
    const { endpoints, options } = this.#parts;
    const { maxRequests } = options.pool;
    // Responses are still to come that nobody waits for any more.
    if (connection.outstanding > 0) return connection.closesFor ?? 'client-gone';
    if (!connection.isOpen) return connection.lostBy ?? 'idle-closed-by-upstream';
    if (endpoints.poolOf(connection).isDraining) return 'endpoint-gone';
    if (maxRequests > 0 && connection.requests >= maxRequests) return 'max-requests';
    if (nowMs >= connection.expiresAtMs) return 'max-age';
    return null;
  }

  /** It is idle from now on. */
  add(connection: H1Connection, nowMs: number): void {
    const { endpoints, wheel } = this.#parts;
    endpoints.putIdle(connection);
    wheel.set(connection.idleDeadline, endpoints.poolOf(connection).watchMs(connection, nowMs));
  }

  onIdleDue(connection: H1Connection): void {
    if (connection.isLeased || !connection.isOpen) return;
    const { endpoints, wheel, close, onFewer } = this.#parts;
    const nowMs = wheel.now();
    const pool = endpoints.poolOf(connection);
    if (nowMs >= connection.expiresAtMs) close(connection, 'max-age');
    else if (nowMs - connection.idleSinceMs >= pool.liveness.limitMs(nowMs)) {
      close(connection, 'idle-limit');
    } else wheel.set(connection.idleDeadline, pool.watchMs(connection, nowMs));
    onFewer();
  }

  onIdleLost(pool: EndpointPool, connection: H1Connection, reason: CloseReason): void {
    const nowMs = this.#parts.wheel.now();
    if (reason === 'idle-closed-by-upstream' && !pool.isSlam(connection, nowMs)) {
      pool.liveness.onIdleClosed(nowMs - connection.idleSinceMs, nowMs);
    }
    this.#parts.close(connection, reason);
    this.#parts.onFewer();
  }
}
