/**
 * A named origin: its endpoints, who waits for a connection, and how many there may be.
 *
 * A lease is given at once when an idle connection will do. Else the seeker waits in order, and is served by whatever
 * comes first: a connection that frees up, or one that a dial has opened, whoever it was dialled for. While dials
 * fail, seekers keep their place until their own deadline; so an upstream that restarts costs no request. Once dials
 * have failed for longer than that deadline, seekers are refused at once while one dial at a time looks for recovery.
 */
import type { Fault } from '../base/fault.ts';
import { type Leasable, Lease, type LeaseKeeper, type LeaseSeeker } from './carrier.ts';
import { type DialDemand, type Dialled, DialScheduler } from './dial-scheduler.ts';
import type { EndpointPool, IdleOrder } from './endpoint-pool.ts';
import { type EndpointAddress, EndpointSet } from './endpoint-set.ts';
import { noEndpoint, shuttingDown, upstreamDown, waitingFull, waitTimeout } from './faults.ts';
import { type ConnectionOwner, H1Connection } from './h1/connection.ts';
import type { CloseReason, UpstreamSnapshot } from './observer.ts';
import type { UpstreamOptions } from './options.ts';
import { Settling } from './settling.ts';
import type { UpstreamParts } from './upstream-parts.ts';
import { WaitingLine } from './waiting-line.ts';
import { WarmFloor } from './warm-floor.ts';

export class Upstream implements LeaseKeeper {
  readonly options: UpstreamOptions;
  readonly #parts: UpstreamParts;
  readonly #endpoints: EndpointSet;
  readonly #waiting: WaitingLine;
  readonly #floor: WarmFloor;
  readonly #dials: DialScheduler;
  readonly #settling: Settling;
  #nextId = 1;
  #resolveFailure: string | null = null;
  #hasOpened = false;
  #exchanges = 0;
  #onRetired: (() => void) | null = null;
  #isClosed = false;

  constructor(parts: UpstreamParts) {
    this.#parts = parts;
    this.options = parts.options;
    this.#endpoints = new EndpointSet(parts.options.pool, parts.random);
    this.#floor = new WarmFloor(parts.options.pool);
    this.#settling = new Settling(parts.clock);
    this.#waiting = new WaitingLine({
      wheel: parts.wheel,
      waitMs: parts.options.timeouts.waitMs,
      onExpired: this.#onExpired,
    });
    this.#dials = new DialScheduler({
      ...parts,
      endpoints: this.#endpoints,
      demand: this.#demand,
      onConnected: this.#onConnected,
      onFailed: this.#onDialFailed,
    });
  }

  get name(): string {
    return this.options.name;
  }

  /** Whether the warm floor's first connection has been had, or none is wanted. For readiness. */
  get isWarm(): boolean {
    return this.#hasOpened || this.#wantedIdle(this.#parts.wheel.now()) === 0;
  }

  /** Leases out. */
  get active(): number {
    return this.#endpoints.active;
  }

  // ---- Leases

  /** Gives a lease, now or later, or says why not. One of the seeker's two methods is called, once. */
  acquire(seeker: LeaseSeeker): void {
    const nowMs = this.#parts.wheel.now();
    this.#floor.onAsked(this.#endpoints.active, nowMs);
    const connection = this.#endpoints.takeIdle(seeker, nowMs, this.#idleOrder);
    if (connection !== null) {
      this.#give(seeker, connection, { nowMs, waitedMs: 0 });
      if (this.#endpoints.idleCount < this.#wantedIdle(nowMs)) this.#dials.run();
      return;
    }
    const refusal = this.#refusal(nowMs);
    if (refusal !== null) {
      seeker.onNoLease(refusal);
      return;
    }
    this.#waiting.push(seeker, nowMs);
    this.#makeRoom();
    this.#dials.run();
  }

  /** None of the idle connections will do for the one who waits, and they may be all that there can be. */
  #makeRoom(): void {
    if (this.#endpoints.total < this.options.pool.maxConnections) return;
    const oldest = this.#endpoints.leastRecentlyUsed();
    if (oldest !== null) this.#close(oldest, 'surplus');
  }

  /** The seeker no longer wants one. Does nothing if it does not wait. */
  cancel(seeker: LeaseSeeker): void {
    this.#waiting.remove(seeker);
    this.#checkRetired();
  }

  giveBack(leased: Leasable): void {
    if (this.#isClosed) return;
    const connection = leased as H1Connection;
    const pool = this.#endpoints.poolOf(connection);
    const nowMs = this.#parts.wheel.now();
    this.#endpoints.onReleased(connection);
    // A lease can come back unused: that proves nothing, and for the upstream it has been idle all the while.
    if (connection.requests > connection.requestsBefore) {
      if (connection.requests > 1) pool.liveness.onSurvived(connection.lastIdleMs, nowMs);
      connection.idleSinceMs = nowMs;
      this.#dials.onAlive(nowMs);
    }
    const reason = this.#whyNotKept(connection, nowMs);
    if (connection.unsettledTurns > 0) this.#settling.add(connection);
    if (reason === null) this.#offer(connection, nowMs);
    else this.#close(connection, reason);
    if (reason !== null || this.#waiting.length > 0) this.#dials.run();
    this.#checkRetired();
  }

  discard(leased: Leasable, reason: CloseReason): void {
    if (this.#isClosed) return;
    const connection = leased as H1Connection;
    this.#endpoints.onReleased(connection);
    this.#close(connection, connection.lostBy ?? reason);
    this.#dials.run();
    this.#checkRetired();
  }

  /** A connection of this endpoint was closed by the upstream after it had been idle for `idleMs`. */
  onStale(endpoint: string, idleMs: number): void {
    this.#endpoints.find(endpoint)?.liveness.onIdleClosed(idleMs, this.#parts.wheel.now());
  }

  /** Whether this connection's endpoint has last answered as HTTP/1.0. */
  speaksHttp10(leased: Leasable): boolean {
    return !this.#isClosed && this.#endpoints.poolOf(leased as H1Connection).isHttp10;
  }

  #give(
    seeker: LeaseSeeker,
    connection: H1Connection,
    { nowMs, waitedMs }: { readonly nowMs: number; readonly waitedMs: number },
  ): void {
    connection.isLeased = true;
    connection.lastIdleMs = nowMs - connection.idleSinceMs;
    connection.requestsBefore = connection.requests;
    this.#endpoints.onLeased(connection);
    this.#floor.onActive(this.#endpoints.active);
    this.#parts.observer.onLeased({ isReused: connection.requests > 0, waitedMs });
    seeker.onLease(new Lease(connection, this));
  }

  /** To the first that it will do for, or to the idle ones. */
  #offer(connection: H1Connection, nowMs: number): void {
    const next = this.#waiting.length === 0 ? null : this.#firstWhomItSuits(connection, nowMs);
    if (next !== null) {
      this.#give(next, connection, { nowMs, waitedMs: nowMs - next.waitingSinceMs });
      return;
    }
    // It will do for nobody who waits, and there is no room for another beside it.
    if (this.#waiting.length > 0 && this.#endpoints.total >= this.options.pool.maxConnections) {
      this.#close(connection, 'surplus');
      return;
    }
    this.#endpoints.putIdle(connection);
    this.#watchIdle(connection, nowMs);
  }

  #firstWhomItSuits(connection: H1Connection, nowMs: number): LeaseSeeker | null {
    const pool = this.#endpoints.poolOf(connection);
    return this.#waiting.takeFirst((seeker) => pool.willDo(connection, seeker, nowMs));
  }

  #whyNotKept(connection: H1Connection, nowMs: number): CloseReason | null {
    const { maxRequests } = this.options.pool;
    if (!connection.isOpen) return connection.lostBy ?? 'idle-closed-by-upstream';
    if (this.#endpoints.poolOf(connection).isDraining) return 'endpoint-gone';
    if (maxRequests > 0 && connection.requests >= maxRequests) return 'max-requests';
    if (nowMs >= connection.expiresAtMs) return 'max-age';
    if (this.#onRetired !== null && this.#waiting.length === 0) return 'shutdown';
    return null;
  }

  #close(connection: H1Connection, reason: CloseReason): void {
    this.#endpoints.remove(connection);
    connection.close(reason);
    const ageMs = this.#parts.wheel.now() - connection.bornMs;
    this.#parts.observer.onClosed(reason, { ageMs, requests: connection.requests });
  }

  // ---- Waiting

  #refusal(nowMs: number): Fault | null {
    if (this.#isClosed) return shuttingDown();
    if (this.#dials.isDown(nowMs)) {
      this.#dials.probe();
      const forMs = nowMs - (this.#dials.failingSinceMs ?? nowMs);
      return upstreamDown(this.name, forMs, this.#dials.lastFault);
    }
    const isFull = this.#waiting.length >= this.options.pool.maxWaiting;
    return isFull ? waitingFull(this.name, this.#waiting.length) : null;
  }

  readonly #onExpired = (seeker: LeaseSeeker, waitedMs: number): void => {
    this.#parts.observer.onWaitEnded(waitedMs);
    seeker.onNoLease(this.#whyNone());
    this.#checkRetired();
  };

  #whyNone(): Fault {
    if (this.#endpoints.isEmpty) return noEndpoint(this.name, this.#resolveFailure);
    return (
      this.#dials.lastFault ??
      waitTimeout(this.name, this.options.timeouts.waitMs, this.#endpoints.total)
    );
  }

  // ---- Dialling

  #wantedIdle(nowMs: number): number {
    if (this.#onRetired !== null || this.#isClosed) return 0;
    if (!this.#floor.isWorth(this.#endpoints.readyForMs(nowMs))) return 0;
    return this.#floor.wanted(this.#endpoints.active, this.#endpoints.liveCount, nowMs);
  }

  get #idleOrder(): IdleOrder {
    return this.#endpoints.size <= this.#floor.keeps ? 'due-first' : 'youngest';
  }

  readonly #demand = (): DialDemand => {
    const waiting = this.#waiting.length;
    const nowMs = this.#parts.wheel.now();
    const cold = this.#wantedIdle(nowMs) - this.#endpoints.readyCount(nowMs);
    return {
      missing: waiting + Math.max(0, cold),
      hasWaiters: waiting > 0,
      avoid: this.#waiting.first?.avoid ?? null,
    };
  };

  readonly #onConnected = (pool: EndpointPool, dialled: Dialled): void => {
    const { wire, phases, dialledAtMs } = dialled;
    const { observer, wheel, random } = this.#parts;
    const { maxAgeMs } = this.options.pool;
    const nowMs = wheel.now();
    observer.onOpened(phases);
    if (!this.#hasOpened) {
      this.#hasOpened = true;
      this.#parts.onWarm();
    }
    const connection = new H1Connection({
      id: this.#nextId++,
      endpoint: pool.target.address,
      wire,
      owner: this.#ownerFor(pool),
      wheel,
      limits: this.options.responseLimits,
      // A tenth either way, so that connections opened together do not end together.
      expiresAtMs:
        maxAgeMs === 0 ? Number.POSITIVE_INFINITY : nowMs + maxAgeMs * (0.9 + 0.2 * random()),
      onIdleTooLong: this.#onIdleDue,
    });
    connection.dialledAtMs = dialledAtMs;
    connection.idleSinceMs = nowMs;
    this.#endpoints.add(pool, connection);
    const isUnwanted = this.#onRetired !== null && this.#waiting.length === 0;
    if (pool.isDraining) this.#close(connection, 'endpoint-gone');
    else if (this.#isClosed || isUnwanted) this.#close(connection, 'shutdown');
    else this.#offer(connection, nowMs);
    this.#dials.run();
    this.#checkRetired();
  };

  readonly #onDialFailed = (failure: Fault): void => {
    this.#parts.observer.onDialFailed(failure);
    this.#parts.onAddressDoubt();
    this.#dials.run();
  };

  #ownerFor(pool: EndpointPool): ConnectionOwner {
    const { observer } = this.#parts;
    return {
      onIdleLost: (connection, reason) => this.#onIdleLost(pool, connection, reason),
      onKeepAliveTold: (seconds) => pool.liveness.onTold(seconds),
      onHttp10: (isHttp10) => {
        pool.isHttp10 = isHttp10;
      },
      onRepaired: () => observer.onRepairedResponse(),
      onCounts: (sent, received) => observer.onBytes(sent, received),
    };
  }

  // ---- Idle connections

  #watchIdle(connection: H1Connection, nowMs: number): void {
    const { liveness } = this.#endpoints.poolOf(connection);
    const idleMs = nowMs - connection.idleSinceMs;
    const steadyMs = liveness.steadyMs(nowMs);
    // First when it stops counting for the warm floor, so that its replacement is there before it goes.
    const untilMs = idleMs < steadyMs ? steadyMs - idleMs : liveness.limitMs(nowMs) - idleMs;
    this.#parts.wheel.set(
      connection.idleDeadline,
      Math.min(untilMs, connection.expiresAtMs - nowMs),
    );
  }

  readonly #onIdleDue = (connection: H1Connection): void => {
    if (connection.isLeased || !connection.isOpen) return;
    const nowMs = this.#parts.wheel.now();
    const { liveness } = this.#endpoints.poolOf(connection);
    if (nowMs >= connection.expiresAtMs) this.#close(connection, 'max-age');
    else if (nowMs - connection.idleSinceMs >= liveness.limitMs(nowMs)) {
      this.#close(connection, 'idle-limit');
    } else this.#watchIdle(connection, nowMs);
    this.#dials.run();
  };

  #onIdleLost(pool: EndpointPool, connection: H1Connection, reason: CloseReason): void {
    const nowMs = this.#parts.wheel.now();
    if (reason === 'idle-closed-by-upstream') {
      pool.liveness.onIdleClosed(nowMs - connection.idleSinceMs, nowMs);
    }
    this.#close(connection, reason);
    this.#dials.run();
  }

  // ---- Endpoints

  /** Takes a new set of addresses. Those that are gone drain; those that come are warmed. */
  setEndpoints(addresses: readonly EndpointAddress[]): void {
    this.#resolveFailure = null;
    for (const idle of this.#endpoints.set(addresses)) this.#close(idle, 'endpoint-gone');
    this.#dials.run();
    // With idle limits so short that no floor is kept there will be no first connection to wait for.
    if (this.isWarm) this.#parts.onWarm();
  }

  onResolveFailed(cause: string): void {
    this.#resolveFailure = cause;
  }

  // ---- The end

  /** An exchange will use this upstream until it parts: it may come for another lease. */
  join(): void {
    this.#exchanges += 1;
  }

  part(): void {
    this.#exchanges -= 1;
    this.#checkRetired();
  }

  /** Serves the exchanges that have joined, opens nothing else, and calls back when all is closed. */
  retire(onRetired: () => void): void {
    this.#onRetired = onRetired;
    for (const idle of this.#endpoints.takeAllIdle()) this.#close(idle, 'shutdown');
    this.#checkRetired();
  }

  #checkRetired(): void {
    if (this.#onRetired === null || this.#isClosed) return;
    // A rest of a response that is read to its end has a lease and no exchange.
    if (this.#exchanges > 0 || this.#endpoints.active > 0 || this.#waiting.length > 0) return;
    const onRetired = this.#onRetired;
    this.destroy();
    onRetired();
  }

  /** Closes everything now. Who waits is refused. */
  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#dials.stop();
    this.#waiting.close((seeker) => seeker.onNoLease(shuttingDown()));
    for (const connection of this.#endpoints.all()) this.#close(connection, 'shutdown');
  }

  snapshot(): UpstreamSnapshot {
    const nowMs = this.#parts.wheel.now();
    return {
      name: this.name,
      endpoints: this.#endpoints.snapshot(nowMs),
      waiting: this.#waiting.length,
      warmWanted: this.#wantedIdle(nowMs),
      isDown: this.#dials.isDown(nowMs),
      lastDialFault: this.#dials.lastFault,
      maxConnections: this.options.pool.maxConnections,
    };
  }
}
