/**
 * Takes what one read gave. The bytes are gone after the call: the next read, of whichever client, is written over them.
 * False: it cost much, and others are to be served before the next one.
 */
export type BytesReader = (bytes: Buffer) => unknown;

/** What the client side needs of a socket: see accepted-sockets.ts. Tests and the simulator bring their own. */
export interface ClientSocket {
  write(data: string, encoding: 'latin1'): boolean;
  write(data: Buffer): boolean;
  cork(): void;
  uncork(): void;
  /** Half-closes once everything is written. */
  end(): void;
  /** Half-closes once everything is written, and closes then. */
  destroySoon(): void;
  destroy(): void;
  resetAndDestroy(): void;
  pause(): void;
  resume(): void;
  setNoDelay(on: boolean): void;
  /** In the last one's place. */
  setReader(reader: BytesReader): void;
  readonly writableLength: number;
  readonly destroyed: boolean;
  on(event: 'end' | 'drain', listener: () => void): unknown;
  on(event: 'close', listener: (hadError: boolean) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeAllListeners(): unknown;
}
