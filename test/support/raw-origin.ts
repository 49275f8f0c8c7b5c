/**
 * A scripted origin, for tests of faults: each connection is a handle, and nothing is answered, closed or
 * reset but by the test's own word.
 *
 * TLS is laid over an ordinary socket rather than taken from `tls.createServer`: so a connection can be
 * reset below TLS, or accepted and never answered, as a dying server would.
 */

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';
import { type RawMessage, readMessage } from './raw-message.ts';
import { type Incoming, Received } from './received.ts';
import { waitFor } from './wait-for.ts';

export interface RawRequest extends RawMessage {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  /** Counted over all connections of the origin, from 1. */
  readonly id: number;
  readonly connectionId: number;
  /** Counted on its connection, from 1. */
  readonly nth: number;
}

export interface RawOriginOptions {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: { readonly cert: string; readonly key: string } & Pick<
    TLSSocketOptions,
    'ca' | 'requestCert' | 'rejectUnauthorized' | 'ALPNProtocols'
  >;
  /** Called as soon as a connection has been accepted (with TLS: before the handshake). */
  readonly onConnection?: (connection: RawOriginConnection) => void;
  /** Called for each request that is whole. Without it the test answers by the handles. */
  readonly onRequest?: (request: RawRequest, connection: RawOriginConnection) => void;
  /** `never`: accept TCP, then be silent. Used to test handshake timeouts. */
  readonly handshake?: 'answer' | 'never';
}

const defaultWaitMs = 5_000;

export class RawOriginConnection {
  /** Counted from 1 in the order of acceptance. */
  readonly id: number;
  readonly requests: RawRequest[] = [];
  readonly received: Received;
  /** What is written and read: the TLS socket where there is TLS. */
  readonly socket: Socket;
  readonly #transport: Socket;
  #parsedBytes = 0;

  constructor(id: number, transport: Socket, socket: Socket) {
    this.id = id;
    this.#transport = transport;
    this.socket = socket;
    this.received = new Received(socket);
    transport.on('error', () => {}); // With TLS it is also told on the TLS socket.
  }

  /** Waits for the n-th whole request of this connection, from 1. */
  request(nth = 1, timeoutMs = defaultWaitMs): Promise<RawRequest> {
    return this.received.until(
      () => this.requests[nth - 1],
      `request ${nth} on connection ${this.id}`,
      timeoutMs,
    );
  }

  /** Waits for the n-th head, whether or not its body has come; gives it as it came. */
  head(nth = 1, timeoutMs = defaultWaitMs): Promise<string> {
    const probe = () => {
      const whole = this.requests[nth - 1];
      if (whole !== undefined) return whole.rawHead;
      if (this.requests.length < nth - 1) return undefined;
      const rest = this.received.bytes.toString('latin1', this.#parsedBytes);
      const end = rest.indexOf('\r\n\r\n');
      return end < 0 ? undefined : rest.slice(0, end + 4);
    };
    return this.received.until(probe, `head ${nth} on connection ${this.id}`, timeoutMs);
  }

  /** Waits until so many bytes have come in all, whether or not they are a whole request. */
  async bytes(count: number, timeoutMs = defaultWaitMs): Promise<Buffer> {
    const probe = () => (this.received.bytes.length >= count ? true : undefined);
    await this.received.until(probe, `${count} bytes on connection ${this.id}`, timeoutMs);
    return this.received.bytes;
  }

  write(data: string | Uint8Array): void {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** Ends the outgoing side (FIN), after a last write if given; what comes in is still read. */
  fin(data?: string | Uint8Array): void {
    if (data !== undefined) this.write(data);
    this.socket.end();
  }

  /** Closes the connection at once with an RST. */
  reset(): void {
    this.#transport.resetAndDestroy();
    this.socket.destroy();
  }

  stopReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  /** How the other side ended it: `fin` or `reset`. Resolves when both directions are over. */
  closed(timeoutMs = defaultWaitMs): Promise<Incoming> {
    return this.received.untilClosed(timeoutMs);
  }

  /** Resolves when the other side has sent FIN or RST, whether or not this side has ended. */
  incomingEnd(timeoutMs = defaultWaitMs): Promise<Incoming> {
    const probe = () => (this.received.incoming === 'open' ? undefined : this.received.incoming);
    return this.received.until(probe, `the end on connection ${this.id}`, timeoutMs);
  }

  /** Those not seen before; called by the origin as bytes come. */
  takeRequests(nextId: () => number): RawRequest[] {
    const taken: RawRequest[] = [];
    for (;;) {
      const rest = this.received.bytes.subarray(this.#parsedBytes);
      const message = readMessage(rest, { role: 'request' });
      if (message === undefined) return taken;
      this.#parsedBytes += message.wireBytes;
      const [method = '', target = '', version = ''] = message.startLine.split(' ');
      const nth = this.requests.length + 1;
      const request = {
        ...message,
        method,
        target,
        version,
        id: nextId(),
        connectionId: this.id,
        nth,
      };
      this.requests.push(request);
      taken.push(request);
    }
  }
}

export class RawOrigin {
  readonly connections: RawOriginConnection[] = [];
  readonly requests: RawRequest[] = [];
  readonly host: string;
  readonly #options: RawOriginOptions;
  #server: Server;
  #port: number;
  #lastRequestId = 0;

  constructor(options: RawOriginOptions) {
    this.#options = options;
    this.host = options.host ?? '127.0.0.1';
    this.#port = options.port ?? 0;
    this.#server = this.#createServer();
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    const host = this.host.includes(':') ? `[${this.host}]` : this.host;
    return `${this.#options.tls ? 'https' : 'http'}://${host}:${this.#port}`;
  }

  /** Those that neither side has closed. */
  get open(): RawOriginConnection[] {
    return this.connections.filter(({ socket }) => !socket.destroyed);
  }

  /** Waits for the n-th connection ever accepted, from 1. */
  connection(nth = 1, timeoutMs = defaultWaitMs): Promise<RawOriginConnection> {
    const what = () => `connection ${nth} of ${this.url}; there were ${this.connections.length}`;
    return waitFor(() => this.connections[nth - 1], { timeoutMs, everyMs: 2, what });
  }

  /** Waits for the n-th request over all connections, from 1. */
  request(nth = 1, timeoutMs = defaultWaitMs): Promise<RawRequest> {
    const what = () => `request ${nth} of ${this.url}; there were ${this.requests.length}`;
    return waitFor(() => this.requests[nth - 1], { timeoutMs, everyMs: 2, what });
  }

  /** The handle on which a request came. */
  connectionOf(request: RawRequest): RawOriginConnection {
    const connection = this.connections[request.connectionId - 1];
    if (connection === undefined) throw new Error(`no connection ${request.connectionId}`);
    return connection;
  }

  async listen(): Promise<void> {
    this.#server.listen({ port: this.#port, host: this.host });
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  /** New connections are refused from now on; those that are open stay. */
  async refuse(): Promise<void> {
    const old = this.#server;
    // `close` waits for open connections: the listening socket itself is gone at once.
    old.close();
    this.#server = this.#createServer();
  }

  /** Listens again on the same port after `refuse`. */
  accept(): Promise<void> {
    return this.listen();
  }

  /** Ends everything, with a reset for what is open. */
  async close(): Promise<void> {
    this.#server.close();
    for (const connection of this.connections) {
      if (!connection.socket.destroyed) connection.reset();
    }
    await Promise.all(this.connections.map((connection) => connection.received.closed));
  }

  #createServer(): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  #accept(transport: Socket): void {
    const connection = new RawOriginConnection(
      this.connections.length + 1,
      transport,
      this.#secure(transport),
    );
    this.connections.push(connection);
    connection.socket.on('data', () => {
      for (const request of connection.takeRequests(() => ++this.#lastRequestId)) {
        this.requests.push(request);
        this.#options.onRequest?.(request, connection);
      }
    });
    this.#options.onConnection?.(connection);
  }

  #secure(transport: Socket): Socket {
    const { tls, handshake = 'answer' } = this.#options;
    if (tls === undefined || handshake === 'never') return transport;
    return new TLSSocket(transport, {
      isServer: true,
      allowHalfOpen: true,
      ...tls,
    } as TLSSocketOptions);
  }
}

export async function startRawOrigin(options: RawOriginOptions = {}): Promise<RawOrigin> {
  const origin = new RawOrigin(options);
  await origin.listen();
  return origin;
}

/** A response with Content-Length, ready to write. */
export function response(
  body = 'ok',
  { status = '200 OK', fields = {} }: { status?: string; fields?: Record<string, string> } = {},
): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${lines.join('')}\r\n${body}`;
}

/** For `onRequest`: answers every request with 200 and this body. */
export function alwaysAnswer(body = 'ok'): NonNullable<RawOriginOptions['onRequest']> {
  return (_request, connection) => connection.write(response(body));
}
