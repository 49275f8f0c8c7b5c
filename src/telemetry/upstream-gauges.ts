/** An upstream's state at the moment of a scrape: its snapshots added up, and what the kernel knows of its ports. */
import type { HealthState } from '../resilience/endpoint-health.ts';
import { STEADY_SHARE } from '../upstream/liveness.ts';
import type { EndpointSnapshot } from '../upstream/observer.ts';
import type { PortFigures } from './port-meter.ts';
import type { UpstreamRecorder, UpstreamState } from './upstream-recorder.ts';

/** One upstream at the moment of a scrape: the recorder's numbers, and its snapshot added up. */
export interface UpstreamReading {
  readonly numbers: UpstreamRecorder;
  readonly state: UpstreamGauges;
}

/** A figure that is not known is NaN. */
export interface UpstreamGauges {
  connecting: number;
  idle: number;
  active: number;
  tunnel: number;
  draining: number;
  waiting: number;
  liveEndpoints: number;
  drainingEndpoints: number;
  isDown: boolean;
  warmWanted: number;
  /** Idle connections well inside their limit, of endpoints in use. */
  warmReady: number;
  maxConnections: number;
  retriesLeft: number;
  /** Endpoints in use by how they answer; none where `outliers` is off. */
  readonly health: { [state in HealthState]: number };
  isPanic: boolean;
  /** Whether requests are refused, or all but trials. */
  isBreakerOpen: boolean;
  /** Of the endpoints in use; NaN when there is none. */
  leastIdleLimitMs: number;
  leastLearnedMs: number;
  portsOpen: number;
  portsTimeWait: number;
  portsLimit: number;
  portsUsedRatio: number;
  addresses: number;
  answerAgeMs: number;
}

/** Adds up snapshots: connections of all, policy of the last, which is the one in force. */
export function gaugesOf(states: readonly UpstreamState[], ports: PortFigures): UpstreamGauges {
  const current = states.at(-1);
  const sum: UpstreamGauges = {
    connecting: 0,
    idle: 0,
    active: 0,
    tunnel: 0,
    draining: 0,
    waiting: 0,
    liveEndpoints: 0,
    drainingEndpoints: 0,
    isDown: current?.isDown ?? false,
    warmWanted: current?.warmWanted ?? 0,
    warmReady: 0,
    maxConnections: current?.maxConnections ?? 0,
    retriesLeft: current?.retriesLeft ?? Number.NaN,
    health: { healthy: 0, ejected: 0, probation: 0, failing: 0 },
    isPanic: current?.isPanic ?? false,
    isBreakerOpen: (current?.breaker?.state ?? 'closed') !== 'closed',
    leastIdleLimitMs: Number.NaN,
    leastLearnedMs: Number.NaN,
    portsOpen: Number.NaN,
    portsTimeWait: Number.NaN,
    portsLimit: Number.NaN,
    portsUsedRatio: Number.NaN,
    addresses: current?.discovery?.addresses.length ?? Number.NaN,
    answerAgeMs: current?.discovery?.ageMs ?? Number.NaN,
  };
  for (const { health } of current?.endpoints ?? []) {
    if (health !== null) sum.health[health.state] += 1;
  }
  for (const { waiting, endpoints } of states) {
    sum.waiting += waiting;
    for (const endpoint of endpoints) addEndpoint(sum, endpoint);
  }
  addPorts(sum, states, ports);
  return sum;
}

function addEndpoint(sum: UpstreamGauges, endpoint: EndpointSnapshot): void {
  const { isDraining, idleLimitMs, learnedIdleLimitMs, health } = endpoint;
  if (isDraining) sum.drainingEndpoints += 1;
  else {
    sum.liveEndpoints += 1;
    sum.leastIdleLimitMs = lesser(sum.leastIdleLimitMs, idleLimitMs);
    sum.leastLearnedMs = lesser(sum.leastLearnedMs, learnedIdleLimitMs ?? Number.NaN);
  }
  const isCounted = !isDraining && health?.state !== 'ejected';
  sum.connecting += endpoint.connecting;
  for (const { state, idleMs } of endpoint.connections) {
    sum[state] += 1;
    if (isCounted && idleMs !== null && idleMs < idleLimitMs * STEADY_SHARE) sum.warmReady += 1;
  }
}

/** Of endpoints in use and those that are leaving: their ports are taken alike. */
function addPorts(
  sum: UpstreamGauges,
  states: readonly UpstreamState[],
  { perEndpoint, byEndpoint }: PortFigures,
): void {
  sum.portsLimit = perEndpoint * sum.liveEndpoints;
  if (byEndpoint === null) return;
  sum.portsOpen = 0;
  sum.portsTimeWait = 0;
  let most = 0;
  const seen = new Set<string>();
  for (const { address } of states.flatMap(({ endpoints }) => endpoints)) {
    const use = byEndpoint.get(address);
    // While an upstream is replaced both have the endpoint.
    if (use === undefined || seen.has(address)) continue;
    seen.add(address);
    sum.portsOpen += use.open;
    sum.portsTimeWait += use.timeWait;
    most = Math.max(most, use.open + use.timeWait);
  }
  sum.portsUsedRatio = most / perEndpoint;
}

/** The lesser of two, of which either may not be known. */
function lesser(one: number, other: number): number {
  return !(one <= other) && !Number.isNaN(other) ? other : one;
}
