/**
 * A named origin: its endpoints, who waits for a connection, and how many there may be.
 *
 * A lease is given at once when an idle connection will do. Else the seeker waits in order, and is served by whatever
 * comes first: a connection that frees up, or one that a dial has opened, whoever it was dialled for. While dials
 * fail, seekers keep their place until their own deadline; so an upstream that restarts costs no request. Once dials
 * have failed for longer than that deadline, seekers are refused at once while one dial at a time looks for recovery.
 */
import type { Fault } from '../base/fault.ts';
import type { Outcome } from '../resilience/outcome.ts';
import { type Leasable, Lease, type LeaseKeeper, type LeaseSeeker } from './carrier.ts';
import { ConnectionMaker } from './connection-maker.ts';
import { Demand } from './demand.ts';
import { type Dialled, DialScheduler } from './dial-scheduler.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { type EndpointAddress, EndpointSet } from './endpoint-set.ts';
import { shuttingDown } from './faults.ts';
import type { H1Connection } from './h1/connection.ts';
import { PipelineSlot, type Slot } from './h1/pipeline-slot.ts';
import { IdleWatch } from './idle-watch.ts';
import type { CloseReason, UpstreamSnapshot } from './observer.ts';
import type { UpstreamOptions } from './options.ts';
import { OutcomeWatch } from './outcome-watch.ts';
import { Pipeliner } from './pipeliner.ts';
import { Refusals } from './refusals.ts';
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
  readonly #demand: Demand;
  readonly #dials: DialScheduler;
  readonly #settling: Settling;
  readonly #pipeliner: Pipeliner;
  readonly #maker: ConnectionMaker;
  readonly #watch: OutcomeWatch;
  readonly #idle: IdleWatch;
  readonly #refusals: Refusals;
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
    this.#idle = new IdleWatch({
      ...parts,
      endpoints: this.#endpoints,
      close: (connection, reason) => this.#close(connection, reason),
      onFewer: () => this.#dials.run(),
    });
    this.#maker = new ConnectionMaker(parts, this.#idle, this.#pipeliner);
    this.#watch = new OutcomeWatch(parts);
    this.#waiting = new WaitingLine({
      wheel: parts.wheel,
      waitMs: parts.options.timeouts.waitMs,
      onExpired: this.#onExpired,
    });
    const shared = {
      ...parts,
      floor: this.#floor,
      endpoints: this.#endpoints,
      waiting: this.#waiting,
    };
    this.#demand = new Demand(shared);
    this.#dials = new DialScheduler({
      ...shared,
      demand: () => this.#demand.now(),
      makeRoom: () => this.#makeRoom(2),
      onConnected: this.#onConnected,
      onFailed: this.#onDialFailed,
    });
    this.#refusals = new Refusals({ ...shared, dials: this.#dials });
  }

  get name(): string {
    return this.options.name;
  }

  /** Whether the warm floor's first connection has been had, or none is wanted. For readiness. */
  get isWarm(): boolean {
    return this.#hasOpened || this.#demand.wantedIdle(this.#parts.wheel.now()) === 0;
  }

  // ---- Leases

  /** Gives a lease, now or later, or says why not. One of the seeker's two methods is called, once. */
  acquire(seeker: LeaseSeeker): void {
    const shed = this.#watch.refusal(seeker, this.#waiting.length);
    if (shed !== null) {
      seeker.onNoLease(shed);
      return;
    }
    const nowMs = this.#parts.wheel.now();
    if (!this.#watch.isCalm) this.#refreshEndpoints(nowMs);
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
      if (this.#endpoints.idleCount < this.#demand.wantedIdle(nowMs)) this.#dials.run();
      return;
    }
    const busy = mayJoin ? this.#pipeliner.joinBusy(seeker, nowMs) : null;
    if (busy !== null) {
      this.#give(seeker, busy, 0);
      return;
    }
    const refusal = this.#isClosed ? shuttingDown() : this.#refusals.onAsked(nowMs);
    if (refusal !== null) {
      seeker.onNoLease(refusal);
      return;
    }
    this.#waiting.push(seeker, nowMs);
    this.#makeRoom();
    this.#dials.run();
  }

  /** None of the idle connections will do for what is asked, and they may be all that there can be. */
  #makeRoom(leastOfEndpoint = 1): void {
    if (this.#endpoints.total < this.options.pool.maxConnections) return;
    const oldest = this.#endpoints.leastRecentlyUsed(leastOfEndpoint);
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
    const ended = this.#isUnwanted ? 'shutdown' : null;
    const reason = this.#idle.whyNotKept(connection, nowMs) ?? ended;
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
    this.#settling.onLeased(seeker, connection);
    const { isHttp10, isAside } = this.#endpoints.poolOf(connection);
    // A trial is for one alone.
    const place = isHttp10 || isAside ? null : this.#pipeliner.open(seeker, connection, nowMs);
    this.#give(seeker, place ?? connection, waitedMs);
  }

  #give(seeker: LeaseSeeker, leased: Slot, waitedMs: number): void {
    const isPipelined = leased.connection.isLeased;
    const pool = this.#endpoints.onLeased(leased.connection);
    this.#floor.onActive(this.#endpoints.busy);
    this.#parts.observer.onLeased({ isReused: leased.requests > 0, isPipelined, waitedMs });
    const lease = new Lease(leased, this);
    this.#watch.begin(lease, pool);
    seeker.onLease(lease);
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
    if (inOrder && this.#waiting.length > 0) this.#close(connection, 'surplus');
    else this.#idle.add(connection, nowMs);
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

  /** Nobody will use another connection. */
  get #isUnwanted(): boolean {
    return this.#onRetired !== null && this.#waiting.length === 0;
  }

  #close(connection: H1Connection, reason: CloseReason): void {
    this.#endpoints.remove(connection);
    connection.close(reason);
    const ageMs = this.#parts.wheel.now() - connection.bornMs;
    this.#parts.observer.onClosed(reason, { ageMs, requests: connection.requests });
  }

  // ---- What becomes of attempts

  onTrialAnswered(lease: Lease): void {
    this.#watch.release(lease);
  }

  onSwitched(leased: Leasable): void {
    this.#endpoints.onSwitched((leased as Slot).connection);
    this.#dials.run();
  }

  onOutcome(lease: Lease, outcome: Outcome): void {
    if (this.#isClosed) return;
    if (this.#watch.end(lease, outcome)) this.#onOthersUsed(this.#parts.wheel.now());
  }

  #refreshEndpoints(nowMs: number): void {
    if (this.#watch.refresh()) this.#onOthersUsed(nowMs);
    if (this.#endpoints.trialToDial(nowMs) === null) return;
    this.#makeRoom();
    this.#dials.run();
  }

  /** An endpoint was put aside, or is used again. Idle connections of one put aside are kept, for its return. */
  #onOthersUsed(nowMs: number): void {
    for (const { isAside, connections } of this.#endpoints.members) {
      if (isAside) for (const connection of connections) this.#pipeliner.drop(connection);
    }
    for (let next = this.#waiting.first; next !== null; next = this.#waiting.first) {
      const connection = this.#endpoints.takeIdle(next, nowMs);
      if (connection === null) break;
      this.#waiting.remove(next);
      this.#giveIdle(next, connection, nowMs - next.waitingSinceMs);
    }
    this.#dials.run();
  }

  // ---- Waiting

  readonly #onExpired = (seeker: LeaseSeeker, waitedMs: number): void => {
    this.#parts.observer.onWaitEnded(waitedMs);
    seeker.onNoLease(this.#refusals.onExpired());
    this.#checkRetired();
  };

  // ---- Dialling

  readonly #onConnected = (pool: EndpointPool, dialled: Dialled): void => {
    const nowMs = this.#parts.wheel.now();
    this.#parts.observer.onOpened(dialled.phases);
    this.#pipeliner.pipelining?.onOpened(dialled.phases.tcpMs);
    const isFirst = !this.#hasOpened;
    this.#hasOpened = true;
    if (isFirst) this.#parts.onWarm();
    const connection = this.#maker.make(pool, dialled);
    this.#endpoints.add(pool, connection);
    if (pool.isDraining) this.#close(connection, 'endpoint-gone');
    else if (this.#isClosed || this.#isUnwanted) this.#close(connection, 'shutdown');
    else this.#offer(connection, nowMs);
    this.#dials.run();
    this.#checkRetired();
  };

  readonly #onDialFailed = (failure: Fault): void => {
    this.#parts.observer.onDialFailed(failure);
    this.#parts.onAddressDoubt();
    // Whoever cannot be reached is one less to rely on.
    if (!this.#watch.isCalm) this.#refreshEndpoints(this.#parts.wheel.now());
    this.#dials.run();
  };

  // ---- Endpoints

  /** Takes a new set of addresses. Those that are gone drain; those that come are warmed. */
  setEndpoints(addresses: readonly EndpointAddress[]): void {
    this.#refusals.resolveFailure = null;
    for (const idle of this.#endpoints.set(addresses)) this.#close(idle, 'endpoint-gone');
    if (this.#watch.adopt(this.#endpoints.members)) this.#onOthersUsed(this.#parts.wheel.now());
    this.#dials.run();
    // With idle limits so short that no floor is kept there will be no first connection to wait for.
    if (this.isWarm) this.#parts.onWarm();
  }

  onResolveFailed(cause: string): void {
    this.#refusals.resolveFailure = cause;
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
    this.#demand.isEnding = true;
    for (const idle of this.#endpoints.takeAllIdle()) this.#close(idle, 'shutdown');
    this.#checkRetired();
  }

  #checkRetired(): void {
    if (this.#onRetired === null || this.#isClosed) return;
    // A rest of a response that is read to its end has a lease and no exchange.
    if (this.#exchanges > 0 || this.#endpoints.active > 0 || this.#waiting.length > 0) return;
    this.destroy();
    this.#onRetired();
  }

  /** Closes everything now. Who waits is refused. */
  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#demand.isEnding = true;
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
      warmWanted: this.#demand.wantedIdle(nowMs),
      isDown: this.#dials.isDown(nowMs),
      lastDialFault: this.#dials.lastFault,
      maxConnections: this.options.pool.maxConnections,
      pipelining: this.#pipeliner.pipelining?.snapshot(nowMs) ?? null,
      isPanic: this.#watch.isPanic,
      breaker: this.#watch.snapshot(),
    };
  }
}
