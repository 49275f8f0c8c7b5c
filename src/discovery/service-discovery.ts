/**
 * The endpoints of a Kubernetes Service, from the controller's stream; by DNS, which gives the Service's own address, when
 * the stream has not begun in time, has been away for long, or is away while dials fail.
 */
import type { Clock } from '../base/clock.ts';
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import type {
  Discovery,
  DiscoveryObserver,
  DiscoverySnapshot,
  EndpointAddress,
} from './discovery.ts';
import type { EndpointStream } from './endpoint-stream.ts';

export interface ServiceDiscoveryOptions {
  /** `namespace/name:port`. */
  readonly service: string;
  readonly stream: Pick<EndpointStream, 'subscribe'>;
  /** Made when it is needed, and ended when it no longer is. */
  readonly fallback: (observer: DiscoveryObserver) => Discovery;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly observer: DiscoveryObserver;
}

/** How long the stream may take to say something at the start. */
const FIRST_WORD_MS = 2_000;
/** How long the last endpoints are believed while the stream is away and dials succeed. */
const STALE_MS = 300_000;

export class ServiceDiscovery implements Discovery {
  readonly #options: ServiceDiscoveryOptions;
  readonly #patience = new Deadline(() => this.#fallBack());
  #onEndpoints: (endpoints: readonly EndpointAddress[]) => void = () => {};
  #unsubscribe: () => void = () => {};
  #fallback: Discovery | null = null;
  /** What was told to the upstream last, whoever knew it. */
  #inForce: readonly EndpointAddress[] = [];
  #toldAtMs: number | null = null;
  #isAway = true;
  #failures = 0;
  #lastFailure: string | null = null;

  constructor(options: ServiceDiscoveryOptions) {
    this.#options = options;
  }

  start(onEndpoints: (endpoints: readonly EndpointAddress[]) => void): void {
    this.#onEndpoints = onEndpoints;
    const { stream, service, wheel } = this.#options;
    wheel.set(this.#patience, FIRST_WORD_MS);
    this.#unsubscribe = stream.subscribe(service, {
      onAddresses: (addresses) => this.#told(addresses),
      onAway: (cause) => this.#away(cause),
    });
  }

  refresh(): void {
    if (this.#fallback !== null) this.#fallback.refresh();
    // What the stream said last may be what the dials fail at.
    else if (this.#isAway) this.#fallBack();
  }

  stop(): void {
    this.#unsubscribe();
    this.#options.wheel.clear(this.#patience);
    this.#fallback?.stop();
    this.#fallback = null;
  }

  snapshot(): DiscoverySnapshot {
    const { service, clock } = this.#options;
    const isByName = this.#fallback !== null;
    return {
      kind: isByName ? 'dns' : 'stream',
      host: service,
      addresses: this.#inForce.map(({ ip }) => ip),
      ageMs: this.#toldAtMs === null ? null : clock.now() - this.#toldAtMs,
      failures: this.#failures,
      lastFailure: this.#lastFailure,
    };
  }

  #told(addresses: readonly string[] | null): void {
    const { wheel, service } = this.#options;
    this.#isAway = false;
    if (addresses === null) {
      this.#failed(`there is no Service ${service}`);
      // A name server may know better, if the controller's rights end before that namespace.
      this.#fallBack();
      return;
    }
    wheel.clear(this.#patience);
    this.#fallback?.stop();
    this.#fallback = null;
    // Kept as they were: an upstream without endpoints fails fast by its dials, and is back as soon as one answers.
    if (addresses.length === 0) this.#failed(`Service ${service} has no endpoint that is ready`);
    else {
      const changed = this.#enforce(addresses.map(parsed));
      const { observer } = this.#options;
      observer.onResolved({ addresses: addresses.length, ttlMs: 0, tookMs: 0, changed });
    }
  }

  #away(cause: string): void {
    this.#failed(`endpoint stream: ${cause}`);
    if (this.#isAway) return;
    this.#isAway = true;
    this.#options.wheel.set(this.#patience, STALE_MS);
  }

  #fallBack(): void {
    const { wheel, fallback, observer } = this.#options;
    wheel.clear(this.#patience);
    if (this.#fallback !== null) return;
    this.#fallback = fallback({
      onResolved: (answer) => observer.onResolved(answer),
      onResolveFailed: (cause) => this.#failed(cause),
    });
    this.#fallback.start((endpoints) => this.#enforce(endpoints));
  }

  #enforce(endpoints: readonly EndpointAddress[]): boolean {
    const changed = textOf(endpoints) !== textOf(this.#inForce);
    this.#inForce = endpoints;
    this.#toldAtMs = this.#options.clock.now();
    if (changed) this.#onEndpoints(endpoints);
    return changed;
  }

  #failed(cause: string): void {
    this.#failures += 1;
    this.#lastFailure = cause;
    this.#options.observer.onResolveFailed(cause);
  }
}

function textOf(endpoints: readonly EndpointAddress[]): string {
  return endpoints.map(({ ip, port }) => `${ip} ${port}`).join();
}

/** `10.0.0.1:8080` or `[fd00::1]:8080`. */
function parsed(address: string): EndpointAddress {
  const colon = address.lastIndexOf(':');
  const ip = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { ip, port: Number(address.slice(colon + 1)) };
}
