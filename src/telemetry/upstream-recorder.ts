/**
 * The numbers of one upstream. It is the observer that its rooms call: each call adds to plain number fields and
 * nothing else, for they lie on the way of every request. `upstream-catalogue.ts` reads them when scraped.
 */
import type { Clock } from '../base/clock.ts';
import type { Fault } from '../base/fault.ts';
import type { DiscoveryObserver, DiscoverySnapshot } from '../discovery/discovery.ts';
import type { ExchangeObserver, FaultContext, RetryOutcome } from '../proxy/observer.ts';
import type { OpenReason } from '../resilience/breaker.ts';
import type { RetryReason } from '../resilience/retry-policy.ts';
import type { BreakerChange } from '../resilience/upstream-breaker.ts';
import type {
  CloseReason,
  ConnectPhases,
  EndpointChange,
  UpstreamObserver,
  UpstreamSnapshot,
} from '../upstream/observer.ts';
import { DialHealth } from './dial-health.ts';
import type { FaultLog } from './fault-log.ts';
import type { FaultRing } from './fault-ring.ts';
import { FaultTally } from './fault-tally.ts';
import { HealthLog } from './health-log.ts';
import {
  ageBoundsMs,
  connectBoundsMs,
  Histogram,
  requestBoundsMs,
  requestsBounds,
  resolveBoundsMs,
  waitBoundsMs,
} from './histogram.ts';
import type { History } from './history.ts';
import type { LineLimit } from './line-limit.ts';
import type { Log } from './log.ts';
import { RetryTimes, type RetryTotals } from './retry-times.ts';
import { scrub } from './scrub.ts';

/** What an upstream tells of itself when asked, and what the rooms around it know. */
export interface UpstreamState extends UpstreamSnapshot {
  /** Whole retries that its budget has left. */
  readonly retriesLeft?: number;
  readonly discovery?: DiscoverySnapshot;
}

export type StateOf = () => UpstreamState;

export interface RecorderTools {
  readonly clock: Clock;
  readonly log: Log;
  readonly faultLog: FaultLog;
  readonly limit: LineLimit;
  readonly ring: FaultRing;
  readonly history: History;
  /** A name for an exchange that no other has: it stands in each line that is about it. */
  readonly nameExchange: () => string;
}

type ByOutcome = { [outcome in RetryOutcome]: number };

/** What the status page works out its rates from. */
export interface UpstreamTotals {
  readonly requests: number;
  readonly reused: number;
  readonly stale: number;
  readonly retries: number;
  /** Those that have occurred. */
  readonly retriesBy: readonly RetryTotals[];
  readonly faults: number;
  readonly dials: number;
  readonly dialsFailed: number;
  readonly active: number;
  readonly durationMs: number;
  readonly handshakesSaved: number;
  readonly connectSavedMs: number;
}

export class UpstreamRecorder implements UpstreamObserver, ExchangeObserver, DiscoveryObserver {
  readonly name: string;
  readonly #tools: RecorderTools;
  readonly #dials: DialHealth;
  readonly #healthLog: HealthLog;
  /** More than one while an upstream that a reload replaced still drains beside its successor. */
  readonly #states: StateOf[] = [];

  began = 0;
  ended = 0;
  /** Index 0 is "none", else the first digit of the status. */
  readonly endedByClass = new Float64Array(6);
  readonly durations = new Histogram(requestBoundsMs);
  reused = 0;
  stale = 0;
  readonly retries: { readonly [reason in RetryReason]: ByOutcome } = {
    'not-sent': noOutcomes(),
    'pipeline-ended': noOutcomes(),
    rescued: noOutcomes(),
    'reused-connection-ended': noOutcomes(),
    'new-connection-ended': noOutcomes(),
    status: noOutcomes(),
    'try-timeout': noOutcomes(),
  };
  readonly #retryTimes: RetryTimes;
  readonly faults = new FaultTally();

  opened = 0;
  readonly dialsFailed = new FaultTally();
  readonly closed: { [reason in CloseReason]: number } = {
    'idle-limit': 0,
    'idle-closed-by-upstream': 0,
    'unexpected-bytes': 0,
    'max-age': 0,
    'max-requests': 0,
    'not-reusable': 0,
    'client-gone': 0,
    'early-response': 0,
    fault: 0,
    'endpoint-gone': 0,
    'tunnel-ended': 0,
    surplus: 0,
    rescued: 0,
    shutdown: 0,
  };
  readonly closeAges = new Histogram(ageBoundsMs);
  readonly closeRequests = new Histogram(requestsBounds);
  readonly tcpConnects = new Histogram(connectBoundsMs);
  readonly tlsHandshakes = new Histogram(connectBoundsMs);
  tlsResumed = 0;
  readonly waits = new Histogram(waitBoundsMs);
  waitsEnded = 0;
  handshakesSaved = 0;
  pipelined = 0;
  connectSavedMs = 0;
  sentBytes = 0;
  receivedBytes = 0;
  repairedResponses = 0;
  readonly ejections = noReasons();
  readonly breakerOpenings = noReasons();
  panics = 0;
  shed = 0;

  readonly resolutions = { changed: 0, unchanged: 0, failed: 0 };
  readonly resolveTimes = new Histogram(resolveBoundsMs);
  #connectMsSum = 0;
  #isResolving = true;

  constructor(name: string, tools: RecorderTools) {
    this.name = name;
    this.#tools = tools;
    this.#retryTimes = new RetryTimes(tools.clock);
    this.#healthLog = new HealthLog(name, tools);
    this.#dials = new DialHealth({
      upstream: name,
      clock: tools.clock,
      log: tools.log,
      isDown: () => this.#states.at(-1)?.().isDown ?? false,
    });
  }

  /** The snapshots now; the last one is that of the upstream in force. */
  states(): readonly UpstreamState[] {
    return this.#states.map((state) => state());
  }

  addState(state: StateOf): void {
    this.#states.push(state);
  }

  /** Takes one back; says whether any is left. */
  dropState(state: StateOf): boolean {
    const at = this.#states.lastIndexOf(state);
    if (at !== -1) this.#states.splice(at, 1);
    return this.#states.length > 0;
  }

  onBegan(): void {
    this.began += 1;
  }

  onEnded(result: { status: number; durationMs: number; isReused: boolean }): void {
    this.ended += 1;
    const index = classOf(result.status);
    this.endedByClass[index] = (this.endedByClass[index] as number) + 1;
    this.durations.observe(result.durationMs);
    if (result.isReused) this.reused += 1;
    this.#tools.history.wake();
  }

  onStale(): void {
    this.stale += 1;
  }

  onRetry(reason: RetryReason, outcome: RetryOutcome): void {
    this.retries[reason][outcome] += 1;
    this.#retryTimes.note(reason);
  }

  onFault(fault: Fault, context: FaultContext): void {
    this.faults.add(fault.kind, fault.side);
    this.#tools.history.wake();
    const exchange = context.exchange ?? this.#tools.nameExchange();
    this.#tools.ring.add(fault, {
      wallSeconds: this.#tools.clock.wallSeconds(),
      upstream: this.name,
      status: context.status,
      method: context.request.method,
      exchange,
    });
    this.#tools.faultLog.exchange(this.name, fault, { ...context, exchange });
  }

  onOpened({ tcpMs, tlsMs, resumed }: ConnectPhases): void {
    this.opened += 1;
    this.tcpConnects.observe(tcpMs);
    this.#connectMsSum += tcpMs;
    if (tlsMs !== null) {
      this.tlsHandshakes.observe(tlsMs);
      this.#connectMsSum += tlsMs;
      if (resumed) this.tlsResumed += 1;
    }
    this.#dials.opened();
  }

  onDialFailed(fault: Fault): void {
    this.dialsFailed.add(fault.kind, fault.side);
    this.#dials.failed(fault);
  }

  onClosed(reason: CloseReason, life: { ageMs: number; requests: number }): void {
    this.closed[reason] += 1;
    this.closeAges.observe(life.ageMs);
    this.closeRequests.observe(life.requests);
  }

  onLeased(lease: { isReused: boolean; isPipelined: boolean; waitedMs: number }): void {
    this.waits.observe(lease.waitedMs);
    if (lease.isPipelined) this.pipelined += 1;
    if (!lease.isReused) return;
    this.handshakesSaved += 1;
    // What a connection of its own would have cost this request: the mean of those that were made.
    if (this.opened > 0) this.connectSavedMs += this.#connectMsSum / this.opened;
  }

  onWaitEnded(waitedMs: number): void {
    this.waitsEnded += 1;
    this.waits.observe(waitedMs);
  }

  onBytes(sent: number, received: number): void {
    this.sentBytes += sent;
    this.receivedBytes += received;
  }

  onRepairedResponse(): void {
    this.repairedResponses += 1;
  }

  onHealth(endpoint: string, change: EndpointChange): void {
    if (change.ejectedFor !== null) this.ejections[change.ejectedFor] += 1;
    this.#healthLog.endpoint(endpoint, change);
  }

  onPanic(isPanic: boolean): void {
    if (isPanic) this.panics += 1;
    this.#healthLog.panic(isPanic);
  }

  onBreaker(change: BreakerChange): void {
    if (change.to === 'open' && change.reason !== null) this.breakerOpenings[change.reason] += 1;
    this.#healthLog.breaker(change);
  }

  onShed(): void {
    this.shed += 1;
  }

  onResolved(answer: { addresses: number; ttlMs: number; tookMs: number; changed: boolean }): void {
    const { log } = this.#tools;
    this.resolveTimes.observe(answer.tookMs);
    if (answer.changed) this.resolutions.changed += 1;
    else this.resolutions.unchanged += 1;
    if (!this.#isResolving) {
      this.#isResolving = true;
      log.info({ event: 'dns-recovered', upstream: this.name }, 'name resolves again');
    }
    if (answer.changed) {
      const { addresses, ttlMs } = answer;
      const fields = { event: 'dns-changed', upstream: this.name, addresses, ttl_ms: ttlMs };
      log.debug(fields, 'name has other addresses');
    }
  }

  onResolveFailed(cause: string): void {
    this.resolutions.failed += 1;
    if (!this.#isResolving) return;
    this.#isResolving = false;
    const fields = { event: 'dns-failed', upstream: this.name, cause: scrub(cause) };
    this.#tools.log.warn(fields, 'name does not resolve: the last good answer, if any, stays');
  }

  totals(): UpstreamTotals {
    let retries = 0;
    for (const { succeeded, failed } of Object.values(this.retries)) retries += succeeded + failed;
    return {
      requests: this.ended,
      reused: this.reused,
      stale: this.stale,
      retries,
      retriesBy: this.#retryTimes.totals(this.retries),
      faults: this.faults.total,
      dials: this.opened,
      dialsFailed: this.dialsFailed.total,
      active: this.began - this.ended,
      durationMs: this.durations.sum,
      handshakesSaved: this.handshakesSaved,
      connectSavedMs: this.connectSavedMs,
    };
  }
}

function noReasons(): { [reason in OpenReason]: number } {
  return { 'consecutive-failures': 0, 'success-rate': 0, 'trial-failed': 0 };
}

function noOutcomes(): ByOutcome {
  return { succeeded: 0, failed: 0, 'budget-spent': 0 };
}

function classOf(status: number): number {
  if (status < 100) return 0;
  // RFC 9110 15: an invalid status is treated as one of the 5xx.
  return status > 599 ? 5 : Math.trunc(status / 100);
}
