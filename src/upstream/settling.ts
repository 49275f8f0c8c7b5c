/**
 * Connections whose last response may have bytes behind it that have arrived and are not yet read: a read that filled
 * its buffer, or TLS, which gives its records one by one. They may be leased meanwhile, so that none is dialled in
 * their place; whoever leases one sends only once it has settled.
 */
import type { Clock } from '../base/clock.ts';
import type { LeaseSeeker } from './carrier.ts';
import type { H1Connection } from './h1/connection.ts';

/** What is leased within so little after its last response may be so in the turn in which that was read. */
const SAME_TURN_MS = 10;

export class Settling {
  readonly #clock: Clock;
  #connections = new Set<H1Connection>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * A response and the end of its connection may come together, and the end is read only in the next turn. A request that
   * could not be sent again waits for that turn too.
   */
  onLeased({ need }: LeaseSeeker, connection: H1Connection): void {
    if (need !== 'steady' || connection.requests === 0) return;
    if (connection.lastIdleMs >= SAME_TURN_MS) return;
    connection.unsettledTurns = 2;
    this.add(connection);
  }

  /** Counts its turns down from now on. One callback a turn serves all. */
  add(connection: H1Connection): void {
    if (this.#connections.size === 0) this.#clock.afterTurn(this.#onTurn);
    this.#connections.add(connection);
  }

  readonly #onTurn = (): void => {
    const connections = this.#connections;
    this.#connections = new Set();
    for (const connection of connections) {
      connection.unsettledTurns -= 1;
      if (connection.unsettledTurns > 0) this.add(connection);
    }
  };
}
