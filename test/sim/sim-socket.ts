/**
 * The gateway's end of a connection, as a `net.Socket` of Node is: it writes at once what the kernel takes and keeps the
 * rest, tells of room to a writer that was refused, reads into the buffer that it is given, stays half-open, closes by
 * itself once both sides have ended, and tells of its end when handles are closed.
 *
 * `encrypted`: gives what it has read one record after the other, paused or not, as TLS does.
 */
import type { BytesReader, ClientSocket } from '../../src/downstream/client-socket.ts';
import type { Polled, SimLoop } from './loop.ts';
import type { Tcp } from './tcp.ts';

const HIGH_WATER_BYTES = 64 * 1024;
/** libuv reads so often in a row while the buffer was filled. */
const READS_IN_A_ROW = 32;
/** What a buffer is written over with: nobody sends it. */
const SPOILT = 0x7e;
const TLS_RECORD = 16 * 1024;

export interface OnRead {
  readonly buffer: () => Buffer;
  readonly callback: (length: number) => boolean;
}

type Listener = (value: never) => void;

export interface SimSocketParts {
  readonly name: string;
  readonly loop: SimLoop;
  readonly tcp: Tcp;
  readonly onread: OnRead;
  readonly isEncrypted: boolean;
  /** Told of all that is given to be written, before any of it is. */
  readonly onWrite: (data: Buffer) => void;
}

export class SimSocket implements ClientSocket, Polled {
  readonly name: string;
  readonly tcp: Tcp;
  readonly #loop: SimLoop;
  readonly #onread: OnRead;
  readonly #isEncrypted: boolean;
  readonly #onWrite: (data: Buffer) => void;
  #reader: BytesReader | null = null;
  readonly #listeners = new Map<string, Listener[]>();
  #buffer: Buffer;
  #current: Buffer | null = null;
  #currentAt = 0;
  #buffered: Buffer[] = [];
  #corks = 0;
  #needsDrain = false;
  #isEnded = false;
  #wantsShutdown = false;
  #isFinished = false;
  #closesWhenFinished = false;
  #isReading = true;
  #hasEndBeenSeen = false;
  writableLength = 0;
  destroyed = false;
  errored: Error | null = null;

  constructor(parts: SimSocketParts) {
    this.name = parts.name;
    this.tcp = parts.tcp;
    this.#loop = parts.loop;
    this.#onread = parts.onread;
    this.#isEncrypted = parts.isEncrypted;
    this.#onWrite = parts.onWrite;
    this.#buffer = parts.onread.buffer();
    if (parts.isEncrypted) Object.defineProperty(this, 'encrypted', { value: true });
    this.#loop.polled.add(this);
  }

  /** It has been told to close, or is closed. */
  get isClosing(): boolean {
    return this.destroyed || this.#closesWhenFinished;
  }

  /** The gateway knows that the peer has ended, or that the connection is broken. */
  get hasSeenEnd(): boolean {
    return this.#hasEndBeenSeen || this.errored !== null;
  }

  // ---- Writing

  write(data: string | Buffer): boolean {
    if (this.#isEnded && !this.destroyed)
      throw new Error(`${this.name} was written to after its end`);
    if (this.destroyed) return false;
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    if (this.errored === null) this.#onWrite(bytes);
    this.writableLength += bytes.length;
    const goesOn = this.writableLength < HIGH_WATER_BYTES;
    if (!goesOn) this.#needsDrain = true;
    this.#buffered.push(bytes);
    if (this.#corks === 0) this.#writeOut({ isInCall: true });
    return goesOn && this.errored === null;
  }

  cork(): void {
    this.#corks += 1;
  }

  uncork(): void {
    this.#corks -= 1;
    if (this.#corks === 0) this.#writeOut({ isInCall: true });
  }

  #writeOut({ isInCall }: { readonly isInCall: boolean }): void {
    while (!this.destroyed && this.errored === null) {
      if (this.#current === null) {
        if (this.#buffered.length === 0) break;
        this.#current =
          this.#buffered.length === 1
            ? (this.#buffered[0] as Buffer)
            : Buffer.concat(this.#buffered);
        this.#currentAt = 0;
        this.#buffered = [];
      }
      const left = this.#current.subarray(this.#currentAt);
      const taken = this.tcp.write(left);
      if (taken < 0) {
        this.#onWriteFailed();
        return;
      }
      this.#currentAt += taken;
      if (taken < left.length) return;
      this.writableLength -= this.#current.length;
      this.#current = null;
      if (isInCall) this.#loop.tick(() => this.#afterWrite());
      else this.#afterWrite();
    }
  }

  #onWriteFailed(): void {
    this.writableLength -= this.#current?.length ?? 0;
    this.#current = null;
    const error = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    this.errored = error;
    this.#loop.tick(() => this.#destroy(error));
  }

  #afterWrite(): void {
    if (this.destroyed || this.writableLength > 0) return;
    if (this.#needsDrain && !this.#isEnded) {
      this.#needsDrain = false;
      this.#emit('drain');
    }
    this.#finishIfWritten();
  }

  end(): void {
    if (this.#isEnded || this.destroyed) return;
    this.#isEnded = true;
    this.#finishIfWritten();
  }

  #finishIfWritten(): void {
    if (this.#isEnded && this.writableLength === 0 && !this.#isFinished) this.#wantsShutdown = true;
  }

  #shutdown(): void {
    this.#wantsShutdown = false;
    if (!this.tcp.shutdown()) {
      this.#destroy(Object.assign(new Error('shutdown ENOTCONN'), { code: 'ENOTCONN' }));
      return;
    }
    this.#isFinished = true;
    if (this.#closesWhenFinished || this.#hasEndBeenSeen) this.#destroy(null);
  }

  destroySoon(): void {
    this.#closesWhenFinished = true;
    this.end();
    if (this.#isFinished) this.#destroy(null);
  }

  destroy(): void {
    this.#destroy(null);
  }

  resetAndDestroy(): void {
    if (!this.destroyed) this.tcp.reset();
    this.#destroy(null);
  }

  #destroy(error: Error | null): void {
    if (this.destroyed) return;
    this.destroyed = true;
    if (error !== null) this.errored ??= error;
    this.tcp.close();
    this.#loop.polled.delete(this);
    if (error !== null) this.#loop.tick(() => this.#emit('error', error));
    this.#loop.whenClosing(() => {
      this.writableLength = 0;
      this.#buffered = [];
      this.#current = null;
      this.#emit('close', error !== null);
    });
  }

  // ---- Reading

  pause(): void {
    this.#isReading = false;
  }

  resume(): void {
    this.#isReading = true;
  }

  setNoDelay(): void {
    // Nothing is held back here.
  }

  setReader(reader: BytesReader): void {
    this.#reader = reader;
  }

  get #canRead(): boolean {
    if (this.#hasEndBeenSeen || !this.#isReading) return false;
    const { arrivedBytes, hasFinArrived, hasResetArrived } = this.tcp;
    return arrivedBytes > 0 || hasFinArrived || hasResetArrived;
  }

  get #canWrite(): boolean {
    return this.#current !== null && (this.tcp.room > 0 || this.tcp.hasResetArrived);
  }

  get isReady(): boolean {
    return !this.destroyed && (this.#canRead || this.#canWrite || this.#wantsShutdown);
  }

  onPoll(): void {
    if (this.#canRead) this.#read();
    if (!this.destroyed && this.#canWrite) this.#writeOut({ isInCall: false });
    if (!this.destroyed && this.#wantsShutdown) this.#shutdown();
  }

  #read(): void {
    for (let reads = 0; reads < READS_IN_A_ROW && !this.destroyed; reads += 1) {
      // What TLS has decrypted it gives, whoever has paused it meanwhile.
      if (!this.#isReading && !(this.#isEncrypted && reads > 0)) return;
      if (this.tcp.arrivedBytes === 0) {
        if (reads === 0 || this.#isEncrypted) this.#readEnd();
        return;
      }
      const room = this.#isEncrypted ? this.#buffer.subarray(0, TLS_RECORD) : this.#buffer;
      const count = this.tcp.read(room);
      this.#give(count);
      if (count < room.length && !this.#isEncrypted) return;
    }
  }

  #give(count: number): void {
    const used = this.#buffer;
    this.#onread.callback(count);
    this.#reader?.(used.subarray(0, count));
    this.#buffer = this.#onread.buffer();
    // It may be written over from here on: whoever still looks at it is found out.
    if (this.#buffer === used) used.fill(SPOILT, 0, count);
    this.#loop.call(() => undefined);
  }

  #readEnd(): void {
    if (this.tcp.hasResetArrived) {
      this.#destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    } else if (this.tcp.hasFinArrived && !this.#hasEndBeenSeen) {
      this.#hasEndBeenSeen = true;
      this.#loop.tick(() => {
        if (this.destroyed) return;
        this.#emit('end');
        if (this.#isFinished) this.#destroy(null);
      });
    }
  }

  // ---- Events

  on(event: string, listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, [...listeners, listener]);
    return this;
  }

  off(event: string, listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? [];
    this.#listeners.set(
      event,
      listeners.filter((each) => each !== listener),
    );
    return this;
  }

  removeAllListeners(): this {
    this.#listeners.clear();
    return this;
  }

  #emit(event: string, value?: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never);
  }
}
