/**
 * A recording relay between the gateway and an origin: what the gateway sent and what the origin answered, by connection,
 * read by nobody of the two.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** What was sent on a connection to the origin, and what was answered. */
export interface Tapped {
  readonly sent: Buffer;
  readonly answered: Buffer;
}

export class TappedConnection implements Tapped {
  readonly #sent: Buffer[] = [];
  readonly #answered: Buffer[] = [];
  /** Which side ended it first; null while it is open. */
  endedBy: 'gateway' | 'origin' | null = null;

  constructor(gateway: Socket, origin: Socket) {
    gateway.on('data', (chunk: Buffer) => this.#sent.push(chunk));
    origin.on('data', (chunk: Buffer) => this.#answered.push(chunk));
    relay(gateway, origin, () => {
      this.endedBy ??= 'gateway';
    });
    relay(origin, gateway, () => {
      this.endedBy ??= 'origin';
    });
  }

  get sent(): Buffer {
    return Buffer.concat(this.#sent);
  }

  get answered(): Buffer {
    return Buffer.concat(this.#answered);
  }
}

export class Tap {
  connections: TappedConnection[] = [];
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  constructor(targetPort: number) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (gateway) => {
      const origin = connect({
        port: targetPort,
        host: '127.0.0.1',
        allowHalfOpen: true,
        noDelay: true,
      });
      for (const socket of [gateway, origin]) {
        this.#open.add(socket);
        socket.on('close', () => this.#open.delete(socket));
      }
      this.connections.push(new TappedConnection(gateway, origin));
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Connections that neither side has let go. */
  get openCount(): number {
    return this.#open.size;
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** What was recorded, once; later connections are recorded anew. */
  take(): TappedConnection[] {
    const taken = this.connections;
    this.connections = [];
    return taken;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}

function relay(from: Socket, to: Socket, onEnd: () => void): void {
  from.on('data', (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => {
    onEnd();
    to.end();
  });
  from.on('error', () => {
    onEnd();
    to.destroy();
  });
  from.on('close', () => {
    onEnd();
    if (!to.writableEnded) to.destroy();
  });
}
