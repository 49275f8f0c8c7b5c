/**
 * Who may change the gateway's state over the admin address.
 *
 * The address is the pod's, so that Prometheus and the kubelet reach it; so a change must come from inside the pod.
 * Loopback alone is not enough: a port-forward arrives from loopback too, and behind it may be a browser that some
 * page has told to post. A page cannot set a header of its own on another origin without asking first (and nobody
 * here says yes), nor leave out Origin; and a name that it has pointed at 127.0.0.1 shows in Host.
 */
import { isIP } from 'node:net';

export interface Change {
  readonly path: string;
  /** The peer's address; undefined on a Unix socket, whose mode says who may connect. */
  readonly peer: string | undefined;
  /** Where the server listens, to be shown. */
  readonly own: string;
  readonly marker: string | undefined;
  readonly origin: string | undefined;
  readonly host: string | undefined;
}

export const MARKER = 'X-Sidepool-Admin';

/** Why it is refused, with what to do instead; null if it may be done. */
export function refusal(change: Change): string | null {
  const { path, own, peer, marker, origin, host } = change;
  if (peer !== undefined && !isLoopback(peer)) {
    return `This changes the gateway's state and is done from inside the pod only (you are ${peer}).\n${example(path, own)}`;
  }
  if (origin !== undefined) {
    return `This changes the gateway's state and is not done for a web page (the request has Origin).\n${example(path, own)}`;
  }
  if (marker !== '1') {
    return `This changes the gateway's state and asks for the header ${MARKER}: 1.\n${example(path, own)}`;
  }
  if (!isPlainHost(host)) {
    return `The Host of a request that changes state must be localhost or an IP address: a name may be a web page's.\n${example(path, own)}`;
  }
  return null;
}

/**
 * Why what is shown to people is refused under this Host; null if it may be shown. Reading is open to whoever reaches the
 * address, but not to a web page in somebody's browser: its own name, pointed here (DNS rebinding), shows in Host.
 * A name that nobody outside can own is fine: one without a dot, or of the cluster.
 */
export function hostRefusal(host: string | undefined): string | null {
  if (host === undefined || isPlainHost(host)) return null;
  const name = host.replace(/:\d+$/, '').replace(/\.$/, '').toLowerCase();
  const isOurs = /^[a-z0-9_-]+$/.test(name) || /\.(?:svc|local|localhost|internal)$/.test(name);
  return isOurs
    ? null
    : "This is not shown under a name that may be a web page's: ask by IP address, localhost or a name of the cluster.\n";
}

function example(path: string, own: string): string {
  return `Send: curl -X POST -H '${MARKER}: 1' ${own}${path}\n`;
}

export function isLoopback(address: string): boolean {
  // A dual-stack listener shows IPv4 peers as ::ffff:127.0.0.1.
  const plain = address.toLowerCase().startsWith('::ffff:') ? address.slice(7) : address;
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

function isPlainHost(host: string | undefined): boolean {
  const name = /^(\[[^\]]*\]|[^:]*)(?::\d+)?$/.exec(host ?? '')?.[1] ?? '';
  if (name.toLowerCase() === 'localhost') return true;
  return isIP(name.startsWith('[') ? name.slice(1, -1) : name) !== 0;
}
