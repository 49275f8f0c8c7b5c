/** Where the endpoints of an upstream come from: the controller's stream for a Kubernetes Service, DNS for all others. */
import type { Clock } from '../base/clock.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import { discoverHost } from '../discovery/discover-host.ts';
import type { Discovery, DiscoveryObserver } from '../discovery/discovery.ts';
import type { EndpointStream } from '../discovery/endpoint-stream.ts';
import { ServiceDiscovery } from '../discovery/service-discovery.ts';
import type { OriginUrl } from '../upstream/options.ts';

export interface UpstreamDiscoveryParts {
  /** Null where no controller is configured. */
  readonly stream: EndpointStream | null;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly observer: DiscoveryObserver;
}

export function discoverUpstream(url: OriginUrl, parts: UpstreamDiscoveryParts): Discovery {
  const { stream, clock, wheel, observer } = parts;
  const byName = (told: DiscoveryObserver): Discovery =>
    discoverHost({ host: url.host, port: url.port, clock, wheel, observer: told });
  if (url.service === undefined || stream === null) return byName(observer);
  const { service } = url;
  return new ServiceDiscovery({ service, stream, fallback: byName, clock, wheel, observer });
}
