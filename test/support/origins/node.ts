/** Node's own server as an origin, in the test's process: it shows what the others cannot. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { noise, type SizeName, sizes } from '../bodies.ts';
import type { Certificate } from '../certificates.ts';
import type { Origin } from './origin.ts';

export interface NodeOriginOptions {
  readonly tls?: Pick<Certificate, 'cert' | 'key'> & {
    readonly ca?: string;
    readonly requestCert?: boolean;
  };
  /** 127.0.0.1 unless given. */
  readonly host?: string;
  /** A free one unless given. */
  readonly port?: number;
  /** Node tells it to clients in its Keep-Alive field. */
  readonly keepAliveTimeoutMs?: number;
}

/** What `/echo` answers. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly trailers: Readonly<Record<string, string>>;
  readonly httpVersion: string;
  readonly sha256: string;
  readonly bytes: number;
}

export interface NodeOrigin extends Origin {
  /** Connections accepted, requests read, and requests that came with `Expect: 100-continue`. */
  readonly counts: { connections: number; requests: number; expectations: number };
  /** Resets every connection, whatever is under way on it. */
  readonly reset: () => void;
}

type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
) => void | Promise<void>;

/**
 * `/ok`; `/size/10k` and so on; `/echo`; `/chunked` in ten pieces; `/trailers`; `/hints` sends a 103
 * first; `/slow?ms=` waits; `/status?code=`; `/drip?ms=` sends ten pieces that far apart. WebSocket
 * connections anywhere are echoed.
 */
const answers: Readonly<Record<string, Answer>> = {
  '/ok': (_request, response) => {
    response.end('ok');
  },
  '/echo': async (request, response) => {
    const body = JSON.stringify(await echoOf(request));
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    });
    response.end(body);
  },
  '/chunked': (_request, response) => {
    for (let piece = 0; piece < 10; piece++) response.write(`piece ${piece}\n`);
    response.end();
  },
  '/trailers': (_request, response) => {
    response.writeHead(200, { Trailer: 'X-Sum' });
    response.write('with trailers');
    response.addTrailers({ 'X-Sum': sum('with trailers') });
    response.end();
  },
  '/hints': (_request, response) => {
    response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
    response.end('hinted');
  },
  '/slow': async (_request, response, url) => {
    await sleep(Number(url.searchParams.get('ms')));
    response.end('slow');
  },
  '/drip': async (_request, response, url) => {
    for (let piece = 0; piece < 10; piece++) {
      response.write(`drop ${piece}\n`);
      await sleep(Number(url.searchParams.get('ms')));
    }
    response.end();
  },
  '/status': (_request, response, url) => {
    response.writeHead(Number(url.searchParams.get('code')));
    response.end();
  },
};

export async function startNodeOrigin(options: NodeOriginOptions = {}): Promise<NodeOrigin> {
  const counts = { connections: 0, requests: 0, expectations: 0 };
  const sockets = new Set<Socket>();
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    counts.requests++;
    answer(request, response).catch((cause) => response.destroy(cause));
  };
  const server = options.tls ? createTlsServer(options.tls, handle) : createServer(handle);
  server.keepAliveTimeout = options.keepAliveTimeoutMs ?? 60_000;
  server.on('checkContinue', (request, response) => {
    counts.expectations++;
    response.writeContinue();
    handle(request, response);
  });
  server.on('connection', (socket: Socket) => {
    counts.connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const webSockets = echoWebSockets(server);
  const { host = '127.0.0.1', port = 0 } = options;
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('the origin has no port');
  return {
    port: address.port,
    url: `${options.tls ? 'https' : 'http'}://${host}:${address.port}`,
    counts,
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    stop: async () => {
      webSockets.close();
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://origin');
  const named = answers[url.pathname];
  if (named) return await named(request, response, url);
  const size = sizes[url.pathname.replace('/size/', '') as SizeName];
  if (size === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'Content-Length': size });
  response.end(request.method === 'HEAD' ? undefined : noise(size));
}

async function echoOf(request: IncomingMessage): Promise<Echo> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    rawHeaders: request.rawHeaders,
    headers: request.headers as Record<string, string>,
    trailers: request.trailers as Record<string, string>,
    httpVersion: request.httpVersion,
    sha256: hash.digest('hex'),
    bytes,
  };
}

function echoWebSockets(server: Server): WebSocketServer {
  const webSockets = new WebSocketServer({ server });
  webSockets.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return webSockets;
}

function sum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
