/**
 * The kernel's queues of connections to one address, and what accepts from them.
 *
 * libuv accepts one connection from each listening socket a turn of the loop, so with one socket a crowd of one-request
 * clients costs a turn each: the poll, its registrations, and caches that others have used in between. Several sockets
 * on one TCP port (SO_REUSEPORT: the kernel spreads the connections over them) let as many come in a turn. Measured with
 * 32 clients at a time, processor time for each request: 2 sockets 0.89, 4 sockets 0.82, 8 and 16 no less.
 *
 * SO_REUSEPORT alone would let a second gateway of the same user take half of the connections, and tell nobody. So an
 * address that was asked for is first bound without it, which fails if anybody has it in whatever way; and a gateway
 * that comes later fails in the same way.
 */
import { createServer, type ListenOptions, type Server } from 'node:net';
import { codeOf } from '../base/fault.ts';
import { type AcceptedSocket, acceptByEvent, acceptSharing } from './accepted-sockets.ts';
import type { ListenAddress } from './options.ts';

const QUEUES = 4;

export interface AcceptTerms {
  readonly address: ListenAddress;
  /** Of each queue. */
  readonly backlog: number;
  readonly onConnection: (socket: AcceptedSocket) => void;
  /** Accepting failed; the next may succeed. */
  readonly onError: (error: Error) => void;
}

export class AcceptQueues {
  readonly #terms: AcceptTerms;
  #servers: Server[] = [];

  private constructor(terms: AcceptTerms) {
    this.#terms = terms;
  }

  /** Rejects with the system's error when the address cannot be had. */
  static async open(terms: AcceptTerms): Promise<AcceptQueues> {
    const queues = new AcceptQueues(terms);
    await queues.#open(terms.address);
    return queues;
  }

  async #open(address: ListenAddress): Promise<void> {
    // A Unix socket's path cannot be shared.
    if (address.kind === 'unix') return await this.#add({ path: address.path });
    const { host, port } = address;
    // A port that the kernel chooses is one that nobody has.
    if (port !== 0) await this.#bindAlone(host, port);
    try {
      await this.#add({ host, port, reusePort: true });
    } catch (error) {
      // Not every system has it, nor spreads connections evenly where it has.
      if (codeOf(error) !== 'ENOTSUP') throw error;
      return await this.#add({ host, port });
    }
    await this.#addShared(host);
  }

  /** Fails if anybody has the address; and frees it at once. Who came in between is served like any other. */
  async #bindAlone(host: string, port: number): Promise<void> {
    await this.#add({ host, port });
    this.close();
    this.#servers = [];
  }

  async #addShared(host: string): Promise<void> {
    const bound = this.address;
    if (bound === null) return;
    try {
      while (this.#servers.length < QUEUES)
        await this.#add({ host, port: bound.port, reusePort: true });
    } catch {
      // Fewer do as well, only dearer.
    }
  }

  async #add(where: ListenOptions): Promise<void> {
    const { backlog, onConnection, onError } = this.#terms;
    // Half-open: a client that ends its side after its request still gets its response.
    const server = createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...where, backlog }, () => {
        server.off('error', reject);
        // Before the first can be accepted: that takes a turn of the loop.
        if (!acceptSharing(server, onConnection)) acceptByEvent(server, onConnection);
        resolve();
      });
    });
    server.on('error', onError);
    this.#servers.push(server);
  }

  /** The TCP address really had; null for a Unix socket, and once closed. */
  get address(): { readonly host: string; readonly port: number } | null {
    const bound = this.#servers[0]?.address() ?? null;
    if (bound === null || typeof bound === 'string') return null;
    return { host: bound.address, port: bound.port };
  }

  /** Accepts no more. What was accepted stays. */
  close(): void {
    for (const server of this.#servers) if (server.listening) server.close();
  }
}
