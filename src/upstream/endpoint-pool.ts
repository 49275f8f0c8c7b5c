/**
 * The connections to one endpoint, and nothing else: who waits, how many there may be and which endpoint is taken are
 * the upstream's business.
 */
import type { Random } from '../base/clock.ts';
import { type BackoffRules, steadyBackoffMs } from '../resilience/backoff.ts';
import type { EndpointHealth } from '../resilience/endpoint-health.ts';
import type { LeaseNeed, LeaseSeeker } from './carrier.ts';
import type { DialTarget } from './dialer.ts';
import type { H1Connection } from './h1/connection.ts';
import { Liveness } from './liveness.ts';
import type { ConnectionSnapshot, EndpointSnapshot } from './observer.ts';
import type { PoolOptions } from './options.ts';

/** A connection that has been idle for this share of its time is due to be used. */
const DUE_SHARE = 1 / 3;

/** Which idle connection is taken: the youngest, or first one that would soon have been idle for too long. */
export type IdleOrder = 'youngest' | 'due-first';

/** Between failed dials while somebody waits: soon enough to notice a restart, rare enough to be no flood. */
const busyBackoff: BackoffRules = { baseMs: 25, maxMs: 250 };
/** The same while only the warm floor asks. */
const quietBackoff: BackoffRules = { baseMs: 100, maxMs: 5_000 };

/** Whoever closes a connection so soon after it was opened never wanted it. */
const SLAM_MS = 50;
/** A restart does that too, once to each of a floor. */
const FREE_SLAMS = 8;

/** A dial that takes longer is slow: others are tried beside it. RFC 8305 5: what one attempt is given before the next. */
const SLOW_DIAL_MS = 250;

/**
 * What is known of dialling an endpoint: `good` has connected and goes on doing so, `untried` never has, and `suspect`
 * has failed since it last did, or has a dial under way that is slow.
 */
export type Standing = 'good' | 'untried' | 'suspect';

export class EndpointPool {
  readonly target: DialTarget;
  readonly liveness: Liveness;
  /** How it answers; null where nobody asks. Written by `OutcomeWatch`. */
  health: EndpointHealth | null = null;
  /** In order of last use: the most recently used is last. */
  readonly #idle: H1Connection[] = [];
  readonly #all = new Set<H1Connection>();
  /** Leased connections. */
  active = 0;
  /** When each dial under way began, the oldest first. */
  readonly #dials: number[] = [];
  isDraining = false;
  /** Whether its last response was HTTP/1.0: then nothing chunked is sent to it (RFC 9112 6.1). */
  isHttp10 = false;
  #failures = 0;
  #failedAtMs = 0;
  /** Connections in a row that were closed as soon as they were open. */
  #slams = 0;
  #slammedAtMs = 0;
  #hasConnected = false;

  constructor(target: DialTarget, options: PoolOptions) {
    this.target = target;
    this.liveness = new Liveness(options.idleTimeoutMs, { learns: options.learnsIdleLimit });
  }

  /** It has been put aside, and gets trials at most. */
  get isAside(): boolean {
    return this.health?.isAside === true;
  }

  /** It is not one to count on: gone, or put aside. */
  get isOut(): boolean {
    return this.isDraining || this.isAside;
  }

  /** It has no connection, and dials fail. */
  get isUnreachable(): boolean {
    return this.#failures > 0 && this.size === 0;
  }

  /** Whether it may have this one's request. A second attempt is not one to try it with. */
  takes({ need, avoid }: Pick<LeaseSeeker, 'need' | 'avoid'>, nowMs: number): boolean {
    if (!this.isAside) return true;
    return avoid === null && this.health?.takes(need === 'any', nowMs) === true;
  }

  get idleCount(): number {
    return this.#idle.length;
  }

  get size(): number {
    return this.#all.size;
  }

  get connections(): Iterable<H1Connection> {
    return this.#all;
  }

  add(connection: H1Connection): void {
    this.#all.add(connection);
  }

  /** Forgets a connection, idle or not. Gives whether it was known. */
  remove(connection: H1Connection): boolean {
    const index = this.#idle.lastIndexOf(connection);
    if (index !== -1) this.#idle.splice(index, 1);
    return this.#all.delete(connection);
  }

  /** Its `idleSinceMs` says since when: of late, unless a lease came back unused. */
  putIdle(connection: H1Connection): void {
    let at = this.#idle.length;
    while (at > 0 && (this.#idle[at - 1] as H1Connection).idleSinceMs > connection.idleSinceMs)
      at -= 1;
    this.#idle.splice(at, 0, connection);
  }

  /** Whether a connection of this pool that has come free will do for one who waits. */
  willDo(connection: H1Connection, seeker: LeaseSeeker, nowMs: number): boolean {
    if (!this.takes(seeker, nowMs)) return false;
    const { need, waitingSinceMs } = seeker;
    if (need === 'new') {
      // Dialled since it began to wait, and never used: what ended its last attempt cannot end this one. A dial that
      // was under way by then may have reached the queue of the very process that has just been stopped.
      return connection.requests === 0 && connection.dialledAtMs >= waitingSinceMs;
    }
    const idleMs = nowMs - connection.idleSinceMs;
    if (idleMs === 0) return true;
    return idleMs < (need === 'any' ? this.liveness.limitMs(nowMs) : this.liveness.steadyMs(nowMs));
  }

  /**
   * An idle connection that will do, or null; it is no longer idle then.
   *
   * The most recently used of those that are well inside their limit, so that a pool shrinks to what is needed; one
   * that has carried nothing yet only after them. But a pool that holds no more than it should is kept as it is by use
   * (`due-first`): first the oldest that has used up a third of that time. Else the others would grow old beside the one
   * that carries everything, and be closed and dialled again for as long as there are requests.
   */
  takeIdle(need: LeaseNeed, nowMs: number, order: IdleOrder = 'youngest'): H1Connection | null {
    if (need === 'new' || this.#idle.length === 0) return null;
    let index = order === 'due-first' ? this.#oldestDue(nowMs) : -1;
    if (index === -1) index = this.#youngest(need, nowMs);
    if (index === -1) return null;
    return this.#idle.splice(index, 1)[0] ?? null;
  }

  #oldestDue(nowMs: number): number {
    const steadyMs = this.liveness.steadyMs(nowMs);
    let unused = -1;
    for (let index = 0; index < this.#idle.length; index += 1) {
      const next = this.#idle[index] as H1Connection;
      const idleMs = nowMs - next.idleSinceMs;
      if (idleMs < steadyMs * DUE_SHARE) break;
      if (idleMs >= steadyMs || nowMs >= next.expiresAtMs) continue;
      if (next.requests > 0) return index;
      if (unused === -1) unused = index;
    }
    return unused;
  }

  #youngest(need: LeaseNeed, nowMs: number): number {
    const steadyMs = this.liveness.steadyMs(nowMs);
    const limitMs = need === 'any' ? this.liveness.limitMs(nowMs) : steadyMs;
    let youngest = -1;
    for (let index = this.#idle.length - 1; index >= 0; index -= 1) {
      const next = this.#idle[index] as H1Connection;
      const idleMs = nowMs - next.idleSinceMs;
      // The others have been idle for longer still.
      if (idleMs >= limitMs) break;
      // Too old by its age: its own deadline closes it; another may do.
      if (nowMs >= next.expiresAtMs) continue;
      if (next.requests > 0 && idleMs < steadyMs) return index;
      if (youngest === -1) youngest = index;
    }
    return youngest;
  }

  /** A lease of it has come back. Gives whether its endpoint has answered meanwhile. */
  onReturned(connection: H1Connection, nowMs: number): boolean {
    // A lease can come back unused: that proves nothing, and for the upstream it has been idle all the while.
    if (connection.requests === connection.requestsBefore) return false;
    this.#slams = 0;
    if (connection.requests > 1) this.liveness.onSurvived(connection.lastIdleMs, nowMs);
    connection.idleSinceMs = nowMs;
    return true;
  }

  /** When an idle connection is to be looked at again: it no longer counts for the warm floor, or is too old for any use. */
  watchMs(connection: H1Connection, nowMs: number): number {
    const idleMs = nowMs - connection.idleSinceMs;
    const steadyMs = this.liveness.steadyMs(nowMs);
    // The first comes first, so that its replacement is there before it goes.
    const limitMs = idleMs < steadyMs ? steadyMs : this.liveness.limitMs(nowMs);
    return Math.min(limitMs - idleMs, connection.expiresAtMs - nowMs);
  }

  /** Idle connections that are well inside their limit: those that the warm floor counts. */
  readyCount(nowMs: number): number {
    const steadyMs = this.liveness.steadyMs(nowMs);
    let count = 0;
    for (let index = this.#idle.length - 1; index >= 0; index -= 1) {
      const connection = this.#idle[index] as H1Connection;
      if (nowMs - connection.idleSinceMs >= steadyMs) break;
      if (nowMs < connection.expiresAtMs) count += 1;
    }
    return count;
  }

  /** The idle connections, to be closed by the caller. */
  takeAllIdle(): H1Connection[] {
    return this.#idle.splice(0);
  }

  /** Dials under way. */
  get connecting(): number {
    return this.#dials.length;
  }

  onDialBegan(nowMs: number): void {
    this.#dials.push(nowMs);
  }

  onDialEnded(beganMs: number): void {
    this.#dials.splice(this.#dials.indexOf(beganMs), 1);
  }

  slowDials(nowMs: number): number {
    let count = 0;
    for (const beganMs of this.#dials) if (nowMs - beganMs >= SLOW_DIAL_MS) count += 1;
    return count;
  }

  /** When the next of its dials will be slow. */
  nextSlowAtMs(nowMs: number): number {
    const next = this.#dials[this.slowDials(nowMs)];
    return next === undefined ? Number.POSITIVE_INFINITY : next + SLOW_DIAL_MS;
  }

  standing(nowMs: number): Standing {
    if (this.#failures > 0 || this.slowDials(nowMs) > 0) return 'suspect';
    return this.#hasConnected ? 'good' : 'untried';
  }

  onDialled(): void {
    this.#failures = 0;
    this.#hasConnected = true;
  }

  /**
   * A connection was closed by the upstream. Gives whether that was at once and unused: then it says nothing of how long one
   * may be idle. It was slammed, as a balancer with nobody behind it does, and for a warm floor alone it is not dialled again
   * without a pause: that would be hundreds of dials a second, for as long as it lasts.
   */
  isSlam(connection: H1Connection, nowMs: number): boolean {
    if (connection.requests > 0 || nowMs - connection.bornMs >= SLAM_MS) return false;
    this.#slams += 1;
    this.#slammedAtMs = nowMs;
    return true;
  }

  onDialFailed(nowMs: number): void {
    this.#failures += 1;
    this.#failedAtMs = nowMs;
    this.liveness.onDialFailed(nowMs);
    this.health?.breaker.forgive();
  }

  /** When it may be dialled again; 0 for at once. */
  mayDialAtMs(hasWaiters: boolean, random: Random): number {
    if (this.#failures > 0) {
      const rules = hasWaiters ? busyBackoff : quietBackoff;
      return this.#failedAtMs + steadyBackoffMs(this.#failures, rules, random);
    }
    // Who waits is given a connection before it is slammed, and learns of it: how often that is tried again is limited.
    if (hasWaiters || this.#slams <= FREE_SLAMS) return 0;
    return this.#slammedAtMs + steadyBackoffMs(this.#slams - FREE_SLAMS, quietBackoff, random);
  }

  snapshot(nowMs: number): EndpointSnapshot {
    const connections = [...this.#all].map((connection) => {
      const isIdle = !connection.isLeased;
      return {
        id: connection.id,
        state: stateOf(connection, this.isDraining),
        ageMs: nowMs - connection.bornMs,
        idleMs: isIdle ? nowMs - connection.idleSinceMs : null,
        requests: connection.requests,
      } as const;
    });
    return {
      address: this.target.address,
      isDraining: this.isDraining,
      connecting: this.connecting,
      connections,
      idleLimitMs: this.liveness.limitMs(nowMs),
      learnedIdleLimitMs: this.liveness.learnedMs,
      health: this.isDraining ? null : (this.health?.snapshot(nowMs) ?? null),
    };
  }
}

function stateOf(connection: H1Connection, isDraining: boolean): ConnectionSnapshot['state'] {
  if (!connection.isLeased) return 'idle';
  if (connection.isTunnel) return 'tunnel';
  return isDraining ? 'draining' : 'active';
}
