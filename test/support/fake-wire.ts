/**
 * A wire without a socket. As a real one does, it reads into one buffer that is written over after each read unless
 * somebody asked for another; it gives nothing while paused; and it tells of its end one turn after it was closed,
 * also when it was closed from this side.
 */
import type { RawSocket, TunnelHandler, Wire, WireHandler } from '../../src/upstream/wire.ts';
import type { FakeClock } from './fake-clock.ts';

const BUFFER_BYTES = 16 * 1024;
/** What a buffer is written over with: no test sends it. */
const SPOILT = 0x23;

export class FakeWire implements Wire {
  readonly #clock: FakeClock;
  #handler: WireHandler | null = null;
  #buffer = Buffer.alloc(BUFFER_BYTES);
  #isRenewed = false;
  #pending: (() => void)[] = [];
  #sent = 0;
  #received = 0;
  #isOver = false;
  hasFailed = false;
  hasUnsent = false;
  holdsBytes = false;
  mayHaveMore = false;
  /** The code that the next write fails with, at once. */
  failsWith: string | null = null;
  /** What each write answers: false asks the writer to wait. */
  takesMore = true;
  /** One entry for each system call. */
  readonly writes: string[] = [];
  isPaused = false;
  /** How often another buffer was asked for. */
  renewals = 0;
  /** How it was closed from this side. */
  closed: 'closed' | 'destroyed' | null = null;
  isReleased = false;
  readonly tunnel = new FakeRawSocket();

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** All that was written, as one text. */
  get written(): string {
    return this.writes.join('');
  }

  /** Whether its end has been told. */
  get isOver(): boolean {
    return this.#isOver;
  }

  // ---- What the connection sees

  write(data: string | Buffer): boolean {
    return this.writeAll([data]);
  }

  writeAll(parts: readonly (string | Buffer)[]): boolean {
    if (this.closed !== null) throw new Error('written to after it was closed');
    if (this.failsWith !== null || this.hasFailed) {
      const code = this.failsWith;
      this.hasFailed = true;
      this.failsWith = null;
      if (code !== null) this.#clock.afterTurn(() => this.#over(code));
      return true;
    }
    const text = parts
      .map((part) => (typeof part === 'string' ? part : part.toString('latin1')))
      .join('');
    this.#sent += text.length;
    this.writes.push(text);
    this.hasUnsent = !this.takesMore;
    return this.takesMore;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#clock.afterTurn(() => this.#deliver());
  }

  renewBuffer(): void {
    this.renewals += 1;
    this.#isRenewed = true;
  }

  close(): void {
    this.#shut('closed');
  }

  destroy(): void {
    this.#shut('destroyed');
  }

  setHandler(handler: WireHandler): void {
    this.#handler = handler;
  }

  takeCounts(): readonly [number, number] {
    const counts = [this.#sent, this.#received] as const;
    this.#sent = 0;
    this.#received = 0;
    return counts;
  }

  release(): RawSocket {
    this.isReleased = true;
    this.#handler = null;
    return this.tunnel;
  }

  // ---- What the peer does

  /** Bytes come, in one read each 16 KiB; once resumed, if it is paused. */
  respond(data: string | Buffer): void {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    for (let at = 0; at < bytes.length; at += BUFFER_BYTES) {
      const piece = Buffer.from(bytes.subarray(at, at + BUFFER_BYTES));
      this.#pending.push(() => this.#read(piece));
    }
    this.#deliver();
  }

  /** Bytes come though it is paused, as decrypted records do that came in one segment. */
  respondThoughPaused(data: string): void {
    this.#read(Buffer.from(data, 'latin1'));
  }

  /** The peer ends its side. */
  end(): void {
    this.#pending.push(() => this.#handler?.onPeerEnd());
    this.#deliver();
  }

  endThoughPaused(): void {
    this.#handler?.onPeerEnd();
  }

  /** The connection breaks, whatever else was on its way. */
  reset(code = 'ECONNRESET'): void {
    this.#pending = [];
    this.#over(code);
  }

  /** What was held back has gone out. */
  drain(): void {
    this.takesMore = true;
    this.hasUnsent = false;
    this.#handler?.onWritable();
  }

  #read(bytes: Buffer): void {
    if (this.#isRenewed) {
      this.#buffer = Buffer.alloc(BUFFER_BYTES);
      this.#isRenewed = false;
    }
    const buffer = this.#buffer;
    bytes.copy(buffer);
    this.#received += bytes.length;
    this.mayHaveMore = bytes.length === BUFFER_BYTES;
    this.#handler?.onBytes(buffer.subarray(0, bytes.length));
    if (!this.#isRenewed) buffer.fill(SPOILT);
  }

  #deliver(): void {
    while (!this.isPaused && !this.#isOver) {
      const next = this.#pending.shift();
      if (next === undefined) return;
      next();
    }
  }

  #shut(how: 'closed' | 'destroyed'): void {
    if (this.closed !== null) return;
    this.closed = how;
    this.#pending = [];
    this.#clock.afterTurn(() => this.#over(null));
  }

  #over(code: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const handler = this.#handler;
    this.#handler = null;
    handler?.onClosed(code);
  }
}

/** What a wire becomes when it is given up for a tunnel. */
export class FakeRawSocket implements RawSocket {
  readonly writableLength = 0;
  isDestroyed = false;

  write(): boolean {
    return true;
  }

  end(): void {}

  destroySoon(): void {
    this.destroy();
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  resetAndDestroy(): void {
    this.isDestroyed = true;
  }

  pause(): void {}

  resume(): void {}

  setTunnel(_: TunnelHandler): void {}
}
