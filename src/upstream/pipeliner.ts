/**
 * Finds requests that may share a connection one, and sends what was gathered in a turn of the loop in one write.
 * First the connection that gathers already, then an idle one (the upstream's business), then one that is busy.
 */
import type { Clock } from '../base/clock.ts';
import type { H1Connection } from './h1/connection.ts';
import { PipelineSlot } from './h1/pipeline-slot.ts';
import type { Pipelining } from './pipelining.ts';

export class Pipeliner {
  readonly pipelining: Pipelining;
  readonly #clock: Clock;
  /** Those that have slots out. */
  readonly #busy = new Set<H1Connection>();
  /** That to which requests of this turn go first. */
  #gathering: H1Connection | null = null;
  #gathered: H1Connection[] = [];

  constructor(pipelining: Pipelining, clock: Clock) {
    this.pipelining = pipelining;
    this.#clock = clock;
  }

  /** A place in a line that is gathered in this turn, or null. */
  joinGathering(nowMs: number): PipelineSlot | null {
    const connection = this.#gathering;
    return connection !== null && this.#hasRoom(connection, nowMs)
      ? new PipelineSlot(connection, 0)
      : null;
  }

  /** A place behind requests that are under way, on the connection with the fewest, or null. */
  joinBusy(nowMs: number): PipelineSlot | null {
    let best: H1Connection | null = null;
    for (const connection of this.#busy) {
      if (!this.#hasRoom(connection, nowMs)) continue;
      if (best === null || connection.outstanding < best.outstanding) best = connection;
    }
    return best === null ? null : new PipelineSlot(best, 0);
  }

  /** Either. */
  join(nowMs: number): PipelineSlot | null {
    return this.joinGathering(nowMs) ?? this.joinBusy(nowMs);
  }

  #hasRoom(connection: H1Connection, nowMs: number): boolean {
    if (!connection.takesMore || !connection.isOpen) return false;
    const outstanding = Math.max(connection.leases, connection.outstanding);
    return this.pipelining.hasRoom(outstanding, connection.requests, nowMs);
  }

  /** The first place on a connection that nobody uses; null if it is not one to be shared. */
  open(connection: H1Connection, nowMs: number): PipelineSlot | null {
    // It has answered as HTTP/1.1 and stayed open: its upstream persists (RFC 9112 9.3.2).
    if (connection.requests === 0 || this.pipelining.isResting(nowMs)) return null;
    this.#busy.add(connection);
    this.#gathering = connection;
    return new PipelineSlot(connection, connection.lastIdleMs);
  }

  onAnswered({ tookMs }: PipelineSlot, nowMs: number): void {
    this.pipelining.onAnswered(tookMs, nowMs);
  }

  /** Nobody uses it any more. */
  drop(connection: H1Connection): void {
    this.#busy.delete(connection);
    if (this.#gathering === connection) this.#gathering = null;
  }

  /** A request was given to it, to leave with the others of this turn. */
  onGathered(connection: H1Connection): void {
    if (this.#gathered.length === 0) this.#clock.afterTurn(this.#send);
    // Mostly the last one is the same.
    if (this.#gathered.at(-1) !== connection) this.#gathered.push(connection);
  }

  readonly #send = (): void => {
    const gathered = this.#gathered;
    this.#gathered = [];
    this.#gathering = null;
    for (const connection of gathered) connection.sendGathered();
  };
}
