/** Ports for a proxy that is about to start. */
import { freePorts } from '../../support/free-port.ts';
import type { Route, Target } from './peer.ts';

export async function routesTo({ origins }: Target): Promise<Route[]> {
  const ports = await freePorts(origins.length);
  return origins.map((origin, nth) => ({ port: ports[nth] ?? 0, originPort: origin.port }));
}
