/** IP addresses: one spelling each, and which of them this host can reach at all. */
import { isIPv6, SocketAddress } from 'node:net';
import { networkInterfaces } from 'node:os';

/** What this host can reach, judged by the addresses that it has itself. */
export interface Reach {
  /** It has an IPv4 address beyond loopback. */
  readonly ipv4: boolean;
  /** It has an IPv6 address beyond loopback and link-local. */
  readonly ipv6: boolean;
  /** True if a connection to this address could leave this host, or stay on it. */
  to(ip: string): boolean;
}

/** The one spelling of an address, so that two spellings are not taken for two endpoints. */
export function canonicalIp(ip: string): string {
  // A zone (`fe80::1%eth0`) is not part of what SocketAddress reads.
  if (!isIPv6(ip) || ip.includes('%')) return ip;
  return new SocketAddress({ address: ip, family: 'ipv6' }).address;
}

/** RFC 6761 6.3: `localhost` and every name below it are this host, whoever else is asked. */
export function isLocalhostName(name: string): boolean {
  return /(^|\.)localhost\.?$/i.test(name);
}

/** One address of an interface; what `os.networkInterfaces` gives has this shape. */
export interface InterfaceAddress {
  readonly address: string;
  readonly family: string;
}

/**
 * Judges by the families that this host has, as AI_ADDRCONFIG of getaddrinfo(3) does: a name's IPv6 addresses are
 * of no use to a pod that has none, and each would cost a failed dial.
 *
 * Other than for glibc, to which any address counts that is not a loopback one, a link-local IPv6 address does
 * not: every interface has one, and libc has RFC 6724's sorting to put what it cannot reach last.
 */
export function reachOf(own: readonly InterfaceAddress[]): Reach {
  const own4 = own.filter((each) => each.family === 'IPv4');
  const own6 = own.filter((each) => each.family === 'IPv6');
  const ipv4 = own4.some(({ address }) => !isLoopback(address));
  const ipv6 = own6.some(({ address }) => !isLoopback(address) && !isLinkLocal(address));
  return {
    ipv4,
    ipv6,
    to: (ip) => {
      const isNear = isLoopback(ip) || isLinkLocal(ip);
      if (isIPv6(ip)) return isNear ? own6.length > 0 : ipv6;
      return isNear ? own4.length > 0 : ipv4;
    },
  };
}

/** Judges by the interfaces as they are now. */
export function reachNow(): Reach {
  try {
    return reachOf(Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []));
  } catch {
    // A sandbox may forbid to list them: then the dial finds out.
    return { ipv4: true, ipv6: true, to: () => true };
  }
}

/** Those that can be reached; all of them when none can, since a dial's error says more than no endpoint. */
export function preferReachable(ips: readonly string[], reach: Reach): readonly string[] {
  const reachable = ips.filter((ip) => reach.to(ip));
  return reachable.length === 0 ? ips : reachable;
}

function isLoopback(ip: string): boolean {
  return ip === '::1' || ip.startsWith('127.');
}

/** fe80::/10 (RFC 4291 2.5.6). */
function isLinkLocal(ip: string): boolean {
  return /^fe[89ab]/i.test(ip);
}
