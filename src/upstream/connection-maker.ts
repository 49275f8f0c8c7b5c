/** Makes connections of what dials bring, and stands between each and the upstream that it belongs to. */
import type { Dialled } from './dial-scheduler.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { H1Connection } from './h1/connection.ts';
import type { ConnectionOwner } from './h1/connection-owner.ts';
import type { CloseReason } from './observer.ts';
import type { Pipeliner } from './pipeliner.ts';
import type { UpstreamParts } from './upstream-parts.ts';

/** What the upstream does about a connection that is idle. */
export interface IdleKeeper {
  onIdleDue(connection: H1Connection): void;
  onIdleLost(pool: EndpointPool, connection: H1Connection, reason: CloseReason): void;
}

export class ConnectionMaker {
  readonly #parts: UpstreamParts;
  readonly #keeper: IdleKeeper;
  readonly #pipeliner: Pipeliner;
  #nextId = 1;

  constructor(parts: UpstreamParts, keeper: IdleKeeper, pipeliner: Pipeliner) {
    this.#parts = parts;
    this.#keeper = keeper;
    this.#pipeliner = pipeliner;
  }

  make(pool: EndpointPool, { wire, dialledAtMs }: Dialled): H1Connection {
    const { wheel, random, options } = this.#parts;
    const { maxAgeMs } = options.pool;
    const nowMs = wheel.now();
    const connection = new H1Connection({
      id: this.#nextId++,
      endpoint: pool.target.address,
      wire,
      owner: this.#ownerFor(pool),
      wheel,
      limits: options.responseLimits,
      // A tenth either way, so that connections opened together do not end together.
      expiresAtMs:
        maxAgeMs === 0 ? Number.POSITIVE_INFINITY : nowMs + maxAgeMs * (0.9 + 0.2 * random()),
    });
    connection.dialledAtMs = dialledAtMs;
    connection.idleSinceMs = nowMs;
    return connection;
  }

  #ownerFor(pool: EndpointPool): ConnectionOwner {
    const { observer, wheel } = this.#parts;
    const pipeliner = this.#pipeliner;
    const pipelining = pipeliner.pipelining;
    return {
      onIdleTooLong: (connection) => this.#keeper.onIdleDue(connection),
      onIdleLost: (connection, reason) => this.#keeper.onIdleLost(pool, connection, reason),
      onKeepAliveTold: (seconds) => pool.liveness.onTold(seconds),
      onHttp10: (isHttp10) => {
        pool.isHttp10 = isHttp10;
      },
      onRepaired: () => observer.onRepairedResponse(),
      onCounts: (sent, received) => observer.onBytes(sent, received),
      onGathered: (connection) => pipeliner.onGathered(connection),
      rescueMs: () => pipelining?.rescueMs ?? Number.POSITIVE_INFINITY,
      answersOthers: () => pipelining?.answersNow(wheel.now()) ?? false,
      onRescued: () => pipelining?.onRescued(),
      onEndedEarly: () => pipelining?.onEarlyEnd(wheel.now()),
      onToldClose: (requests) => pipelining?.onToldClose(requests, wheel.now()),
    };
  }
}
