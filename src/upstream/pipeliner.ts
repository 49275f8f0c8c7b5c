/**
 * Finds requests that may share a connection one, and sends what was gathered in a turn of the loop in one write.
 * First the connection that gathers already, then an idle one (the upstream's business), then one that is busy.
 */
import type { Clock } from '../base/clock.ts';
import type { LeaseSeeker } from './carrier.ts';
import type { H1Connection } from './h1/connection.ts';
import { PipelineSlot } from './h1/pipeline-slot.ts';
import type { PoolOptions } from './options.ts';
import { Pipelining } from './pipelining.ts';

export class Pipeliner {
  /** Null where requests are sent one at a time. */
  readonly #pipelining: Pipelining | null;
  readonly #clock: Clock;
  /** Of one connection; 0 for any number. */
  readonly #maxRequests: number;
  /** Those that have slots out. */
  readonly #busy = new Set<H1Connection>();
  /** That to which requests of this turn go first. */
  #gathering: H1Connection | null = null;
  #gathered: H1Connection[] = [];

  constructor({ pipelining, maxRequests }: PoolOptions, clock: Clock) {
    this.#pipelining = pipelining === 'off' ? null : new Pipelining(pipelining);
    this.#maxRequests = maxRequests;
    this.#clock = clock;
  }

  get pipelining(): Pipelining | null {
    return this.#pipelining;
  }

  /** A place in a line that is gathered in this turn, or null. */
  joinGathering(seeker: LeaseSeeker, nowMs: number): PipelineSlot | null {
    const connection = this.#gathering;
    if (connection === null || !seeker.canPipeline) return null;
    return this.#hasRoom(connection, nowMs) ? new PipelineSlot(connection, 0) : null;
  }

  /** A place behind requests that are under way, on the connection with the fewest, or null. */
  joinBusy(seeker: LeaseSeeker, nowMs: number): PipelineSlot | null {
    if (this.#busy.size === 0 || !seeker.canPipeline) return null;
    let best: H1Connection | null = null;
    for (const connection of this.#busy) {
      if (!this.#hasRoom(connection, nowMs)) continue;
      if (best === null || connection.outstanding < best.outstanding) best = connection;
    }
    return best === null ? null : new PipelineSlot(best, 0);
  }

  #hasRoom(connection: H1Connection, nowMs: number): boolean {
    if (!connection.takesMore || !connection.isOpen || connection.isHeldUp) return false;
    if (nowMs >= connection.expiresAtMs) return false;
    const outstanding = Math.max(connection.leases, connection.outstanding);
    // Those who have a place and are still to send count as well.
    const given = connection.requests + Math.max(0, connection.leases - connection.outstanding);
    if (this.#maxRequests > 0 && given >= this.#maxRequests) return false;
    return this.#pipelining?.hasRoom(outstanding, given, nowMs) === true;
  }

  /** The first place on a connection that nobody uses; null if it is not one to be shared. */
  open(seeker: LeaseSeeker, connection: H1Connection, nowMs: number): PipelineSlot | null {
    if (this.#pipelining === null || this.#pipelining.isResting(nowMs)) return null;
    // It has answered and stayed open: its upstream persists (RFC 9112 9.3.2). The caller knows that it speaks 1.1.
    if (!seeker.canPipeline || connection.requests === 0) return null;
    this.#busy.add(connection);
    this.#gathering = connection;
    return new PipelineSlot(connection, connection.lastIdleMs);
  }

  onAnswered({ hasSent, tookMs }: PipelineSlot, nowMs: number): void {
    if (hasSent) this.#pipelining?.onAnswered(tookMs, nowMs);
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
