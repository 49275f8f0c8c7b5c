/** A scripted client: writes bytes exactly as told, and reads as much or as little as the test wants. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type RawMessage, readMessage } from './raw-message.ts';
import { type Incoming, Received } from './received.ts';

export type RawAddress =
  | { readonly port: number; readonly host?: string }
  | { readonly path: string };

export interface RawResponse extends RawMessage {
  readonly version: string;
  readonly status: number;
  readonly reason: string;
}

export interface ReadResponseOptions {
  /** The method that was asked; HEAD has no body. */
  readonly method?: string;
  readonly timeoutMs?: number;
}

const defaultWaitMs = 5_000;

export class RawClient {
  readonly socket: Socket;
  readonly received: Received;
  #readBytes = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    this.received = new Received(socket);
  }

  /** What has come and was not yet read. */
  get pending(): Buffer {
    return this.received.bytes.subarray(this.#readBytes);
  }

  write(data: string | Uint8Array): void {
    this.socket.write(toBytes(data));
  }

  /** One segment per piece, with turns of the loop between them, so that they arrive apart. */
  async writePieces(data: string | Uint8Array, pieceBytes: number): Promise<void> {
    const bytes = toBytes(data);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      await new Promise((resolve) =>
        this.socket.write(bytes.subarray(at, at + pieceBytes), resolve),
      );
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Reads one whole response, interim ones (1xx) too; what follows it stays for the next call. */
  async readResponse(options: ReadResponseOptions = {}): Promise<RawResponse> {
    const { method, timeoutMs = defaultWaitMs } = options;
    const message = await this.received.until(
      () => {
        const ended = this.received.incoming === 'fin';
        const read = readMessage(this.pending, {
          role: 'response',
          ended,
          ...(method && { method }),
        });
        if (read === undefined) this.#throwIfOver('a whole response');
        return read;
      },
      'a whole response',
      timeoutMs,
    );
    this.#readBytes += message.wireBytes;
    const [, version = '', status = '', reason = ''] =
      /^(\S+) (\d{3}) ?(.*)$/.exec(message.startLine) ?? [];
    return { ...message, version, status: Number(status), reason };
  }

  /** Writes a request and reads its final response, passing over interim ones. */
  async exchange(
    request: string | Uint8Array,
    options: ReadResponseOptions = {},
  ): Promise<RawResponse> {
    const method = options.method ?? toBytes(request).toString('latin1').split(' ', 1)[0] ?? 'GET';
    this.write(request);
    for (;;) {
      const answer = await this.readResponse({ ...options, method });
      if (answer.status >= 200 || answer.status === 101) return answer;
    }
  }

  async readBytes(count: number, timeoutMs = defaultWaitMs): Promise<Buffer> {
    await this.received.until(
      () => {
        if (this.pending.length >= count) return true;
        this.#throwIfOver(`${count} bytes`);
        return undefined;
      },
      `${count} bytes`,
      timeoutMs,
    );
    const taken = this.pending.subarray(0, count);
    this.#readBytes += count;
    return taken;
  }

  /** Everything up to the other side's FIN; rejects on a reset. */
  async readToEnd(timeoutMs = defaultWaitMs): Promise<Buffer> {
    const incoming = await this.incomingEnd(timeoutMs);
    if (incoming !== 'fin') throw new Error(`expected a FIN; ${this.received.story()}`);
    const taken = this.pending;
    this.#readBytes = this.received.bytes.length;
    return taken;
  }

  /** How the other side ended its direction: `fin` or `reset`. */
  incomingEnd(timeoutMs = defaultWaitMs): Promise<Incoming> {
    const probe = () => (this.received.incoming === 'open' ? undefined : this.received.incoming);
    return this.received.until(probe, 'the end', timeoutMs);
  }

  /** Resolves when both directions are over. */
  closed(timeoutMs = defaultWaitMs): Promise<Incoming> {
    return this.received.untilClosed(timeoutMs);
  }

  /** Ends the outgoing side (FIN) and goes on reading. */
  fin(): void {
    this.socket.end();
  }

  /** A Unix socket knows no reset: it is closed, which its peer sees as an error if it was sent anything unread. */
  reset(): void {
    if (this.socket.remoteAddress === undefined) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  stopReading(): void {
    this.socket.pause();
  }

  resumeReading(): void {
    this.socket.resume();
  }

  /** An orderly close, for the end of a test. */
  close(): void {
    this.socket.destroy();
  }

  #throwIfOver(wanted: string): void {
    if (this.received.incoming === 'open') return;
    throw new Error(`the other side ended before ${wanted}; ${this.received.story()}`);
  }
}

export async function connectRawClient(address: RawAddress | number): Promise<RawClient> {
  const options = typeof address === 'number' ? { port: address } : address;
  const socket =
    'path' in options
      ? connect({ path: options.path, allowHalfOpen: true })
      : connect({ host: '127.0.0.1', ...options, allowHalfOpen: true, noDelay: true });
  await once(socket, 'connect');
  return new RawClient(socket);
}

/** One request on a connection of its own, as an HTTP/1.0 script would send it. */
export async function requestOnce(
  address: RawAddress | number,
  request: string | Uint8Array,
  options: ReadResponseOptions = {},
): Promise<RawResponse> {
  const client = await connectRawClient(address);
  try {
    return await client.exchange(request, options);
  } finally {
    client.close();
  }
}

function toBytes(data: string | Uint8Array): Buffer {
  return typeof data === 'string' ? Buffer.from(data, 'latin1') : Buffer.from(data);
}
