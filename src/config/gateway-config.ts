/** The configuration as the rest of the program gets it: checked, in base units, every default filled in. */
import type { ListenAddress, ListenerOptions } from '../downstream/options.ts';
import type { ExchangePolicy } from '../proxy/options.ts';
import type { UpstreamOptions } from '../upstream/options.ts';

export interface GatewayConfig {
  readonly listeners: readonly ListenerConfig[];
  readonly upstreams: readonly UpstreamConfig[];
  /** Where the endpoints of Kubernetes Services are told; null where they are looked up by name. */
  readonly endpoints: {
    readonly server: string;
    /** PEM. */
    readonly ca: string;
    readonly tokenFile: string;
  } | null;
  readonly limits: {
    /** Client connections over all listeners. */
    readonly maxClients: number;
    /** Octets of request bodies held for replay, over all exchanges. */
    readonly bufferTotalBytes: number;
  };
  /** Null when there is no admin address. */
  readonly admin: {
    readonly address: ListenAddress;
    /** How long `/readyz` waits for the warm floor's first dials. */
    readonly readyWaitMs: number;
  } | null;
  readonly drain: { readonly quietMs: number; readonly deadlineMs: number };
  readonly log: {
    readonly level: LogLevel;
    /** Null when there is no access log. */
    readonly access: AccessOptions | null;
  };
  /** What stood in the file, references to secrets unresolved; for `redacted()` alone. */
  readonly document: unknown;
}

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface AccessOptions {
  /** The share of requests that are told of, 0 to 1; those that failed are told of all. */
  readonly sample: number;
  readonly path: 'without-query' | 'with-query' | 'off';
}

export interface ListenerConfig {
  readonly options: ListenerOptions;
  /** The name of its upstream. */
  readonly upstream: string;
}

export interface UpstreamConfig {
  readonly options: UpstreamOptions;
  readonly policy: ExchangePolicy;
}
