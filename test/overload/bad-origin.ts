/**
 * An origin that does one harmful thing, a process of its own.
 *
 *   node test/overload/bad-origin.ts '{"harm":"silent","port":1234}'
 */
import { createHash } from 'node:crypto';
import { createServer, type Socket } from 'node:net';

const chunkedHead = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Gives all that the connection takes, for ever. */
function pour(socket: Socket, data: string): void {
  while (!socket.destroyed && socket.write(data, 'latin1'));
  socket.once('drain', () => pour(socket, data));
}

const harms = {
  /** Takes everything, and answers nothing. */
  silent: () => undefined,
  drip: (socket: Socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
    const timer = setInterval(() => socket.write('x'), 1_000);
    socket.once('close', () => clearInterval(timer));
  },
  reset: (socket: Socket) => {
    socket.resetAndDestroy();
  },
  'reset-at-once': () => undefined,
  /** Accepts, and takes nothing off its connections. */
  'silent-unread': () => undefined,
  interims: (socket: Socket) => {
    pour(socket, 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n'.repeat(100));
  },
  'tiny-chunks': (socket: Socket) => {
    socket.write(chunkedHead);
    pour(socket, '1\r\nx\r\n'.repeat(10_000));
  },
  trailers: (socket: Socket) => {
    socket.write(`${chunkedHead}0\r\n`);
    pour(socket, 'X-More: and more\r\n'.repeat(3_000));
  },
  'endless-heads': (socket: Socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    pour(socket, 'X-More: and more\r\n'.repeat(3_000));
  },
  websocket: (socket: Socket, text: string) => {
    const key = /^sec-websocket-key: *(\S+)/im.exec(text)?.[1] ?? '';
    if (key === '') {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      return;
    }
    const accept = createHash('sha1')
      .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
  },
} as const satisfies Readonly<Record<string, (socket: Socket, text: string) => void>>;

export type Harm = keyof typeof harms;

export interface HarmPlan {
  readonly harm: Harm;
  readonly port: number;
}

const { harm, port } = JSON.parse(process.argv[2] ?? '{}') as HarmPlan;
const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => undefined);
  if (harm === 'reset-at-once') {
    socket.resetAndDestroy();
    return;
  }
  if (harm === 'silent-unread') {
    socket.pause();
    return;
  }
  let isWaiting = true;
  socket.on('data', (data) => {
    // Each request whose head is whole, as far as these tests send any.
    const text = data.toString('latin1');
    if (!isWaiting || !text.includes('\r\n\r\n')) return;
    isWaiting = harm === 'websocket';
    harms[harm](socket, text);
  });
});
server.listen({ port, host: '127.0.0.1', backlog: 1_024 });
