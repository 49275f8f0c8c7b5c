/** One upstream in force: its discovery, its pools and its route, wired to telemetry. */
import type { Clock, Random } from '../base/clock.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { UpstreamConfig } from '../config/gateway-config.ts';
import { sameOptions } from '../config/same-options.ts';
import type { Discovery } from '../discovery/discovery.ts';
import type { EndpointStream } from '../discovery/endpoint-stream.ts';
import type { ExchangePolicy } from '../proxy/options.ts';
import type { Route } from '../proxy/route.ts';
import { RetryBudget } from '../resilience/retry-budget.ts';
import type { Telemetry, UpstreamTelemetry } from '../telemetry/telemetry.ts';
import { dialer } from '../upstream/dialer.ts';
import type { UpstreamOptions } from '../upstream/options.ts';
import { TlsMaterial } from '../upstream/tls-material.ts';
import { Upstream } from '../upstream/upstream.ts';
import { discoverUpstream } from './upstream-discovery.ts';

export interface LiveUpstreamParts {
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly onWarm: () => void;
  /** Where the endpoints of Kubernetes Services are told; null where nobody tells. */
  readonly stream: EndpointStream | null;
}

export class LiveUpstream {
  readonly options: UpstreamOptions;
  readonly upstream: Upstream;
  readonly discovery: Discovery;
  readonly #telemetry: UpstreamTelemetry;
  readonly #clock: Clock;
  #route: Route;

  constructor({ options, policy }: UpstreamConfig, parts: LiveUpstreamParts) {
    const { clock, wheel, random, telemetry } = parts;
    this.options = options;
    this.#clock = clock;
    this.#telemetry = telemetry.upstream(options.name, () => ({
      ...this.upstream.snapshot(),
      retriesLeft: this.#route.budget.left(clock.now()),
      discovery: this.discovery.snapshot(),
    }));
    const tls =
      options.tls === null
        ? null
        : new TlsMaterial(options.tls, (cause) =>
            telemetry.onCertificateUnusable(options.name, cause),
          );
    this.upstream = new Upstream({
      options,
      clock,
      wheel,
      random,
      dial: dialer({ options, clock, wheel, tls }),
      observer: this.#telemetry.upstream,
      onAddressDoubt: () => this.discovery.refresh(),
      onWarm: parts.onWarm,
    });
    const { discovery: observer } = this.#telemetry;
    this.discovery = discoverUpstream(options.url, {
      stream: parts.stream,
      clock,
      wheel,
      observer: {
        onResolved: (answer) => observer.onResolved(answer),
        onResolveFailed: (cause) => {
          observer.onResolveFailed(cause);
          this.upstream.onResolveFailed(cause);
        },
      },
    });
    this.#route = this.#routeFor(policy);
    if (options.tls?.verify === 'none') telemetry.onVerificationOff(options.name);
  }

  /** Begins to resolve, and so to warm up. */
  start(): void {
    this.discovery.start((endpoints) => this.upstream.setEndpoints(endpoints));
  }

  get route(): Route {
    return this.#route;
  }

  /** Whether this can go on under a new configuration: its pools are what that one asks for. */
  serves({ options }: UpstreamConfig): boolean {
    return sameOptions(options, this.options);
  }

  /** Takes another policy; it counts from the next exchange. An unchanged one keeps its retry budget. */
  setPolicy(policy: ExchangePolicy): void {
    if (!sameOptions(policy, this.#route.policy)) this.#route = this.#routeFor(policy);
  }

  #routeFor(policy: ExchangePolicy): Route {
    const { budgetRatio, budgetFloor } = policy.retry;
    return {
      upstream: this.upstream,
      policy,
      budget: new RetryBudget(budgetRatio, budgetFloor, this.#clock.now()),
      observer: this.#telemetry.exchange,
    };
  }

  /** Ends it once those who use it are done. */
  retire(): void {
    this.upstream.retire(() => {
      // Not before: somebody may wait for a name that has not been resolved yet.
      this.discovery.stop();
      this.#telemetry.remove();
    });
  }

  destroy(): void {
    this.discovery.stop();
    this.upstream.destroy();
  }
}
