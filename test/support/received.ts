/** What one side of a scripted connection has received, and the waits on it. */
import type { Socket } from 'node:net';
import { waitFor, within } from './wait-for.ts';

/** How a connection's incoming side stands: `fin` is a proper end of stream, `reset` an RST or an error. */
export type Incoming = 'open' | 'fin' | 'reset';

export class Received {
  incoming: Incoming = 'open';
  /** The code of the error that came, such as ECONNRESET. */
  errorCode: string | undefined;
  /** Resolves when both directions are over. */
  readonly closed: Promise<Incoming>;
  /** Doubled when full, so that a body of many megabytes is not copied with each chunk of it. */
  #store: Buffer = Buffer.allocUnsafe(4096);
  #length = 0;

  constructor(socket: Socket) {
    socket.on('data', (chunk: Buffer) => this.#append(chunk));
    socket.on('end', () => {
      this.incoming = 'fin';
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.incoming = 'reset';
      this.errorCode = error.code;
    });
    this.closed = new Promise((resolve) => socket.once('close', () => resolve(this.incoming)));
  }

  /** Everything since the connection began. */
  get bytes(): Buffer {
    return this.#store.subarray(0, this.#length);
  }

  /** Waits until the probe finds what it looks for; tells what had come when time runs out. */
  until<T>(probe: () => T | undefined, what: string, timeoutMs: number): Promise<T> {
    return waitFor(probe, {
      timeoutMs,
      everyMs: 2,
      what: () => `${what}; ${this.story()}`,
    });
  }

  untilClosed(timeoutMs: number): Promise<Incoming> {
    return within(this.closed, timeoutMs, () => `the close; ${this.story()}`);
  }

  story(): string {
    const shown = JSON.stringify(this.bytes.toString('latin1').slice(0, 500));
    return `incoming side ${this.incoming}, received ${this.bytes.length} bytes: ${shown}`;
  }

  #append(chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#store.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#store.length));
      this.#store.copy(larger, 0, 0, this.#length);
      this.#store = larger;
    }
    chunk.copy(this.#store, this.#length);
    this.#length = length;
  }
}
