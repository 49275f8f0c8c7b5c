/** What this machine, or pod, gives a gateway: descriptors, and source ports towards each endpoint. */
import { readFileSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import type { GatewayConfig } from '../../config/gateway-config.ts';
import { type Finding, ok } from './finding.ts';

/** Reads a file below /proc. Throws where there is none. Tests bring their own. */
export type ReadProc = (path: string) => string;

export const readProc: ReadProc = (path) => readFileSync(`/proc/${path}`, 'latin1');

/** Kept for files, logs, the admin server and the listeners themselves. */
const OTHER_DESCRIPTORS = 64;

export function checkDescriptors(config: GatewayConfig, read: ReadProc): Finding {
  const check = 'descriptors';
  const found = attempt(() => /^Max open files\s+\S+\s+(\S+)/m.exec(read('self/limits')));
  if (found === null)
    return unknown('machine', check, 'this system does not tell how many there may be');
  // Node raises the soft limit to the hard one when it starts.
  const limit = found[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(found[1]);
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

export interface Target {
  readonly ip: string;
  readonly port: number;
}

/** How many connections to one address and port this machine can still open: each takes a port of its own. */
export function checkSourcePorts(
  subject: string,
  target: Target,
  { maxConnections, read }: { readonly maxConnections: number; readonly read: ReadProc },
): Finding {
  const check = 'source ports';
  const budget = attempt(() => portBudget(target, read));
  if (budget === null)
    return unknown(subject, check, 'this system does not tell how many are left');
  const { first, last, total, used, timeWait } = budget;
  const left = Math.max(0, total - used);
  const to = isIPv4(target.ip) ? `${target.ip}:${target.port}` : `[${target.ip}]:${target.port}`;
  const what = `${left} of ${total} (${first} to ${last}) are left towards ${to}; ${used - timeWait} are in use and ${timeWait} wait in TIME_WAIT`;
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

interface PortBudget {
  readonly first: number;
  readonly last: number;
  readonly total: number;
  readonly used: number;
  readonly timeWait: number;
}

const TIME_WAIT = '06';

/** Source of the formats: proc(5), and Documentation/networking/proc_net_tcp in Linux. */
function portBudget(target: Target, read: ReadProc): PortBudget {
  const [first = 32_768, last = 60_999] = read('sys/net/ipv4/ip_local_port_range')
    .trim()
    .split(/\s+/)
    .map(Number);
  const remote = `${procAddress(target.ip)}:${hex(target.port, 4)}`;
  const mapped = isIPv4(target.ip) ? `0000000000000000FFFF0000${remote}` : remote;
  const used = new Set<string>();
  let timeWait = 0;
  for (const file of ['net/tcp', 'net/tcp6']) {
    for (const line of attempt(() => read(file).split('\n').slice(1)) ?? []) {
      const [, local = '', peer = '', state] = line.trim().split(/\s+/);
      const port = Number.parseInt(local.slice(-4), 16);
      if ((peer !== remote && peer !== mapped) || port < first || port > last) continue;
      used.add(local);
      if (state === TIME_WAIT) timeWait += 1;
    }
  }
  return { first, last, total: last - first + 1, used: used.size, timeWait };
}

/** As the kernel prints it: each group of four octets as a number in this machine's order. */
function procAddress(ip: string): string {
  const octets = isIPv4(ip) ? ip.split('.').map(Number) : octetsOf6(ip);
  let text = '';
  for (let at = 0; at < octets.length; at += 4) {
    for (let within = 3; within >= 0; within -= 1) text += hex(octets[at + within] ?? 0, 2);
  }
  return text;
}

function octetsOf6(ip: string): number[] {
  // The address comes out of URL in its full, mixed or shortened form alike.
  const [head = '', tail] = new URL(`http://[${ip}]`).hostname.slice(1, -1).split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [before, behind] = [groups(head), groups(tail ?? '')];
  const zeros = new Array<number>(8 - before.length - behind.length).fill(0);
  return [...before, ...zeros, ...behind].flatMap((group) => [group >> 8, group & 0xff]);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

function unknown(subject: string, check: string, what: string): Finding {
  return { subject, check, verdict: 'unknown', what, advice: null };
}

function attempt<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
