/**
 * Accepted sockets that all read into one buffer.
 *
 * As Node makes them, each read allocates 64 KiB, shrinks them, and passes through a stream's queue and events. The
 * `onread` option spares all of this, and no `net.Server` gives it to what it accepts: so the socket is made here, from
 * the handle that the system's accept gave. That replaces a property of Node's own (`onconnection` of the listening
 * handle); where it is not found, sockets are made as Node makes them and are read by 'data', only dearer.
 *
 * One buffer is enough, and an idle client needs none: libuv reads and calls back at once, there is one thread, and no
 * two reads overlap. Its price is the reader's contract (`ClientSocket.setReader`): the bytes are gone after the call.
 *
 * What Node's own does besides is not needed here: no limit, block list or option is set on the server, and the gate
 * counts connections, so that a server tells 'close' without waiting for any.
 */

import { type Server, Socket, type SocketConstructorOpts } from 'node:net';
import { setImmediate } from 'node:timers';
import type { BytesReader, ClientSocket } from './client-socket.ts';

/** As much as libuv offers a read otherwise. */
const READ_BUFFER_BYTES = 64 * 1024;

const sharedBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

export type AcceptedSocket = Socket & Pick<ClientSocket, 'setReader'>;

/** `error` is the negative number of the system's, or 0. */
type OnConnection = (this: unknown, error: number, client?: object) => void;

class SharingSocket extends Socket {
  #reader: BytesReader | null = null;

  constructor(handle: object) {
    super({
      handle,
      // A client that ends its side after its request still gets its response.
      allowHalfOpen: true,
      onread: {
        buffer: sharedBuffer,
        callback: (length: number): boolean => {
          if (this.#reader?.(sharedBuffer.subarray(0, length)) !== false) return true;
          // libuv would read up to 32 times in a row from one that has so much to give.
          setImmediate(() => this.#readOn());
          return false;
        },
      },
    } as SocketConstructorOpts);
  }

  setReader(reader: BytesReader): void {
    this.#reader = reader;
  }

  #readOn(): void {
    // Unless somebody has paused it meanwhile.
    if (!this.destroyed && !this.isPaused()) this.resume();
  }
}

/** For a server that listens. False when this Node does not offer it, and nothing was changed. */
export function acceptSharing(server: Server, onSocket: (socket: AcceptedSocket) => void): boolean {
  const { _handle: handle } = server as { _handle?: { onconnection?: OnConnection } | null };
  const nodesOwn = handle?.onconnection;
  if (!handle || typeof nodesOwn !== 'function') return false;
  handle.onconnection = function (error, client) {
    if (error === 0 && client !== undefined) onSocket(new SharingSocket(client));
    // It makes the error and tells the server's listeners.
    else nodesOwn.call(this, error, client);
  };
  return true;
}

/** The same by public means. */
export function acceptByEvent(server: Server, onSocket: (socket: AcceptedSocket) => void): void {
  server.on('connection', (socket) => {
    const setReader = (reader: BytesReader): void => {
      socket.removeAllListeners('data');
      socket.on('data', reader);
    };
    onSocket(Object.assign(socket, { setReader }));
  });
}
