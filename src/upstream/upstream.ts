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
import { ConnectionMaker, type IdleKeeper } from './connection-maker.ts';
import { type DialDemand, type Dialled, DialScheduler } from './dial-scheduler.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { type EndpointAddress, EndpointSet } from './endpoint-set.ts';
import { noEndpoint, shuttingDown, upstreamDown, waitingFull, waitTimeout } from './faults.ts';
import type { H1Connection } from './h1/connection.ts';
import { PipelineSlot } from './h1/pipeline-slot.ts';
import type { CloseReason, UpstreamSnapshot } from './observer.ts';
import type { UpstreamOptions } from './options.ts';
import { Pipeliner } from './pipeliner.ts';
import { Settling } from './settling.ts';
import type { UpstreamParts } from './upstream-parts.ts';
import { WaitingLine } from './waiting-line.ts';
import { WarmFloor } from './warm-floor.ts';

/** What leases are of: a connection whole, or a place on one. */
type Slot = H1Connection | PipelineSlot;

export class Upstream implements LeaseKeeper, IdleKeeper {
  readonly options: UpstreamOptions;
  readonly #parts: UpstreamParts;
  readonly #endpoints: EndpointSet;
  readonly #waiting: WaitingLine;
  readonly #floor: WarmFloor;
  readonly #dials: DialScheduler;
  readonly #settling: Settling;
  readonly #pipeliner: Pipeliner;
  readonly #maker: ConnectionMaker;
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
    this.#pipeliner = new Pipeliner(parts.options.pool, parts.clock);
    this.#maker = new ConnectionMaker(parts, this, this.#pipeliner);
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

  // ---- Leases

  /** Gives a lease, now or later, or says why not. One of the seeker's two methods is called, once. */
  acquire(seeker: LeaseSeeker): void {
    const nowMs = this.#parts.wheel.now();
    this.#floor.onAsked(this.#endpoints.busy, nowMs);
    // Behind those who wait already nobody is let in.
    const mayJoin = this.#waiting.length === 0;
    const gathering = mayJoin ? this.#pipeliner.joinGathering(seeker, nowMs) : null;
    if (gathering !== null) {
      this.#give(seeker, gathering, 0);
      return;
    }
    const order = this.#endpoints.size <= this.#floor.keeps ? 'due-first' : 'youngest';
    const connection = this.#endpoints.takeIdle(seeker, nowMs, order);
    if (connection !== null) {
      this.#giveIdle(seeker, connection, 0);
      if (this.#endpoints.idleCount < this.#wantedIdle(nowMs)) this.#dials.run();
      return;
    }
    const busy = mayJoin ? this.#pipeliner.joinBusy(seeker, nowMs) : null;
    if (busy !== null) {
      this.#give(seeker, busy, 0);
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
    const { connection } = leased as Slot;
    const pool = this.#endpoints.poolOf(connection);
    const nowMs = this.#parts.wheel.now();
    this.#endpoints.onReleased(connection);
    if (leased instanceof PipelineSlot) this.#pipeliner.onAnswered(leased, nowMs);
    if (connection.unsettledTurns > 0) this.#settling.add(connection);
    if (connection.isLeased) {
      this.#fillUp(nowMs);
      return;
    }
    this.#pipeliner.drop(connection);
    if (pool.onReturned(connection, nowMs)) {
      this.#dials.onAlive(nowMs);
      this.#pipeliner.pipelining?.onAlive(nowMs);
    }
    const reason = this.#whyNotKept(connection, nowMs);
    if (reason === null) this.#offer(connection, nowMs);
    else this.#close(connection, reason);
    if (reason !== null || this.#waiting.length > 0) this.#dials.run();
    this.#checkRetired();
  }

  discard(leased: Leasable, reason: CloseReason): void {
    if (this.#isClosed) return;
    const { connection } = leased as Slot;
    this.#endpoints.onReleased(connection);
    // Others are on it: it goes on for their sake, or ends when the last of them has been told.
    const isRescued = reason === 'fault' && connection.takesMore && connection.isLeased;
    connection.closesFor ??= isRescued ? 'rescued' : reason;
    if (connection.isLeased) {
      if (leased instanceof PipelineSlot) leased.abandon();
      if (connection.isOpen) this.#fillUp(this.#parts.wheel.now());
      return;
    }
    this.#pipeliner.drop(connection);
    this.#close(connection, connection.lostBy ?? connection.closesFor ?? reason);
    this.#dials.run();
    this.#checkRetired();
  }

  /** A connection of this endpoint was closed by the upstream after it had been idle for `idleMs`. */
  onStale(endpoint: string, idleMs: number): void {
    this.#endpoints.find(endpoint)?.liveness.onStale(idleMs, this.#parts.wheel.now());
  }

  /** Whether this connection's endpoint has last answered as HTTP/1.0. */
  speaksHttp10(leased: Leasable): boolean {
    const { connection } = leased as Slot;
    return !this.#isClosed && this.#endpoints.poolOf(connection).isHttp10;
  }

  /** Gives a connection that nobody uses: all of it, or the first place on it where requests are pipelined. */
  #giveIdle(seeker: LeaseSeeker, connection: H1Connection, waitedMs: number): void {
    const nowMs = this.#parts.wheel.now();
    connection.lastIdleMs = nowMs - connection.idleSinceMs;
    connection.requestsBefore = connection.requests;
    connection.closesFor = null;
    const { isHttp10 } = this.#endpoints.poolOf(connection);
    const place = isHttp10 ? null : this.#pipeliner.open(seeker, connection, nowMs);
    this.#give(seeker, place ?? connection, waitedMs);
  }

  #give(seeker: LeaseSeeker, leased: Slot, waitedMs: number): void {
    const { connection } = leased;
    const isPipelined = connection.isLeased;
    this.#endpoints.onLeased(connection);
    this.#floor.onActive(this.#endpoints.busy);
    this.#parts.observer.onLeased({ isReused: leased.requests > 0, isPipelined, waitedMs });
    seeker.onLease(new Lease(leased, this));
  }

  /** To the first that it will do for, or to the idle ones. */
  #offer(connection: H1Connection, nowMs: number): void {
    const pool = this.#endpoints.poolOf(connection);
    const inOrder = this.#endpoints.total >= this.options.pool.maxConnections;
    const suits = (one: LeaseSeeker): boolean => pool.willDo(connection, one, nowMs);
    const next = this.#waiting.takeFirst(suits, { inOrder });
    if (next !== null) {
      this.#giveIdle(next, connection, nowMs - next.waitingSinceMs);
      this.#fillUp(nowMs);
      return;
    }
    // It will not do for who is first, and there is no room for another beside it.
    if (inOrder && this.#waiting.length > 0) {
      this.#close(connection, 'surplus');
      return;
    }
    this.#endpoints.putIdle(connection);
    this.#watchIdle(connection, nowMs);
  }

  /** Those at the head of the line may share connections that are in use; whoever may not holds up those behind. */
  #fillUp(nowMs: number): void {
    for (let next = this.#waiting.first; next?.canPipeline === true; next = this.#waiting.first) {
      const place =
        this.#pipeliner.joinGathering(next, nowMs) ?? this.#pipeliner.joinBusy(next, nowMs);
      if (place === null) return;
      this.#waiting.remove(next);
      this.#give(next, place, nowMs - next.waitingSinceMs);
    }
  }

  #whyNotKept(connection: H1Connection, nowMs: number): CloseReason | null {
    const { maxRequests } = this.options.pool;
    // Responses are still to come that nobody waits for any more.
    if (connection.outstanding > 0) return connection.closesFor ?? 'client-gone';
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
    const { waitMs } = this.options.timeouts;
    return this.#dials.lastFault ?? waitTimeout(this.name, waitMs, this.#endpoints.total);
  }

  // ---- Dialling

  #wantedIdle(nowMs: number): number {
    if (this.#onRetired !== null || this.#isClosed) return 0;
    if (!this.#floor.isWorth(this.#endpoints.readyForMs(nowMs))) return 0;
    return this.#floor.wanted(this.#endpoints.busy, this.#endpoints.liveCount, nowMs);
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
    const nowMs = this.#parts.wheel.now();
    this.#parts.observer.onOpened(dialled.phases);
    this.#pipeliner.pipelining?.onOpened(dialled.phases.tcpMs);
    const isFirst = !this.#hasOpened;
    this.#hasOpened = true;
    if (isFirst) this.#parts.onWarm();
    const connection = this.#maker.make(pool, dialled);
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

  // ---- Idle connections

  #watchIdle(connection: H1Connection, nowMs: number): void {
    const delayMs = this.#endpoints.poolOf(connection).watchMs(connection, nowMs);
    this.#parts.wheel.set(connection.idleDeadline, delayMs);
  }

  onIdleDue(connection: H1Connection): void {
    if (connection.isLeased || !connection.isOpen) return;
    const nowMs = this.#parts.wheel.now();
    const { liveness } = this.#endpoints.poolOf(connection);
    if (nowMs >= connection.expiresAtMs) this.#close(connection, 'max-age');
    else if (nowMs - connection.idleSinceMs >= liveness.limitMs(nowMs)) {
      this.#close(connection, 'idle-limit');
    } else this.#watchIdle(connection, nowMs);
    this.#dials.run();
  }

  onIdleLost(pool: EndpointPool, connection: H1Connection, reason: CloseReason): void {
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
      active: this.#endpoints.active,
      waiting: this.#waiting.length,
      warmWanted: this.#wantedIdle(nowMs),
      isDown: this.#dials.isDown(nowMs),
      lastDialFault: this.#dials.lastFault,
      maxConnections: this.options.pool.maxConnections,
      pipelining: this.#pipeliner.pipelining?.snapshot(nowMs) ?? null,
    };
  }
}
