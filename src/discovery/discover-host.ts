/** The right discovery for the host of an upstream's URL. */
import { isIP } from 'node:net';
import type { Discovery } from './discovery.ts';
import { type DnsDiscoveryOptions, dnsDiscovery } from './dns-discovery.ts';
import { staticDiscovery } from './static-discovery.ts';

/** `host` is a name, or an address; an IPv6 address with or without brackets. */
export function discoverHost(options: DnsDiscoveryOptions): Discovery {
  const ip = options.host.replace(/^\[(.*)\]$/, '$1');
  if (isIP(ip) !== 0) return staticDiscovery(ip, [{ ip, port: options.port }]);
  return dnsDiscovery(options);
}
