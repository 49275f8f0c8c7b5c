/** What the upstream room needs to be told. Configuration fills it; every duration is in milliseconds, every size in octets. */

import type { OutlierRules } from '../resilience/outliers.ts';
import type { UpstreamBreakerRules } from '../resilience/upstream-breaker.ts';
import type { PipeliningOptions } from './pipelining.ts';

export interface UpstreamOptions {
  /** The name from configuration: a label of metrics and logs. */
  readonly name: string;
  readonly url: OriginUrl;
  /** Null for a plain upstream. An https upstream is never dialled without TLS (RFC 9110 4.2.2). */
  readonly tls: TlsOptions | null;
  readonly pool: PoolOptions;
  readonly timeouts: ConnectTimeouts;
  /** When an endpoint that fails is put aside. Null, or left out, for never. */
  readonly outliers?: OutlierRules | null;
  /** When requests are refused because the upstream as a whole fails. Null, or left out, for never. */
  readonly breaker?: UpstreamBreakerRules | null;
  readonly responseLimits: { readonly headBytes: number; readonly maxFields: number };
}

export interface OriginUrl {
  readonly scheme: 'http' | 'https';
  /** A name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Host and, unless it is the scheme's default, port: what goes into the Host field. */
  readonly authority: string;
  /** Of a Kubernetes Service, whose endpoints the controller may tell: `namespace/name:port`. */
  readonly service?: string;
}

export interface TlsOptions {
  /** PEM files that replace the system's roots; the word `system` in the list adds them back. Empty: the system's. */
  readonly ca: readonly string[];
  /** The name to ask for and to verify; the URL's host unless set. */
  readonly serverName: string;
  /** Client certificate and key, PEM files; read again when they change. Null for none. */
  readonly certificate: { readonly certFile: string; readonly keyFile: string } | null;
  /** `full` checks chain and name. `none` checks nothing: for tests, and said aloud in the log. */
  readonly verify: 'full' | 'none';
}

export interface PoolOptions {
  /** Connections to this upstream over all its endpoints, those being dialled included. At least 1. */
  readonly maxConnections: number;
  /** Idle connections kept ready at all times. 0 keeps none. */
  readonly warm: number;
  /** How far the warm floor may follow recent peak demand. At least `warm`. */
  readonly warmMax: number;
  /** The longest a connection may be idle before it is closed rather than used. */
  readonly idleTimeoutMs: number;
  /** The age at which a connection is closed, give or take a tenth. 0 for no limit. */
  readonly maxAgeMs: number;
  /** Requests that a connection carries before it is closed. 0 for no limit. */
  readonly maxRequests: number;
  /** Requests that may wait for a connection at once; the next one is refused with 503. */
  readonly maxWaiting: number;
  /** Dials under way at once. */
  readonly maxDials: number;
  /** Whether the idle limit learns from the ages at which the upstream closes idle connections. */
  readonly learnsIdleLimit: boolean;
  /** How many GET and HEAD requests may be under way on one connection: `off` for one at a time. */
  readonly pipelining: PipeliningOptions;
}

export interface ConnectTimeouts {
  /** For TCP and TLS together. */
  readonly connectMs: number;
  /** How long a request waits for a connection, and for how long failed dials are waited out. */
  readonly waitMs: number;
}
