/** What the upstream room tells of itself: an observer for events, a snapshot for state. Telemetry supplies the first. */
import type { Fault } from '../base/fault.ts';
import type { HealthSnapshot } from '../resilience/endpoint-health.ts';
import type { HealthChange } from '../resilience/outliers.ts';
import type { BreakerChange, BreakerSnapshot } from '../resilience/upstream-breaker.ts';
import type { PipeliningSnapshot } from './pipelining.ts';

/** Why a connection was closed. Label values of `sidepool_upstream_connections_closed_total`: stable and bounded. */
export type CloseReason =
  | 'idle-limit'
  | 'idle-closed-by-upstream'
  | 'unexpected-bytes'
  | 'max-age'
  | 'max-requests'
  | 'not-reusable'
  | 'client-gone'
  | 'early-response'
  | 'fault'
  | 'endpoint-gone'
  | 'tunnel-ended'
  | 'surplus'
  /** Those who waited on it were answered elsewhere. */
  | 'rescued'
  | 'shutdown';

export interface ConnectPhases {
  readonly tcpMs: number;
  /** Null on a plain connection. */
  readonly tlsMs: number | null;
  /** Whether the TLS session was resumed. */
  readonly resumed: boolean;
}

export interface UpstreamObserver {
  onOpened(phases: ConnectPhases): void;
  onDialFailed(fault: Fault): void;
  onClosed(reason: CloseReason, life: { readonly ageMs: number; readonly requests: number }): void;
  /** A lease was given; `waitedMs` is 0 when a connection was at hand. `isPipelined`: behind others that are under way. */
  onLeased(lease: {
    readonly isReused: boolean;
    readonly isPipelined: boolean;
    readonly waitedMs: number;
  }): void;
  /** A request stopped waiting without a connection. */
  onWaitEnded(waitedMs: number): void;
  /** Octets on upstream connections, as written and read by HTTP (TLS's own overhead is not counted). */
  onBytes(sent: number, received: number): void;
  /** A response that broke RFC 9112 5.1 in the one way that is repaired: white space before a colon. */
  onRepairedResponse(): void;
  /** Whether an endpoint is used has changed. */
  onHealth(endpoint: string, change: EndpointChange): void;
  /** Too few endpoints are well, so that those are used that were put aside; or that is over. */
  onPanic(isPanic: boolean): void;
  onBreaker(change: BreakerChange): void;
  /** A request was refused because the breaker is open. */
  onShed(): void;
}

/** A change, and what was known of the endpoint by then. */
export interface EndpointChange extends HealthChange {
  readonly health: HealthSnapshot;
}

export interface ConnectionSnapshot {
  readonly id: number;
  readonly state: 'idle' | 'active' | 'tunnel' | 'draining';
  readonly ageMs: number;
  /** Null unless idle. */
  readonly idleMs: number | null;
  readonly requests: number;
}

export interface EndpointSnapshot {
  /** Address and port, such as `192.0.2.1:443` or `[2001:db8::1]:443`. */
  readonly address: string;
  readonly isDraining: boolean;
  readonly connecting: number;
  readonly connections: readonly ConnectionSnapshot[];
  /** The idle limit in force, of all that bear on it. */
  readonly idleLimitMs: number;
  /** What was learned from the upstream's own closing; null if nothing. */
  readonly learnedIdleLimitMs: number | null;
  /** How it answers. Null where `outliers` is off, and for one that is leaving. */
  readonly health: HealthSnapshot | null;
}

export interface UpstreamSnapshot {
  readonly name: string;
  readonly endpoints: readonly EndpointSnapshot[];
  /** Leases out. */
  readonly active: number;
  readonly waiting: number;
  readonly warmWanted: number;
  /** Whether dials have failed for so long that requests are refused at once. */
  readonly isDown: boolean;
  readonly lastDialFault: Fault | null;
  readonly maxConnections: number;
  /** Null where it is off. */
  readonly pipelining: PipeliningSnapshot | null;
  /** Whether too few endpoints are well for any to be put aside. */
  readonly isPanic: boolean;
  /** Null where it is off. */
  readonly breaker: BreakerSnapshot | null;
}
