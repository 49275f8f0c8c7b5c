/**
 * The origin of the keep-alive race, a process of its own so that its timers are its own: it stops reading a
 * connection some time after its last response, and resets it a little later. What arrives between the two is lost.
 *
 *   node test/soak/race-origin.ts STOP_READING_MS RESET_MS
 *
 * Prints `listening PORT`; on SIGTERM one line of JSON, an `OriginReport`, and ends.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface OriginReport {
  readonly connections: number;
  /** Requests answered, by method. */
  readonly answered: Readonly<Record<string, number>>;
  /** Requests whose id had been seen before, by method. */
  readonly repeated: Readonly<Record<string, number>>;
  readonly resets: number;
  /** How late the resets were, in milliseconds: what the machine's own noise adds. */
  readonly latestResetMs: number;
}

const stopReadingMs = Number(process.argv[2] ?? 60);
const resetMs = Number(process.argv[3] ?? 66);

const seen = new Set<string>();
const answered: Record<string, number> = {};
const repeated: Record<string, number> = {};
let connections = 0;
let resets = 0;
let latestResetMs = 0;

const server = createServer(serve);

function serve(socket: Socket): void {
  connections += 1;
  socket.setNoDelay(true);
  let text = '';
  let answers = 0;
  let stop: NodeJS.Timeout | undefined;
  let reset: NodeJS.Timeout | undefined;
  const forget = (): void => {
    clearTimeout(stop);
    clearTimeout(reset);
  };
  socket.on('error', () => {});
  socket.on('close', forget);
  socket.on('end', () => socket.end());
  socket.on('data', (data) => {
    text += data.toString('latin1');
    for (;;) {
      const end = text.indexOf('\r\n\r\n');
      if (end === -1) return;
      const head = text.slice(0, end + 2);
      const wholeLength = end + 4 + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
      if (text.length < wholeLength) return;
      text = text.slice(wholeLength);
      note(head);
      forget();
      answers += 1;
      // The clients learn by this whether their request went over a connection used before.
      socket.write(`HTTP/1.1 200 OK\r\nX-Nth: ${answers}\r\nContent-Length: 3\r\n\r\nok\n`);
      const atMs = performance.now();
      stop = setTimeout(() => socket.pause(), stopReadingMs);
      reset = setTimeout(() => {
        resets += 1;
        latestResetMs = Math.max(latestResetMs, performance.now() - atMs - resetMs);
        socket.resetAndDestroy();
      }, resetMs);
    }
  });
}

function note(head: string): void {
  const method = head.slice(0, head.indexOf(' '));
  const id = /^x-id: *(.*)\r$/im.exec(head)?.[1] ?? '';
  answered[method] = (answered[method] ?? 0) + 1;
  if (seen.has(id)) repeated[method] = (repeated[method] ?? 0) + 1;
  seen.add(id);
}

process.once('SIGTERM', () => {
  const report: OriginReport = { connections, answered, repeated, resets, latestResetMs };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
});

server.listen({ port: 0, host: '127.0.0.1', backlog: 511 }, () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`);
});
