/** What this machine, or pod, gives a gateway: descriptors, and source ports towards each endpoint. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import type { GatewayConfig } from '../../config/gateway-config.ts';
import { PortMeter } from '../../telemetry/port-meter.ts';
import { type Finding, ok } from './finding.ts';

/** Kept for files, logs, the admin server and the listeners themselves. */
const OTHER_DESCRIPTORS = 64;

/** `proc` stands for `/proc`. */
export function checkDescriptors(config: GatewayConfig, proc: string): Finding {
  const check = 'descriptors';
  const limit = mostDescriptors(proc);
  if (limit === null)
    return unknown('machine', check, 'this system does not tell how many there may be');
  const { maxClients } = config.limits;
  const upstreams = config.upstreams.reduce(
    (sum, { options }) => sum + options.pool.maxConnections,
    0,
  );
  const needed = maxClients + upstreams + OTHER_DESCRIPTORS;
  const have = `${limit} may be open`;
  const want = `${maxClients} clients and ${upstreams} upstream connections`;
  if (limit >= needed) return ok('machine', check, `${have}, enough for ${want}`);
  return {
    subject: 'machine',
    check,
    verdict: 'warning',
    what: `${have}, and ${want} want ${needed}: clients beyond that are refused`,
    advice: `Raise the limit (ulimit -n ${needed}), or set limits.maxClients to ${Math.max(1, limit - upstreams - OTHER_DESCRIPTORS)}.`,
  };
}

function mostDescriptors(proc: string): number | null {
  try {
    const limits = readFileSync(join(proc, 'self/limits'), 'latin1');
    const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
    if (hard === undefined) return null;
    // Node raises the soft limit to the hard one when it starts.
    return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
  } catch {
    return null;
  }
}

/** How many connections to one endpoint, such as `192.0.2.1:443`, can still be opened: each takes a port of its own. */
export async function checkSourcePorts(
  subject: string,
  endpoint: string,
  { maxConnections, proc }: { readonly maxConnections: number; readonly proc: string },
): Promise<Finding> {
  const check = 'source ports';
  const meter = new PortMeter({ clock: systemClock, proc });
  const { perEndpoint: total, byEndpoint } = await meter.read([endpoint]);
  const use = byEndpoint?.get(endpoint);
  if (use === undefined || Number.isNaN(total))
    return unknown(subject, check, 'this system does not tell how many are left');
  const left = Math.max(0, total - use.open - use.timeWait);
  const what = `${left} of ${total} are left towards ${endpoint}; ${use.open} are in use and ${use.timeWait} wait in TIME_WAIT`;
  if (left === 0 || left < maxConnections) {
    return {
      subject,
      check,
      verdict: left === 0 ? 'problem' : 'warning',
      what: `${what}: fewer than the ${maxConnections} connections that the pool may hold`,
      advice:
        'Let the other programs of this machine go through Sidepool too, or widen net.ipv4.ip_local_port_range.',
    };
  }
  if (left < total / 5) {
    return {
      subject,
      check,
      verdict: 'warning',
      what,
      advice:
        'Something here opens connections to that address faster than their ports become free: find it with ss -tan.',
    };
  }
  return ok(subject, check, what);
}

function unknown(subject: string, check: string, what: string): Finding {
  return { subject, check, verdict: 'unknown', what, advice: null };
}
