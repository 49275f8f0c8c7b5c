/**
 * The demo's origin: an HTTPS server of Node's own, that counts what reaches it. It runs as a process of its own, so that
 * its processor time can be told from the client's, and speaks to the demo over the channel of `fork`.
 */
import { rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { messageOf } from '../../base/fault.ts';

/** What the origin saw since it was last asked. */
export interface OriginCounts {
  readonly requests: number;
  /** TCP connections accepted. */
  readonly connections: number;
  /** TLS handshakes completed, resumed ones among them. */
  readonly handshakes: number;
  /** Different source ports among the connections. */
  readonly sourcePorts: number;
  /** Processor time, user and system. */
  readonly processorMs: number;
}

/** What is to be ended and removed when the demo itself is killed, and cannot do it. */
export interface Estate {
  readonly gatewayPid: number;
  readonly directory: string;
}

export type ToOrigin =
  | { readonly say: 'serve'; readonly cert: string; readonly key: string }
  | { readonly say: 'count' }
  | { readonly say: 'outlive'; readonly estate: Estate };

export type FromOrigin =
  | { readonly say: 'listening'; readonly port: number }
  | { readonly say: 'counts'; readonly counts: OriginCounts }
  | { readonly say: 'failed'; readonly why: string };

export const originBody = 'Hello from the origin.\n';

/** Serves until the demo has gone. */
export function serveOrigin(): void {
  const tell = (message: FromOrigin): void => void process.send?.(message);
  let counter: Counter | null = null;
  let estate: Estate | null = null;
  process.on('message', (message: ToOrigin) => {
    switch (message.say) {
      case 'serve': {
        const server = createOrigin(message);
        counter = new Counter(server);
        server.on('error', (error) => tell({ say: 'failed', why: messageOf(error) }));
        server.listen(0, '127.0.0.1', () => {
          const { port } = server.address() as AddressInfo;
          tell({ say: 'listening', port });
        });
        break;
      }
      case 'count':
        if (counter !== null) tell({ say: 'counts', counts: counter.take() });
        break;
      case 'outlive':
        estate = message.estate;
        break;
    }
  });
  process.on('disconnect', () => {
    if (estate !== null) settle(estate);
    process.exit(0);
  });
  // Ctrl-C reaches the whole group: the demo ends this process when it is done with it.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
}

function createOrigin({ cert, key }: { cert: string; key: string }): Server {
  // The gateway closes an idle connection first, as it should in production.
  return createServer({ cert, key, keepAliveTimeout: 120_000 }, (request, response) => {
    request.resume();
    const { pathname } = new URL(request.url ?? '/', 'https://origin');
    if (pathname === '/drop') {
      request.once('end', () => request.socket.destroy());
      return;
    }
    response.statusCode = pathname === '/unwell' ? 503 : 200;
    response.setHeader('Content-Type', 'text/plain');
    response.setHeader('Content-Length', originBody.length);
    response.end(request.method === 'HEAD' ? undefined : originBody);
  });
}

class Counter {
  #requests = 0;
  #connections = 0;
  #handshakes = 0;
  #sourcePorts = new Set<number>();
  #processor = process.cpuUsage();

  constructor(server: Server) {
    server.on('connection', (socket) => {
      this.#connections += 1;
      if (socket.remotePort !== undefined) this.#sourcePorts.add(socket.remotePort);
    });
    server.on('secureConnection', () => {
      this.#handshakes += 1;
    });
    server.on('request', () => {
      this.#requests += 1;
    });
  }

  /** Gives what was counted and starts anew. */
  take(): OriginCounts {
    const { user, system } = process.cpuUsage(this.#processor);
    const counts = {
      requests: this.#requests,
      connections: this.#connections,
      handshakes: this.#handshakes,
      sourcePorts: this.#sourcePorts.size,
      processorMs: (user + system) / 1000,
    };
    this.#requests = 0;
    this.#connections = 0;
    this.#handshakes = 0;
    this.#sourcePorts = new Set();
    this.#processor = process.cpuUsage();
    return counts;
  }
}

/** The demo was killed: does what it would have done. */
function settle({ gatewayPid, directory }: Estate): void {
  try {
    process.kill(gatewayPid, 'SIGKILL');
  } catch {
    // ESRCH: it has ended.
  }
  rmSync(directory, { recursive: true, force: true });
}
