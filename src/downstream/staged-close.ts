/**
 * Closing so that the client never loses its response (RFC 9112 9.6): a socket that is closed with unread data sends a
 * reset, and a reset throws away what the client has received but not yet read.
 */
import type { ClientSocket } from './client-socket.ts';

export class StagedClose {
  readonly #socket: ClientSocket;
  #discarded = 0;

  constructor(socket: ClientSocket) {
    this.#socket = socket;
  }

  /** For when nothing is unread: closes once all is written. Gives whether that is still to come. */
  afterWriting(): boolean {
    if (this.#socket.writableLength === 0) {
      this.#socket.destroy();
      return false;
    }
    this.#socket.destroySoon();
    return true;
  }

  /** Half-closes, and reads on: the client's end, a time limit or `discard` ends it. */
  half(): void {
    this.#socket.end();
    this.#socket.resume();
  }

  /** Something more came that nobody wants. */
  discard(data: Buffer, limitBytes: number): void {
    this.#discarded += data.length;
    if (this.#discarded > limitBytes) this.#socket.destroy();
  }
}
