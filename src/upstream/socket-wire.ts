/** The real wire: a TCP or TLS socket that reads into one buffer of its own. */
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers';
import { codeOf } from '../base/fault.ts';
import type { RawSocket, TunnelHandler, Wire, WireHandler } from './wire.ts';

/** A connection's read buffer. 16 KiB is one TLS record, and most responses whole. */
const READ_BUFFER_BYTES = 16 * 1024;
/** While a large body streams: a system call each way for four times as much. */
const LARGE_BUFFER_BYTES = 64 * 1024;
/** After so many reads in a row that filled the buffer, the larger one is taken. */
const FULL_READS = 2;
/** What may lie unwritten in a socket before its writer is asked to wait. */
const HIGH_WATER_BYTES = 64 * 1024;

/** Large buffers that nobody reads into now: whoever streams a large body next takes one. */
const spareLarge: Buffer[] = [];
/** More are not worth their memory: large bodies that stream at the same time are few. */
const MOST_SPARE = 8;

/**
 * The `onread` option of a socket. The socket is made with it, before there is a wire to take the bytes.
 * A buffer shared between connections that read would be cheaper, and corrupts bodies as soon as a client reads slowly.
 */
export class ReadBuffer {
  #bytes: Buffer;
  /** What is read into while no large body streams. */
  #small: Buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  #isKept = false;
  #fullReads = 0;
  readonly #mostBytes: number;
  /** Set once the wire exists. */
  onBytes: ((bytes: Buffer) => unknown) | null = null;

  /** TLS gives no more than one record of 16 KiB at a time. */
  constructor({ isEncrypted }: { readonly isEncrypted: boolean }) {
    this.#bytes = this.#small;
    this.#mostBytes = isEncrypted ? READ_BUFFER_BYTES : LARGE_BUFFER_BYTES;
  }

  /** Asked for before each read. */
  readonly buffer = (): Buffer => {
    const bytes = this.#fullReads < FULL_READS ? READ_BUFFER_BYTES : this.#mostBytes;
    if (this.#isKept || bytes !== this.#bytes.length) this.#change(bytes);
    return this.#bytes;
  };

  #change(bytes: number): void {
    const isLarge = this.#bytes !== this.#small;
    if (this.#isKept) {
      if (!isLarge) this.#small = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
    } else if (isLarge && spareLarge.length < MOST_SPARE) spareLarge.push(this.#bytes);
    this.#isKept = false;
    this.#bytes =
      bytes === READ_BUFFER_BYTES
        ? this.#small
        : (spareLarge.pop() ?? Buffer.allocUnsafeSlow(LARGE_BUFFER_BYTES));
  }

  readonly callback = (length: number): boolean => {
    if (length === this.#bytes.length) this.#fullReads += 1;
    // The end of a body, or a slow one: an idle connection is not to hold the large buffer.
    else this.#fullReads = 0;
    return this.onBytes?.(this.#bytes.subarray(0, length)) !== false;
  };

  get size(): number {
    return this.#bytes.length;
  }

  keep(): void {
    this.#isKept = true;
  }
}

export class SocketWire implements Wire {
  readonly #socket: Socket;
  readonly #buffer: ReadBuffer;
  #handler: WireHandler | null = null;
  #closedBy: string | null = null;
  #sent = 0;
  #received = 0;
  #isBlocked = false;
  readonly #isEncrypted: boolean;
  mayHaveMore = false;

  constructor(socket: Socket, buffer: ReadBuffer) {
    this.#socket = socket;
    this.#buffer = buffer;
    this.#isEncrypted = 'encrypted' in socket;
    buffer.onBytes = (bytes) => {
      this.#received += bytes.length;
      this.mayHaveMore = this.#isEncrypted || bytes.length === buffer.size;
      if (this.#handler?.onBytes(bytes) !== false) return true;
      setImmediate(() => this.#readOn());
      return false;
    };
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  #readOn(): void {
    // Unless somebody has paused it meanwhile.
    if (!this.#socket.destroyed && !this.#socket.isPaused()) this.#socket.resume();
  }

  get hasFailed(): boolean {
    return this.#socket.errored !== null;
  }

  setHandler(handler: WireHandler): void {
    this.#handler = handler;
  }

  write(data: string | Buffer): boolean {
    this.#sent += data.length;
    if (typeof data === 'string') this.#socket.write(data, 'latin1');
    else this.#socket.write(data);
    return this.#mayGoOn();
  }

  writeAll(parts: readonly (string | Buffer)[]): boolean {
    this.#socket.cork();
    for (const part of parts) this.write(part);
    this.#socket.uncork();
    return this.#mayGoOn();
  }

  #mayGoOn(): boolean {
    this.#isBlocked = this.#socket.writableLength > HIGH_WATER_BYTES;
    return !this.#isBlocked;
  }

  get holdsBytes(): boolean {
    return this.#socket.writableLength > 0;
  }

  get hasUnsent(): boolean {
    // TLS tells that a write is done only a turn later: by then its response may be here.
    return this.#isEncrypted ? this.#isBlocked : this.#socket.writableLength > 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  renewBuffer(): void {
    this.#buffer.keep();
  }

  close(): void {
    // A peer that takes nothing would never let the end be written: the socket would stay for as long as the peer does.
    if (this.hasUnsent) this.destroy();
    // RFC 9112 9.8: a TLS connection says close_notify first; end() does, destroySoon() waits until it is written.
    else this.#socket.destroySoon();
  }

  destroy(): void {
    destroy(this.#socket);
  }

  takeCounts(): readonly [number, number] {
    const counts = [this.#sent, this.#received] as const;
    this.#sent = 0;
    this.#received = 0;
    return counts;
  }

  release(): RawSocket {
    const socket = this.#socket;
    const buffer = this.#buffer;
    this.#handler = null;
    socket.off('end', this.#onEnd);
    socket.off('drain', this.#onDrain);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
    return new TunnelSocket(socket, (onData) => {
      buffer.onBytes = (bytes) => {
        onData(bytes);
        // What the other side could not write at once lies in this buffer.
        buffer.keep();
      };
    });
  }

  readonly #onEnd = (): void => this.#handler?.onPeerEnd();

  readonly #onDrain = (): void => {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#handler?.onWritable();
  };

  readonly #onError = (error: Error): void => {
    this.#closedBy = codeOf(error) ?? error.message;
  };

  readonly #onClose = (): void => {
    const handler = this.#handler;
    this.#handler = null;
    handler?.onClosed(this.#closedBy);
  };
}

/**
 * RFC 9112 9.8: close_notify goes first here too; `end` writes it at once, unless the peer takes nothing more. The peer is
 * not deceived by that: what a request still lacks is told by its framing.
 */
function destroy(socket: Socket): void {
  if ('encrypted' in socket) socket.end();
  socket.destroy();
}

/** A socket that has become half of a tunnel. */
export class TunnelSocket implements RawSocket {
  readonly #socket: Socket;
  readonly #listen: (onData: (data: Buffer) => void) => void;

  constructor(socket: Socket, listen: (onData: (data: Buffer) => void) => void) {
    this.#socket = socket;
    this.#listen = listen;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(data: Buffer): boolean {
    return this.#socket.write(data);
  }

  end(): void {
    this.#socket.end();
  }

  destroySoon(): void {
    this.#socket.destroySoon();
  }

  destroy(): void {
    destroy(this.#socket);
  }

  resetAndDestroy(): void {
    this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  setTunnel(handler: TunnelHandler): void {
    this.#listen((data) => handler.onData(data));
    this.#socket.on('end', () => handler.onEnd());
    this.#socket.on('drain', () => handler.onDrain());
    this.#socket.on('error', () => {
      // 'close' follows and is what ends the tunnel.
    });
    this.#socket.on('close', () => handler.onClosed());
  }
}
