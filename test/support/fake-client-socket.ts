/**
 * A client's socket without a kernel. As a real one does, it writes at once unless it is corked or the client takes
 * nothing, tells of room only to a writer that was refused, gives nothing while paused, takes back the bytes that it gave
 * once its reader returns, closes by itself once both sides have ended, and tells of its end one turn after it was closed
 * from this side.
 */
import type { ClientSocket } from '../../src/downstream/client-socket.ts';
import type { FakeClock } from './fake-clock.ts';

/** From here on a write answers false, as a `net.Socket` of Node does. */
const HIGH_WATER_BYTES = 64 * 1024;

type Part = string | Buffer;
type Inbound = { readonly data: Buffer } | 'end' | 'reset';
type Listener = (value: never) => void;

/** How the client sees the connection end: `fin` and `reset` as TCP has them. */
export type Incoming = 'open' | 'fin' | 'reset';

export class FakeClientSocket implements ClientSocket {
  readonly #clock: FakeClock;
  #listeners = new Map<string, Listener[]>();
  #reader: ((bytes: Buffer) => void) | null = null;
  #inbound: Inbound[] = [];
  #unwritten: Part[] = [];
  #isCorked = false;
  #isBlocked = false;
  #needsDrain = false;
  #isEnded = false;
  #closesWhenWritten = false;
  #hasPeerEnded = false;
  #isPeerGone = false;
  #received = '';
  isPaused = false;
  destroyed = false;
  writableLength = 0;
  /** What came in one system call each. */
  readonly writes: string[] = [];
  /** What was given to `write`, as it was given. */
  readonly parts: Part[] = [];
  /** Calls other than writes, in order. */
  readonly calls: string[] = [];
  incoming: Incoming = 'open';
  /** Octets that were thrown away when it was destroyed before they were written. */
  lostBytes = 0;
  /** Whether 'close' was told. */
  isClosed = false;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  /** All that the client has received. */
  get received(): string {
    return this.#received;
  }

  /** What it has received since this was last asked. */
  takeReceived(): string {
    const received = this.#received;
    this.#received = '';
    return received;
  }

  // ---- What the gateway sees

  write(data: Part): boolean {
    if (this.destroyed) return false;
    if (this.#isEnded) throw new Error('written to after its end');
    this.parts.push(data);
    this.#unwritten.push(data);
    this.writableLength += data.length;
    const goesOn = this.writableLength < HIGH_WATER_BYTES;
    if (!goesOn) this.#needsDrain = true;
    if (!this.#isCorked) this.#writeOut();
    return goesOn;
  }

  cork(): void {
    this.#isCorked = true;
  }

  uncork(): void {
    this.#isCorked = false;
    this.#writeOut();
  }

  end(): void {
    this.calls.push('end');
    this.#end();
  }

  destroySoon(): void {
    this.calls.push('destroySoon');
    this.#closesWhenWritten = true;
    this.#end();
    this.#finish();
  }

  destroy(): void {
    this.calls.push('destroy');
    this.#close();
  }

  resetAndDestroy(): void {
    this.calls.push('resetAndDestroy');
    if (!this.destroyed) this.incoming = 'reset';
    this.#close();
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.#clock.afterTurn(() => this.#deliver());
  }

  setNoDelay(on: boolean): void {
    this.calls.push(`setNoDelay ${on}`);
  }

  on(event: string, listener: Listener): this {
    const listeners = this.#listeners.get(event) ?? [];
    this.#listeners.set(event, [...listeners, listener]);
    return this;
  }

  setReader(reader: (bytes: Buffer) => void): void {
    this.#reader = reader;
  }

  removeAllListeners(): this {
    this.#listeners = new Map();
    return this;
  }

  // ---- What the client does

  /** Sends text (latin1) or bytes: one read each, once it is not paused. */
  send(...pieces: (string | Buffer)[]): void {
    for (const piece of pieces) {
      const data = typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece;
      // RFC 9293 3.10.7.1: what reaches a closed socket is answered with a reset.
      if (this.destroyed) this.incoming = 'reset';
      else this.#inbound.push({ data });
    }
    this.#deliver();
  }

  /** Ends its side. */
  fin(): void {
    if (this.#hasPeerEnded) return;
    this.#hasPeerEnded = true;
    this.#inbound.push('end');
    this.#deliver();
  }

  /** Breaks the connection: seen at the next read or write. */
  reset(): void {
    if (this.#isPeerGone) return;
    this.#isPeerGone = true;
    this.#inbound = ['reset'];
    this.#deliver();
  }

  /** Takes nothing until `drain`. */
  block(): void {
    this.#isBlocked = true;
  }

  /** Takes all that was held back, and goes on taking. */
  drain(): void {
    this.#isBlocked = false;
    this.#writeOut();
  }

  get hasPeerEnded(): boolean {
    return this.#hasPeerEnded || this.#isPeerGone;
  }

  /** Octets that the client has sent and nobody has read. */
  get unreadBytes(): number {
    return this.#inbound.reduce(
      (sum, each) => (typeof each === 'string' ? sum : sum + each.data.length),
      0,
    );
  }

  // ---- The kernel between them

  #writeOut(): void {
    if (this.#isBlocked || this.#isCorked || this.destroyed) return;
    if (this.#isPeerGone) {
      this.#clock.afterTurn(() => this.#break());
      return;
    }
    if (this.#unwritten.length > 0) {
      const text = this.#unwritten
        .map((part) => (typeof part === 'string' ? part : part.toString('latin1')))
        .join('');
      this.#unwritten = [];
      this.writableLength = 0;
      this.writes.push(text);
      this.#received += text;
    }
    if (this.#needsDrain && !this.#isEnded) this.#clock.afterTurn(() => this.#tellDrain());
    this.#finish();
  }

  #tellDrain(): void {
    if (!this.#needsDrain || this.#isEnded || this.destroyed || this.writableLength > 0) return;
    this.#needsDrain = false;
    this.#emit('drain');
  }

  #end(): void {
    if (this.#isEnded || this.destroyed) return;
    this.#isEnded = true;
    this.#finish();
  }

  /** Everything is written and this side has ended: the client sees it. */
  #finish(): void {
    if (!this.#isEnded || this.writableLength > 0 || this.destroyed) return;
    if (this.incoming === 'open') this.incoming = 'fin';
    this.#clock.afterTurn(() => {
      if (this.#closesWhenWritten || this.#hasSeenEnd) this.#close();
    });
  }

  get #hasSeenEnd(): boolean {
    return this.#hasPeerEnded && this.#inbound.length === 0;
  }

  #deliver(): void {
    while (!this.isPaused && !this.destroyed) {
      const next = this.#inbound.shift();
      if (next === undefined) return;
      if (next === 'reset') {
        this.#break();
      } else if (next === 'end') {
        this.#emit('end');
        this.#finish();
      } else this.#read(next.data);
    }
  }

  #read(data: Buffer): void {
    const bytes = Buffer.from(data);
    this.#reader?.(bytes);
    // All clients read into one buffer: whoever looks at it after the call sees another's.
    bytes.fill('?');
  }

  #break(): void {
    if (this.destroyed) return;
    this.incoming = 'reset';
    this.destroyed = true;
    this.#dropUnwritten();
    this.#emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    this.#tellClosed(true);
  }

  #close(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    // RFC 1122 4.2.2.13: closing with data unread sends a reset.
    if (this.unreadBytes > 0) this.incoming = 'reset';
    if (this.incoming === 'open') this.incoming = 'fin';
    this.#dropUnwritten();
    this.#clock.afterTurn(() => this.#tellClosed(false));
  }

  #dropUnwritten(): void {
    this.lostBytes = this.writableLength;
    this.#unwritten = [];
    this.writableLength = 0;
  }

  #tellClosed(hadError: boolean): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#emit('close', hadError);
  }

  #emit(event: string, value?: unknown): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(value as never);
  }
}
