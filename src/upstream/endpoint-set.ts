/** An upstream's endpoints: which to take, which to dial, and the sums over all of them. */

import type { Random } from '../base/clock.ts';
import type { LeaseSeeker } from './carrier.ts';
import { endpointName } from './endpoint-name.ts';
import { EndpointPool, type IdleOrder } from './endpoint-pool.ts';
import type { H1Connection } from './h1/connection.ts';
import type { EndpointSnapshot } from './observer.ts';
import type { PoolOptions } from './options.ts';

export interface EndpointAddress {
  readonly ip: string;
  readonly port: number;
}

export interface DialMoment {
  readonly nowMs: number;
  readonly hasWaiters: boolean;
  /** The endpoint that is not to be dialled if there is another. */
  readonly avoid: string | null;
}

export class EndpointSet {
  readonly #options: PoolOptions;
  readonly #random: Random;
  #pools: EndpointPool[] = [];
  readonly #home = new Map<H1Connection, EndpointPool>();
  /** Leases out, over all endpoints. */
  active = 0;
  /** Connections with leases out. */
  busy = 0;
  /** Dials under way, over all endpoints. */
  connecting = 0;
  #tunnels = 0;

  constructor(options: PoolOptions, random: Random) {
    this.#options = options;
    this.#random = random;
  }

  get size(): number {
    return this.#home.size;
  }

  /**
   * Connections that count for the limit: those being dialled do, tunnels do not. A tunnel is its client's for as long as
   * that likes, and no request could ever have it: a few dozen of them would leave none for requests.
   */
  get total(): number {
    return this.size - this.#tunnels + this.connecting;
  }

  /** No endpoint that may be used: never all of those that there are have been put aside. */
  get isEmpty(): boolean {
    return this.liveCount === 0;
  }

  /** Endpoints to count on: neither gone nor put aside. */
  get liveCount(): number {
    let count = 0;
    for (const pool of this.#pools) if (!pool.isOut) count += 1;
    return count;
  }

  /** Those that are not gone. */
  get members(): EndpointPool[] {
    return this.#pools.filter((pool) => !pool.isDraining);
  }

  /** The endpoint of this address, unless it is gone. */
  find(address: string): EndpointPool | undefined {
    return this.#pools.find((pool) => pool.target.address === address);
  }

  get idleCount(): number {
    let count = 0;
    for (const pool of this.#pools) if (!pool.isAside) count += pool.idleCount;
    return count;
  }

  /** For how long an idle connection stays ready: the least of all endpoints. */
  readyForMs(nowMs: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (const pool of this.#pools) least = Math.min(least, pool.liveness.steadyMs(nowMs));
    return least;
  }

  readyCount(nowMs: number): number {
    let count = 0;
    for (const pool of this.#pools) if (!pool.isAside) count += pool.readyCount(nowMs);
    return count;
  }

  /** Endpoints to count on that have a connection. */
  get occupiedCount(): number {
    let count = 0;
    for (const pool of this.#pools) if (!pool.isOut && pool.size > 0) count += 1;
    return count;
  }

  /** Endpoints to count on that have none, and nothing that speaks against one. */
  bareCount(nowMs: number): number {
    let count = 0;
    for (const pool of this.#pools)
      if (!pool.isOut && pool.size === 0 && pool.standing(nowMs) !== 'suspect') count += 1;
    return count;
  }

  poolOf(connection: H1Connection): EndpointPool {
    const pool = this.#home.get(connection);
    if (pool === undefined) throw new Error('a connection that belongs to no pool');
    return pool;
  }

  /** Takes the new set. Gives the idle connections of endpoints that are gone, to be closed. */
  set(addresses: readonly EndpointAddress[]): H1Connection[] {
    const wanted = new Map(addresses.map((address) => [endpointName(address), address]));
    const gone: H1Connection[] = [];
    for (const pool of this.#pools) {
      pool.isDraining = !wanted.delete(pool.target.address);
      if (!pool.isDraining) continue;
      gone.push(...pool.takeAllIdle());
      // What is shared is shared with nobody else any more.
      for (const connection of pool.connections) connection.takesMore = false;
    }
    for (const [name, { ip, port }] of wanted) {
      this.#pools.push(new EndpointPool({ address: name, ip, port }, this.#options));
    }
    this.dropGone();
    return gone;
  }

  /** Forgets endpoints that are gone and have nothing left. */
  dropGone(): void {
    this.#pools = this.#pools.filter(
      (pool) => !pool.isDraining || pool.size > 0 || pool.connecting > 0,
    );
  }

  /** An idle connection of the endpoint with the fewest active; ties at random; `avoid` only if there is no other. */
  takeIdle(
    seeker: Pick<LeaseSeeker, 'need' | 'avoid'>,
    nowMs: number,
    order: IdleOrder = 'youngest',
  ): H1Connection | null {
    const { need, avoid } = seeker;
    const only = this.#pools[0];
    if (this.#pools.length === 1 && only !== undefined) return only.takeIdle(need, nowMs, order);
    const candidates = this.#pools.filter(
      (pool) => pool.idleCount > 0 && !pool.isDraining && pool.takes(seeker, nowMs),
    );
    this.#sortByLoad(candidates, avoid);
    for (const pool of candidates) {
      const connection = pool.takeIdle(need, nowMs, order);
      if (connection !== null) return connection;
    }
    return null;
  }

  /** Whether one of several endpoints can be relied on, so that none of the others need be waited for. */
  hasGood(nowMs: number): boolean {
    if (this.liveCount <= 1) return false;
    return this.#pools.some((pool) => !pool.isOut && pool.standing(nowMs) === 'good');
  }

  /** Dials under way that are likely to bring a connection soon. With one endpoint that is all of its dials. */
  hopefulDials(nowMs: number): number {
    const isAlone = this.liveCount <= 1;
    const hasGood = this.hasGood(nowMs);
    let count = 0;
    for (const pool of this.#pools) {
      // What a dial brings to one that is gone is dropped, and what it brings to one put aside is for a trial.
      if (pool.isOut) continue;
      if (isAlone) count += pool.connecting;
      else if (!hasGood) count += pool.connecting - pool.slowDials(nowMs);
      else if (pool.standing(nowMs) !== 'suspect') count += pool.connecting;
    }
    return count;
  }

  /** When a dial under way will be slow, so that another endpoint is to be tried. */
  nextSlowAtMs(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    if (this.liveCount <= 1) return next;
    for (const pool of this.#pools) next = Math.min(next, pool.nextSlowAtMs(nowMs));
    return next;
  }

  /** The endpoint to dial next, or the time at which one may be dialled again (infinite: once a dial is over). */
  chooseToDial(when: DialMoment): EndpointPool | number {
    const { nowMs, hasWaiters, avoid } = when;
    let earliestMs = Number.POSITIVE_INFINITY;
    const ready: EndpointPool[] = [];
    for (const pool of this.#pools) {
      if (pool.isOut || this.#dialsAllowed(pool, nowMs) <= pool.connecting) continue;
      const atMs = pool.mayDialAtMs(hasWaiters, this.#random);
      if (atMs <= nowMs) ready.push(pool);
      else earliestMs = Math.min(earliestMs, atMs);
    }
    const good = ready.filter((pool) => pool.standing(nowMs) !== 'suspect');
    // One that has no connections because it is dead would otherwise always be the one with the fewest.
    const best = this.#leastLoaded(good, avoid) ?? this.#leastLoaded(ready, avoid);
    return best ?? earliestMs;
  }

  /**
   * An endpoint that has failed and may be tried again beside those that are good, or null. It would never be found to
   * be back otherwise: the good ones come first. One slot for dials is left to them.
   */
  chooseToRecover({ nowMs, hasWaiters, avoid }: DialMoment): EndpointPool | null {
    if (!this.hasGood(nowMs)) return null;
    const suspects = this.#pools.filter((pool) => pool.standing(nowMs) === 'suspect');
    const under = suspects.reduce((sum, { connecting }) => sum + connecting, 0);
    if (under >= this.#options.maxDials - 1) return null;
    const ready = suspects.filter(
      (pool) =>
        !pool.isOut && pool.connecting === 0 && pool.mayDialAtMs(hasWaiters, this.#random) <= nowMs,
    );
    return this.#leastLoaded(ready, avoid);
  }

  /** An endpoint that was put aside, is to be tried, and has no connection to be tried on; or null. */
  trialToDial(nowMs: number): EndpointPool | null {
    for (const pool of this.#pools) {
      if (!pool.isAside || pool.isDraining || pool.idleCount > 0 || pool.connecting > 0) continue;
      const mayTry = pool.health?.takes(true, nowMs) === true;
      if (mayTry && pool.mayDialAtMs(false, this.#random) <= nowMs) return pool;
    }
    return null;
  }

  /** One of several endpoints never has all slots: should it be a black hole, the others would wait for its timeouts. */
  #dialsAllowed(pool: EndpointPool, nowMs: number): number {
    const { maxDials } = this.#options;
    if (this.liveCount <= 1) return maxDials;
    return pool.standing(nowMs) === 'good' ? Math.max(1, maxDials - 1) : 1;
  }

  /** Fewest connections of any kind, so that the warm floor spreads over all; ties at random; `avoid` only if alone. */
  #leastLoaded(pools: readonly EndpointPool[], avoid: string | null): EndpointPool | null {
    const load = (pool: EndpointPool): number => pool.size + pool.connecting;
    let best: EndpointPool | null = null;
    let ties = 0;
    for (const pool of pools) {
      if (pool.target.address === avoid && pools.length > 1) continue;
      if (best === null || load(pool) < load(best)) {
        best = pool;
        ties = 1;
      } else if (load(pool) === load(best)) {
        ties += 1;
        if (this.#random() * ties < 1) best = pool;
      }
    }
    return best;
  }

  #sortByLoad(pools: EndpointPool[], avoid: string | null): void {
    const keyed = pools.map((pool) => {
      const last = pool.target.address === avoid ? 1_000_000 : 0;
      return { pool, key: last + pool.active + this.#random() / 2 };
    });
    keyed.sort((a, b) => a.key - b.key);
    for (let i = 0; i < keyed.length; i += 1) pools[i] = (keyed[i] as { pool: EndpointPool }).pool;
  }

  add(pool: EndpointPool, connection: H1Connection): void {
    pool.add(connection);
    this.#home.set(connection, pool);
  }

  /** Forgets a connection that is closed. */
  remove(connection: H1Connection): void {
    const pool = this.#home.get(connection);
    if (pool === undefined) return;
    // All is closed now: a lease that is out counts as settled.
    while (connection.isLeased) this.onReleased(connection);
    if (connection.isTunnel) this.#tunnels -= 1;
    pool.remove(connection);
    this.#home.delete(connection);
    if (pool.isDraining) this.dropGone();
  }

  onSwitched(connection: H1Connection): void {
    if (!this.#home.has(connection)) return;
    connection.isTunnel = true;
    this.#tunnels += 1;
  }

  putIdle(connection: H1Connection): void {
    this.poolOf(connection).putIdle(connection);
  }

  /** Gives its pool. */
  onLeased(connection: H1Connection): EndpointPool {
    if (!connection.isLeased) this.busy += 1;
    connection.leases += 1;
    const pool = this.poolOf(connection);
    pool.active += 1;
    this.active += 1;
    return pool;
  }

  onReleased(connection: H1Connection): void {
    connection.leases -= 1;
    if (!connection.isLeased) this.busy -= 1;
    this.poolOf(connection).active -= 1;
    this.active -= 1;
  }

  onDialBegan(pool: EndpointPool, nowMs: number): void {
    pool.onDialBegan(nowMs);
    this.connecting += 1;
  }

  onDialEnded(pool: EndpointPool, beganMs: number): void {
    pool.onDialEnded(beganMs);
    this.connecting -= 1;
  }

  /**
   * The idle connection that was idle for longest, or null; first of those put aside. It stays where it is. An endpoint
   * that is in use and has fewer than `least` connections loses none.
   */
  leastRecentlyUsed(least = 1): H1Connection | null {
    let oldest: H1Connection | null = null;
    let isOldestAside = false;
    for (const [connection, { isAside, size }] of this.#home) {
      if (connection.isLeased || (isOldestAside && !isAside)) continue;
      if (!isAside && size < least) continue;
      const isFirstAside = isAside && !isOldestAside;
      if (oldest === null || isFirstAside || connection.idleSinceMs < oldest.idleSinceMs) {
        oldest = connection;
        isOldestAside = isAside;
      }
    }
    return oldest;
  }

  takeAllIdle(): H1Connection[] {
    return this.#pools.flatMap((pool) => pool.takeAllIdle());
  }

  all(): H1Connection[] {
    return [...this.#home.keys()];
  }

  snapshot(nowMs: number): EndpointSnapshot[] {
    return this.#pools.map((pool) => pool.snapshot(nowMs));
  }
}
