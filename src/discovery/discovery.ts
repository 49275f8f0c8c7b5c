/** Where an upstream's endpoints come from. */

export interface EndpointAddress {
  /** An IPv4 or IPv6 address, without brackets. */
  readonly ip: string;
  readonly port: number;
}

/** What a discovery tells of itself. Telemetry supplies it. */
export interface DiscoveryObserver {
  /** An answer came; `changed` when the set of addresses is another than before. */
  onResolved(answer: {
    readonly addresses: number;
    readonly ttlMs: number;
    readonly tookMs: number;
    readonly changed: boolean;
  }): void;
  /** The name could not be resolved; the last good answer, if any, stays in force. `cause` is one sentence. */
  onResolveFailed(cause: string): void;
}

export interface Discovery {
  /** Begins, and calls `onEndpoints` with each new set: never an empty one, and only when it changed. Call once. */
  start(onEndpoints: (endpoints: readonly EndpointAddress[]) => void): void;
  /** Asks again soon, because dials fail. Cheap to call often: it asks at most once a second. */
  refresh(): void;
  /** Ends it for good. */
  stop(): void;
  snapshot(): DiscoverySnapshot;
}

export interface DiscoverySnapshot {
  /** `stream` is the controller's word on a Kubernetes Service. */
  readonly kind: 'static' | 'dns' | 'stream';
  /** The name as configured, or the address. */
  readonly host: string;
  readonly addresses: readonly string[];
  /** Age of the answer in force; null before the first and for static addresses. */
  readonly ageMs: number | null;
  readonly failures: number;
  readonly lastFailure: string | null;
}
