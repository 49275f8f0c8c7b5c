/** Services and EndpointSlices as the endpoint stream sees them: little of much, since all of a cluster's are held. */
import { isIPv6 } from 'node:net';
import { listAt, member, numberAt, objectAt, textAt } from '../injection/json.ts';

export interface ServiceView {
  /** `namespace/name`. */
  readonly key: string;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  /** The family that counts where a Service has both. */
  readonly prefersIpv6: boolean;
}

export interface SliceView {
  readonly name: string;
  /** Of its Service: `namespace/name`. */
  readonly key: string;
  readonly isIpv6: boolean;
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly endpoints: readonly SliceEndpoint[];
}

export interface SliceEndpoint {
  readonly ip: string;
  readonly isReady: boolean;
  /** It still answers, but is about to end: what there is when nothing is ready. */
  readonly isLeaving: boolean;
  /** The zones that a hint leaves it to; none without hints. */
  readonly zones: readonly string[];
}

export function viewService(raw: unknown): ServiceView | null {
  const metadata = member(raw, 'metadata');
  const [name, namespace] = [textAt(metadata, 'name'), textAt(metadata, 'namespace')];
  if (name === undefined || namespace === undefined) return null;
  const spec = objectAt(raw, 'spec');
  return {
    key: `${namespace}/${name}`,
    ports: listAt(spec, 'ports').flatMap((port) => {
      const number = numberAt(port, 'port');
      const isTcp = (textAt(port, 'protocol') ?? 'TCP') === 'TCP';
      return number === undefined || !isTcp
        ? []
        : [{ name: textAt(port, 'name') ?? '', port: number }];
    }),
    prefersIpv6: listAt(spec, 'ipFamilies')[0] === 'IPv6',
  };
}

export function viewSlice(raw: unknown): SliceView | null {
  const metadata = member(raw, 'metadata');
  const [name, namespace] = [textAt(metadata, 'name'), textAt(metadata, 'namespace')];
  const service = textAt(objectAt(metadata, 'labels'), 'kubernetes.io/service-name');
  const family = textAt(raw, 'addressType');
  if (name === undefined || namespace === undefined || service === undefined) return null;
  if (family !== 'IPv4' && family !== 'IPv6') return null;
  return {
    name: `${namespace}/${name}`,
    key: `${namespace}/${service}`,
    isIpv6: family === 'IPv6',
    ports: listAt(raw, 'ports').flatMap((port) => {
      const number = numberAt(port, 'port');
      const isTcp = (textAt(port, 'protocol') ?? 'TCP') === 'TCP';
      return number === undefined || !isTcp
        ? []
        : [{ name: textAt(port, 'name') ?? '', port: number }];
    }),
    endpoints: listAt(raw, 'endpoints').flatMap((endpoint) => {
      // The first is the endpoint's; that there may be more is history.
      const [ip] = listAt(endpoint, 'addresses');
      if (typeof ip !== 'string') return [];
      const conditions = objectAt(endpoint, 'conditions');
      const isTerminating = member(conditions, 'terminating') === true;
      // What is not said is true, and serving is what ready would be without the ending.
      const ready = member(conditions, 'ready') !== false;
      const serving = member(conditions, 'serving') ?? ready;
      return [
        {
          ip,
          isReady: ready,
          isLeaving: serving === true && isTerminating,
          zones: listAt(objectAt(endpoint, 'hints'), 'forZones').flatMap(
            (zone) => textAt(zone, 'name') ?? [],
          ),
        },
      ];
    }),
  };
}

export interface Wanted {
  /** Of the Service: its number or its name. */
  readonly port: string;
  /** Where the asker runs; empty if it does not know. */
  readonly zone: string;
}

/**
 * The addresses to call, `ip:port`, each once and in one order: what kube-proxy would choose from. Null when there is no
 * such Service, which is not the same as one without endpoints.
 */
export function addressesOf(
  service: ServiceView | undefined,
  slices: Iterable<SliceView>,
  { port, zone }: Wanted,
): readonly string[] | null {
  if (service === undefined) return null;
  const named = service.ports.find((each) => each.name === port || String(each.port) === port);
  const found: (SliceEndpoint & { readonly address: string; readonly isIpv6: boolean })[] = [];
  for (const slice of slices) {
    // A headless Service may leave its ports out: then the number is that of its pods.
    const target =
      named === undefined
        ? Number(port)
        : slice.ports.find(({ name }) => name === named.name)?.port;
    if (target === undefined || !(target >= 1 && target <= 65_535)) continue;
    for (const endpoint of slice.endpoints)
      found.push({ ...endpoint, isIpv6: slice.isIpv6, address: addressText(endpoint.ip, target) });
  }
  const ofFamily = found.filter(({ isIpv6 }) => isIpv6 === service.prefersIpv6);
  const usable = ofFamily.length > 0 ? ofFamily : found;
  const ready = usable.filter(({ isReady }) => isReady);
  const chosen =
    ready.length > 0 ? inZone(ready, zone) : usable.filter(({ isLeaving }) => isLeaving);
  return [...new Set(chosen.map(({ address }) => address))].sort();
}

/** Hints count when every endpoint has one and the zone has an endpoint: kube-proxy's own rule. */
function inZone<T extends SliceEndpoint>(endpoints: readonly T[], zone: string): readonly T[] {
  if (zone === '' || endpoints.some(({ zones }) => zones.length === 0)) return endpoints;
  const near = endpoints.filter(({ zones }) => zones.includes(zone));
  return near.length > 0 ? near : endpoints;
}

function addressText(ip: string, port: number): string {
  return isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
}
