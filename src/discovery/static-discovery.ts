/** Endpoints that are known from the start and do not change. */
import type { Discovery, EndpointAddress } from './discovery.ts';

/** `host` is what people see in a snapshot: the address, or the name that these endpoints stand for. */
export function staticDiscovery(host: string, endpoints: readonly EndpointAddress[]): Discovery {
  if (endpoints.length === 0) throw new Error(`${host}: a fixed list needs at least one endpoint`);
  return {
    start(onEndpoints) {
      onEndpoints(endpoints);
    },
    refresh() {},
    stop() {},
    snapshot: () => ({
      kind: 'static',
      host,
      addresses: endpoints.map((each) => each.ip),
      ageMs: null,
      failures: 0,
      lastFailure: null,
    }),
  };
}
