/**
 * Stands between the gateway and any origin and counts the connections: the one measure of reuse that
 * is the same for all origins. Bytes, ends and resets pass through as they come.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class CountingRelay {
  readonly port: number;
  readonly #server: Server;
  readonly #open: Set<Socket>;
  readonly #count: { connections: number };

  constructor(server: Server, port: number, open: Set<Socket>, count: { connections: number }) {
    this.#server = server;
    this.port = port;
    this.#open = open;
    this.#count = count;
  }

  /** Accepted since the start. */
  get connections(): number {
    return this.#count.connections;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}

/** `target` is a port on 127.0.0.1. */
export async function startCountingRelay(target: number): Promise<CountingRelay> {
  const open = new Set<Socket>();
  const count = { connections: 0 };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (inner) => {
    count.connections++;
    const outer = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    join(inner, outer, open);
    join(outer, inner, open);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the relay has no port');
  return new CountingRelay(server, address.port, open, count);
}

function join(from: Socket, to: Socket, open: Set<Socket>): void {
  open.add(from);
  from.pipe(to);
  from.on('error', () => to.resetAndDestroy());
  from.on('close', () => open.delete(from));
}
