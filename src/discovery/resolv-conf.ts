/**
 * What `/etc/resolv.conf` says, as glibc reads it (resolv.conf(5); glibc `resolv/res_init.c`).
 *
 * In a pod this file decides what a name means: the kubelet writes `ndots:5` and a search list, by which `api` is
 * `api.shop.svc.cluster.local`. Node's `dns.resolve*` reads only the name servers, so the rest is done here.
 * `LOCALDOMAIN` and `RES_OPTIONS` are not read: they belong to another program's environment.
 */
import { isIP } from 'node:net';

export interface ResolvConf {
  /** IP addresses, in the order in which they are asked. Never empty. */
  readonly servers: readonly string[];
  /** Domains without dots at their ends; the root is ''. */
  readonly search: readonly string[];
  /** A name with at least so many dots is asked as it stands first. */
  readonly ndots: number;
  /** How long one server gets for one try. */
  readonly timeoutMs: number;
  /** How often the list of servers is gone through. */
  readonly attempts: number;
}

// glibc's `resolv.h`: MAXNS, RES_MAXNDOTS, RES_MAXRETRANS, RES_MAXRETRY, and the defaults beside them.
const MAX_SERVERS = 3;
const MAX_NDOTS = 15;
const MAX_TIMEOUT_SECONDS = 30;
const MAX_ATTEMPTS = 5;
/** RFC 1035 2.3.4, less the length octet of the first label and the root's. */
const MAX_NAME_LENGTH = 253;

/** What holds without a file: the name server of this host. */
const DEFAULT: ResolvConf = {
  servers: ['127.0.0.1'],
  search: [],
  ndots: 1,
  timeoutMs: 5_000,
  attempts: 2,
};

/**
 * Reads the text of a resolv.conf. Lines and options that are not known are passed over, as libc does.
 * `hostname` is this host's: its domain is the search list when the file names none.
 */
export function parseResolvConf(text: string, hostname = ''): ResolvConf {
  const servers: string[] = [];
  let search: readonly string[] | null = null;
  let numbers: Numbers = DEFAULT;
  for (const line of text.split(/[\r\n]+/)) {
    // A keyword stands in the first column. Comments have lines of their own, so they match no keyword.
    const [, keyword, rest = ''] = /^([a-z]+)[ \t]+(.*)$/.exec(line) ?? [];
    const words = rest.split(/[ \t]+/).filter((word) => word !== '');
    const [first] = words;
    if (first === undefined) continue;
    // `domain` and `search` exclude each other: the last one in the file holds.
    if (keyword === 'domain') search = [first];
    else if (keyword === 'search') search = words;
    else if (keyword === 'nameserver' && isServer(first)) servers.push(first);
    else if (keyword === 'options') numbers = words.reduce(withOption, numbers);
  }
  return {
    servers: servers.length === 0 ? DEFAULT.servers : servers.slice(0, MAX_SERVERS),
    search: (search ?? domainOf(hostname)).map(withoutOuterDots),
    ndots: numbers.ndots,
    timeoutMs: numbers.timeoutMs,
    attempts: numbers.attempts,
  };
}

/**
 * The names to ask for, in libc's order (glibc `resolv/res_query.c`, `__res_context_search`), each without the dot
 * at its end. The name as it stands comes first when it has `ndots` dots, else last; with a dot at its end it is
 * the only one.
 */
export function candidateNames(name: string, conf: ResolvConf): readonly string[] {
  const asIs = absoluteName(name);
  if (name.endsWith('.')) return [asIs];
  const dots = name.split('.').length - 1;
  const searched = conf.search.map((domain) => (domain === '' ? asIs : `${asIs}.${domain}`));
  const ordered = dots >= conf.ndots ? [asIs, ...searched] : [...searched, asIs];
  // A root in the search list is the name as it stands, and is not asked twice.
  return [...new Set(ordered)].filter((each) => each.length <= MAX_NAME_LENGTH);
}

/** The name without the dot that marks it as absolute. */
export function absoluteName(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

type Numbers = Pick<ResolvConf, 'ndots' | 'timeoutMs' | 'attempts'>;

function withOption(numbers: Numbers, word: string): Numbers {
  const [option, value = ''] = word.split(':');
  // libc reads it with atoi: what is no number is zero.
  const number = Number.parseInt(value, 10) || 0;
  const within = (least: number, most: number): number => Math.min(Math.max(number, least), most);
  switch (option) {
    case 'ndots':
      return { ...numbers, ndots: within(0, MAX_NDOTS) };
    case 'timeout':
      // glibc makes a time of zero one second when it waits.
      return { ...numbers, timeoutMs: within(1, MAX_TIMEOUT_SECONDS) * 1_000 };
    case 'attempts':
      // Here alone other than libc, for which no attempt means that no name resolves.
      return { ...numbers, attempts: within(1, MAX_ATTEMPTS) };
    default:
      return numbers;
  }
}

/** An address, for IPv6 perhaps with a zone; a port is not part of the format. */
function isServer(word: string): boolean {
  return isIP(word) !== 0;
}

function domainOf(hostname: string): readonly string[] {
  const dot = hostname.indexOf('.');
  return dot === -1 ? [] : [hostname.slice(dot + 1)];
}

function withoutOuterDots(domain: string): string {
  return domain.replace(/^\.|\.$/g, '');
}
