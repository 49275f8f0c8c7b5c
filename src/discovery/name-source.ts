/** One look at a name: the hosts file, else `localhost`, else the name servers, as nsswitch's `files dns`. */
import { hostname } from 'node:os';
import { isLocalhostName, preferReachable, type Reach } from './addresses.ts';
import { lookUpHosts, parseHostsFile } from './hosts-file.ts';
import { type AddressResolver, nodeResolver } from './node-resolver.ts';
import { absoluteName, candidateNames, parseResolvConf, type ResolvConf } from './resolv-conf.ts';
import { type SearchResult, search } from './search.ts';
import { WatchedFile } from './watched-file.ts';

/** The paths of the two files that decide what a name means. */
export interface DnsFiles {
  readonly resolvConf: string;
  readonly hosts: string;
}

export interface NameSourceOptions {
  readonly host: string;
  readonly files: DnsFiles;
  /** Asked instead of the name servers of resolv.conf. */
  readonly resolver: AddressResolver | undefined;
  readonly reach: () => Reach;
}

export class NameSource {
  readonly #options: NameSourceOptions;
  readonly #hosts: WatchedFile<ReturnType<typeof parseHostsFile>>;
  readonly #resolvConf: WatchedFile<ResolvConf>;
  #asking: AddressResolver | null = null;

  constructor(options: NameSourceOptions) {
    this.#options = options;
    this.#hosts = new WatchedFile(options.files.hosts, parseHostsFile);
    this.#resolvConf = new WatchedFile(options.files.resolvConf, (text) =>
      parseResolvConf(text, hostname()),
    );
  }

  /** `inForce` is the candidate that gave the answer in force. */
  async resolve(inForce: string | null): Promise<SearchResult> {
    const { host } = this.#options;
    const reach = this.#options.reach();
    const local =
      lookUpHosts(this.#hosts.read(), host) ??
      // RFC 6761 6.3: never asked of a name server, and without a hosts entry it is the loopback addresses.
      (isLocalhostName(host) ? ['127.0.0.1', '::1'] : undefined);
    if (local !== undefined) return fromFile(preferReachable(local, reach));

    const conf = this.#resolvConf.read();
    const resolver = this.#options.resolver ?? nodeResolver(conf);
    this.#asking = resolver;
    return await search({
      candidates: candidateNames(host, conf),
      asIs: absoluteName(host),
      inForce,
      resolver,
      reach,
    });
  }

  /** Ends what is under way; its `resolve` fails. */
  cancel(): void {
    this.#asking?.cancel();
  }
}

function fromFile(ips: readonly string[]): SearchResult {
  return {
    kind: 'answer',
    candidate: null,
    ipv4: ips.filter((ip) => !ip.includes(':')),
    ipv6: ips.filter((ip) => ip.includes(':')),
    ttlMs: Number.POSITIVE_INFINITY,
  };
}
