/**
 * A connection's bytes, in and out: all that the upstream side sees of a socket. Tests and the simulator put
 * something else in its place.
 */
export interface Wire {
  /**
   * Writes text (one octet a character) or bytes. Gives whether more may be written at once; if not, `onWritable`
   * follows. Bytes belong to the wire until they are written.
   */
  write(data: string | Buffer): boolean;
  /** Writes the parts in one system call, where the system can. */
  writeAll(parts: readonly (string | Buffer)[]): boolean;
  /** Whether the very first write failed at once: then the peer has seen nothing of it. */
  readonly hasFailed: boolean;
  /** Whether some of what was written has not left this process yet, because the peer takes it slowly or not at all. */
  readonly hasUnsent: boolean;
  /**
   * Whether bytes that have arrived already may still come in this turn of the loop: the last read filled its buffer,
   * or TLS gives its records one by one.
   */
  readonly mayHaveMore: boolean;
  /** Whether bytes that were written are still looked at. */
  readonly holdsBytes: boolean;
  pause(): void;
  resume(): void;
  /** The bytes of the last `onBytes` are still needed: read into others from now on. */
  renewBuffer(): void;
  /** Says goodbye (TLS close_notify) and closes; at once if the peer does not take what was written. */
  close(): void;
  /** Closes at once. */
  destroy(): void;
  setHandler(handler: WireHandler): void;
  /** Octets that HTTP has written and read since the last call: [sent, received]. */
  takeCounts(): readonly [number, number];
  /** Gives up the socket for a tunnel: no handler is called any more. */
  release(): RawSocket;
}

export interface WireHandler {
  /**
   * Bytes have come. They are overwritten after the call unless `renewBuffer` was called in it. False: that cost much, and
   * others are to be served before the next.
   */
  onBytes(bytes: Buffer): unknown;
  /** The peer has ended its side. */
  onPeerEnd(): void;
  /** Everything has gone out that was held back. */
  onWritable(): void;
  /** It is over. `code` tells why when it was an error. Called once. */
  onClosed(code: string | null): void;
}

/** What a tunnel needs of a socket, on either side. */
export interface RawSocket {
  write(data: Buffer): boolean;
  end(): void;
  /** Closes once everything is written. */
  destroySoon(): void;
  destroy(): void;
  resetAndDestroy(): void;
  pause(): void;
  resume(): void;
  readonly writableLength: number;
  setTunnel(handler: TunnelHandler): void;
}

export interface TunnelHandler {
  onData(data: Buffer): void;
  onEnd(): void;
  onDrain(): void;
  onClosed(): void;
}
