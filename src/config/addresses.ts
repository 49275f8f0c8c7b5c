/** Where clients come in (listen addresses) and where requests go (an upstream's URL). */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import type { ListenAddress } from '../downstream/options.ts';
import { isAuthority } from '../http1/request-target.ts';
import type { OriginUrl } from '../upstream/options.ts';
import { bad, good, type Reading } from './units.ts';

const ADDRESS =
  'an address such as 127.0.0.1:15101, [::1]:15101 or unix:/run/sidepool/api.sock is meant';
/** `sun_path` of Linux holds 108 octets, the closing NUL included. */
const LONGEST_SOCKET_PATH = 107;

export function readAddress(raw: unknown): Reading<ListenAddress> {
  if (typeof raw === 'number') return bad(`${ADDRESS}: write 127.0.0.1:${raw}`);
  if (typeof raw !== 'string') return bad(ADDRESS);
  if (raw.startsWith('unix:')) return readSocketPath(raw.slice('unix:'.length));
  if (raw.startsWith('/')) return bad(`${ADDRESS}: write unix:${raw}`);
  if (/^https?:/i.test(raw)) return bad(`${ADDRESS}: an address has no scheme and no path`);
  const found = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(raw);
  if (found === null) return bad(`${ADDRESS}${addressHint(raw)}`);
  const [, inBrackets, bare, digits] = found;
  const port = Number(digits);
  if (port > 65_535) return bad('a port up to 65535 is meant');
  if (inBrackets !== undefined) {
    if (!isIPv6(inBrackets) || inBrackets.includes('%'))
      return bad('an IPv6 address is meant in the brackets, such as [::1]');
    return good({ kind: 'tcp', host: shortest(inBrackets), port });
  }
  const host = (bare as string).toLowerCase();
  if (host === '' || host === '*') {
    return bad(
      `${ADDRESS}: write 127.0.0.1:${port} (or [::]:${port} for every address of the pod)`,
    );
  }
  if (host === 'localhost' || isIPv4(host)) return good({ kind: 'tcp', host, port });
  return bad('an IP address or localhost is meant: names are not looked up to listen');
}

function addressHint(raw: string): string {
  if (/^\d{1,5}$/.test(raw)) return `: write 127.0.0.1:${raw}`;
  if (isIPv4(raw) || raw === 'localhost') return `: the port is missing, write ${raw}:15101`;
  if (isIPv6(raw)) return `: write [${raw}]:15101`;
  const colon = raw.lastIndexOf(':');
  if (isIPv6(raw.slice(0, colon))) return `: write [${raw.slice(0, colon)}]${raw.slice(colon)}`;
  return '';
}

function readSocketPath(path: string): Reading<ListenAddress> {
  if (path.startsWith('@'))
    return bad('a socket in the file system is meant: abstract ones have no permissions');
  if (!path.startsWith('/') || path.endsWith('/') || path.includes('\0'))
    return bad('an absolute path is meant, such as unix:/run/sidepool/api.sock');
  if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH)
    return bad(
      `a path of at most ${LONGEST_SOCKET_PATH} octets is meant: the kernel takes no more`,
    );
  return good({ kind: 'unix', path });
}

/** RFC 5952's text of an IPv6 address, so that two spellings compare equal. */
function shortest(ip: string): string {
  return new URL(`http://[${ip}]`).hostname.slice(1, -1);
}

export function addressText(address: ListenAddress): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':')
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only processes of this network namespace (a pod) can reach it. */
export function isLocal(address: ListenAddress): boolean {
  return address.kind === 'unix' || isLoopback(address.host);
}

function isLoopback(host: string): boolean {
  if (host === 'localhost' || host.endsWith('.localhost')) return true;
  if (isIPv4(host)) return loopback.check(host, 'ipv4');
  return isIPv6(host) && loopback.check(host, 'ipv6');
}

/** Whether the kernel would refuse the second of the two. Port 0 is a free one each time. */
export function clash(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix')
    return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  return a.port !== 0 && a.port === b.port && (covers(a.host, b.host) || covers(b.host, a.host));
}

/** Whether a connection from this pod to `url` would arrive at `address`. */
export function arrivesAt(url: OriginUrl, address: ListenAddress): boolean {
  if (address.kind === 'unix' || address.port !== url.port) return false;
  if (address.host === url.host) return true;
  const host = locally(url.host);
  return isLoopback(host) && covers(address.host, host);
}

/** What a host means to whoever connects to it: the wildcard is loopback (Linux), and so is every name in `localhost` (RFC 6761 6.3). */
function locally(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '::1';
  return isLoopback(host) && !isIPv4(host) && !isIPv6(host) ? 'localhost' : host;
}

/** Whether a socket bound to `bound` takes what comes for `host` as well. `::` is dual-stack. */
function covers(bound: string, host: string): boolean {
  if (bound === host || bound === '::') return true;
  if (bound === '0.0.0.0') return !isIPv6(host);
  return (
    (bound === 'localhost' && (host === '127.0.0.1' || host === '::1')) ||
    (host === 'localhost' && (bound === '127.0.0.1' || bound === '::1'))
  );
}

const URL_MEANT =
  'the URL of an origin is meant, such as https://api.example.com or http://10.0.0.7:8080';

/** Scheme, host and port; nothing else belongs to an upstream. */
export function readOriginUrl(raw: unknown): Reading<OriginUrl> {
  if (typeof raw !== 'string') return bad(URL_MEANT);
  const found = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?$/is.exec(raw);
  if (found === null)
    return bad(
      /^[a-z0-9.-]+(?::\d+)?$/i.test(raw) ? `${URL_MEANT}: write https://${raw}` : URL_MEANT,
    );
  const [, scheme = '', authority = '', path = '', query, fragment] = found;
  if (/^kubernetes$/i.test(scheme)) return readServiceUrl(raw);
  if (!/^https?$/i.test(scheme)) return bad(`${URL_MEANT}: the scheme is http or https`);
  if (authority.includes('@'))
    return bad(
      'a URL without user and password is meant: set an Authorization header from a secret',
    );
  if ((path !== '' && path !== '/') || query !== undefined || fragment !== undefined)
    return bad('a URL without path, query and fragment is meant: the client sends those');
  // The URL parser forgives these; what was meant by them nobody knows.
  if (/[\s\\%]/.test(authority) || !URL.canParse(`${scheme}://${authority}`)) return bad(URL_MEANT);
  const url = new URL(`${scheme}://${authority}`);
  const isTls = url.protocol === 'https:';
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  // What goes into Host must be one there too: the URL parser lets quotes and the like pass (RFC 9112 3.2).
  if (!isAuthority(url.host)) return bad(URL_MEANT);
  if (port === 0 || url.hostname === '') return bad(`${URL_MEANT}: a port is from 1 to 65535`);
  return good({
    scheme: isTls ? 'https' : 'http',
    host: url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname,
    port,
    authority: url.host,
  });
}

const SERVICE_URL =
  'the URL of a Kubernetes Service is meant, such as kubernetes://pay.shop:8080 (name.namespace:port)';

/** A Service, spoken to in plain HTTP. Without the controller's word on its endpoints it is found by its name in DNS. */
function readServiceUrl(raw: string): Reading<OriginUrl> {
  const label = '([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)';
  const found = new RegExp(`^kubernetes://${label}\\.${label}(?::(\\d{1,5}))?/?$`, 'i').exec(raw);
  if (found === null) return bad(SERVICE_URL);
  const [name, namespace] = [found[1] as string, found[2] as string].map((each) =>
    each.toLowerCase(),
  );
  const port = Number(found[3] ?? 80);
  if (port === 0 || port > 65_535) return bad(`${SERVICE_URL}: a port is from 1 to 65535`);
  const host = `${name}.${namespace}.svc`;
  return good({
    scheme: 'http',
    host,
    port,
    authority: port === 80 ? host : `${host}:${port}`,
    service: `${namespace}/${name}:${port}`,
  });
}
