/**
 * A TCP connection between the gateway and a peer, as the two kernels have it. What a peer sends is on its way until it
 * arrives; what the gateway sends is at once before the peer, as far as the peer's window has room, and the peer reads it
 * when it likes.
 */
export type Seen = 'open' | 'fin' | 'reset';

type OnItsWay = Buffer | 'fin' | 'reset';

const nothing = Buffer.alloc(0);

export class Tcp {
  readonly #flight: OnItsWay[] = [];
  // ---- Before the gateway
  #arrived: Buffer[] = [];
  arrivedBytes = 0;
  hasFinArrived = false;
  hasResetArrived = false;
  /** In which turn of the gateway's loop its end has arrived; null before. */
  endArrivedIn: number | null = null;
  /** Octets that the gateway has read. */
  readBytes = 0;
  #isGatewayClosed = false;
  // ---- Before the peer
  #toPeer: Buffer[] = [];
  #toPeerBytes = 0;
  #peerSees: Seen = 'open';
  windowBytes: number;
  /** Octets that the gateway's kernel has taken. */
  takenBytes = 0;
  /** Octets that the peer has read. */
  peerReadBytes = 0;
  /** The peer has ended its side; has closed both. */
  hasPeerEnded = false;
  isPeerClosed = false;
  /** Whether what had not been read is lost when a reset comes. */
  readonly #losesUnread: boolean;
  readonly #turns: () => number;

  constructor(
    { windowBytes, losesUnread }: { windowBytes: number; losesUnread: boolean },
    turns: () => number,
  ) {
    this.#turns = turns;
    this.windowBytes = windowBytes;
    this.#losesUnread = losesUnread;
  }

  // ---- The gateway's kernel

  /** Takes what there is room for; -1 when the connection is broken. */
  write(data: Buffer): number {
    if (this.hasResetArrived) return -1;
    if (this.isPeerClosed) {
      // RFC 9293 3.10.7.1: what reaches a closed socket is answered with a reset.
      this.#flight.push('reset');
      this.takenBytes += data.length;
      return data.length;
    }
    const count = Math.min(data.length, this.room);
    if (count > 0) {
      // A kernel takes a copy: the writer may use its memory for something else.
      this.#toPeer.push(Buffer.from(data.subarray(0, count)));
      this.#toPeerBytes += count;
      this.takenBytes += count;
    }
    return count;
  }

  get room(): number {
    return this.isPeerClosed ? Number.POSITIVE_INFINITY : this.windowBytes - this.#toPeerBytes;
  }

  /** Copies what has arrived into `target`; gives how much. */
  read(target: Buffer): number {
    let count = 0;
    while (count < target.length) {
      const first = this.#arrived[0];
      if (first === undefined) break;
      const part = Math.min(first.length, target.length - count);
      first.copy(target, count, 0, part);
      count += part;
      if (part === first.length) this.#arrived.shift();
      else this.#arrived[0] = first.subarray(part);
    }
    this.arrivedBytes -= count;
    this.readBytes += count;
    return count;
  }

  /** False when it is broken. */
  shutdown(): boolean {
    if (this.hasResetArrived) return false;
    if (this.#peerSees === 'open') this.#peerSees = 'fin';
    return true;
  }

  /** RFC 1122 4.2.2.13: closing with something unread sends a reset. */
  close(): void {
    if (this.#isGatewayClosed) return;
    if (this.arrivedBytes > 0) this.reset();
    else if (this.#peerSees === 'open') this.#peerSees = 'fin';
    this.#isGatewayClosed = true;
    this.#arriveAtClosed();
  }

  reset(): void {
    if (this.#isGatewayClosed || this.hasResetArrived) return;
    this.#isGatewayClosed = true;
    this.#resetPeer();
  }

  #resetPeer(): void {
    this.#peerSees = 'reset';
    if (!this.#losesUnread) return;
    this.#toPeer = [];
    this.#toPeerBytes = 0;
  }

  get isGatewayClosed(): boolean {
    return this.#isGatewayClosed;
  }

  // ---- The peer

  send(data: Buffer): void {
    if (this.hasPeerEnded || this.isPeerClosed) throw new Error('the peer has ended its side');
    if (data.length > 0) this.#flight.push(data);
  }

  fin(): void {
    if (this.hasPeerEnded) return;
    this.hasPeerEnded = true;
    this.#flight.push('fin');
  }

  /** Closes both directions: a reset if something is unread, else a FIN. */
  closePeer(): void {
    if (this.isPeerClosed) return;
    if (this.#toPeerBytes > 0) this.resetByPeer();
    else {
      this.fin();
      this.isPeerClosed = true;
    }
  }

  resetByPeer(): void {
    if (this.isPeerClosed) return;
    this.hasPeerEnded = true;
    this.isPeerClosed = true;
    this.#toPeer = [];
    this.#toPeerBytes = 0;
    this.#flight.push('reset');
  }

  get unreadByPeer(): number {
    return this.#toPeerBytes;
  }

  /** What the peer sees behind all that it can still read. */
  get peerSees(): Seen {
    return this.#toPeerBytes > 0 ? 'open' : this.#peerSees;
  }

  /** Takes up to so many octets. */
  readByPeer(most = Number.POSITIVE_INFINITY): Buffer {
    if (this.#toPeerBytes === 0) return nothing;
    let all = this.#toPeer.length === 1 ? (this.#toPeer[0] as Buffer) : Buffer.concat(this.#toPeer);
    this.#toPeer = [];
    if (all.length > most) {
      this.#toPeer.push(all.subarray(most));
      all = all.subarray(0, most);
    }
    this.#toPeerBytes -= all.length;
    this.peerReadBytes += all.length;
    return all;
  }

  get isOnItsWay(): boolean {
    return this.#flight.length > 0;
  }

  /** The first so many things that are on their way arrive. */
  arrive(count = Number.POSITIVE_INFINITY): void {
    if (this.#isGatewayClosed) {
      this.#arriveAtClosed();
      return;
    }
    for (let index = 0; index < count; index += 1) {
      const next = this.#flight.shift();
      if (next === undefined) return;
      if (typeof next === 'string') this.endArrivedIn ??= this.#turns();
      if (next === 'fin') this.hasFinArrived = true;
      else if (next === 'reset') this.#onReset();
      else if (!this.hasResetArrived) {
        this.#arrived.push(next);
        this.arrivedBytes += next.length;
      }
    }
  }

  #onReset(): void {
    this.hasResetArrived = true;
    if (this.#losesUnread) {
      this.#arrived = [];
      this.arrivedBytes = 0;
    }
    this.#peerSees = 'reset';
  }

  #arriveAtClosed(): void {
    const hasData = this.#flight.some((each) => typeof each !== 'string');
    this.#flight.length = 0;
    if (hasData && !this.isPeerClosed) this.#resetPeer();
  }
}
