/**
 * Connections whose last response may have bytes behind it that have arrived and are not yet read: a read that filled
 * its buffer, or TLS, which gives its records one by one. They may be leased meanwhile, so that none is dialled in
 * their place; whoever leases one sends only once it has settled.
 */
import type { Clock } from '../base/clock.ts';
import type { H1Connection } from './h1/connection.ts';

export class Settling {
  readonly #clock: Clock;
  #connections = new Set<H1Connection>();

  constructor(clock: Clock) {
    this.#clock = clock;
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
