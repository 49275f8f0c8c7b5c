/**
 * Asks name servers, through `node:dns`, as glibc does (`resolv/res_send.c`): one server after the other, the list
 * over again `attempts` times, and on to the next server when one does not answer or cannot.
 *
 * A resolver of Node's lives for one query here. It holds a c-ares channel, and c-ares 1.34 cuts a server's timeout
 * to five times its usual latency: after a few quick NXDOMAINs of the search list, a name that takes the server
 * two seconds to find timed out after one, with five configured. A channel without memory keeps to what is
 * configured, and costs 60 us. Node also sets c-ares to report a SERVFAIL at once and not to ask the next server
 * (ARES_FLAG_NOCHECKRESP), so the list of servers is gone through here.
 */
import { Resolver } from 'node:dns/promises';
import { codeOf } from '../base/fault.ts';

export interface AddressRecord {
  readonly address: string;
  /** In seconds. */
  readonly ttl: number;
}

/** Asks for a name exactly as it is given. Throws an error whose `code` is one of `node:dns`. */
export interface AddressResolver {
  resolve4(name: string): Promise<readonly AddressRecord[]>;
  resolve6(name: string): Promise<readonly AddressRecord[]>;
  /** Ends what is under way: a query keeps the process alive. */
  cancel(): void;
}

export interface NodeResolverOptions {
  /** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`. */
  readonly servers: readonly string[];
  /** How long one server gets for one try. */
  readonly timeoutMs: number;
  readonly attempts: number;
}

/** The server has spoken, and another one would say the same; or the name can be asked of none. */
const FINAL_CODES: ReadonlySet<string | undefined> = new Set([
  'ENOTFOUND',
  'ENODATA',
  'EBADNAME',
  'ECANCELLED',
]);

export function nodeResolver(options: NodeResolverOptions): AddressResolver {
  const { servers, timeoutMs, attempts } = options;
  const underWay = new Set<Resolver>();
  let generation = 0;

  const askOne = async <T>(server: string, ask: (resolver: Resolver) => Promise<T>): Promise<T> => {
    const resolver = new Resolver({ timeout: timeoutMs, maxTimeout: timeoutMs, tries: 1 });
    resolver.setServers([server]);
    underWay.add(resolver);
    try {
      return await ask(resolver);
    } finally {
      underWay.delete(resolver);
    }
  };

  const askAll = async <T>(ask: (resolver: Resolver) => Promise<T>): Promise<T> => {
    const own = generation;
    let failure: unknown = new Error('no name server is configured');
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      for (const server of servers) {
        try {
          return await askOne(server, ask);
        } catch (error) {
          failure = error;
          if (FINAL_CODES.has(codeOf(error)) || own !== generation) throw error;
        }
      }
    }
    throw failure;
  };

  return {
    resolve4: (name) => askAll((resolver) => resolver.resolve4(name, { ttl: true })),
    resolve6: (name) => askAll((resolver) => resolver.resolve6(name, { ttl: true })),
    cancel() {
      generation += 1;
      for (const resolver of underWay) resolver.cancel();
    },
  };
}
