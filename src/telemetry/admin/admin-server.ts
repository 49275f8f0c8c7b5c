/**
 * The admin address: metrics, health, state as JSON, the status page, and the few changes that may be made by hand.
 * Not the data path, so node:http serves it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Clock, systemClock } from '../../base/clock.ts';
import { messageOf } from '../../base/fault.ts';
import type { ListenAddress } from '../../downstream/options.ts';
import { scrub } from '../scrub.ts';
import type { Telemetry } from '../telemetry.ts';
import type { AdminState } from './admin-state.ts';
import { hostRefusal, MARKER, refusal } from './change-guard.ts';
import { AdminConnections, type ConnectionLimits } from './connections.ts';
import { listen } from './listen.ts';
import { type AdminRequest, type Answer, adminRoutes, type Route, text } from './routes.ts';

export interface AdminOptions {
  readonly address: ListenAddress;
  readonly telemetry: Telemetry;
  readonly state: AdminState;
  readonly clock?: Clock;
  readonly limits?: ConnectionLimits;
}

export interface AdminServer {
  /** With the port that was given out, if 0 was asked for. */
  readonly address: ListenAddress;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

const usualLimits: ConnectionLimits = { maxOpen: 64, requestMs: 5000, lifeMs: 20_000 };
const LONGEST_BODY_BYTES = 1024;
/** The longest that a timer of Node can be: 24 days. */
const NEVER_MS = 2 ** 31 - 1;

/** Starts listening. Rejects with the system's error if the address cannot be had. */
export async function startAdmin(options: AdminOptions): Promise<AdminServer> {
  const { clock = systemClock, limits = usualLimits, telemetry, state } = options;
  const routes = adminRoutes({ clock, telemetry, state });
  const connections = new AdminConnections(clock, limits);
  const server = createServer({
    // These three are enforced by an interval that would wake an idle process; AdminConnections does their work.
    connectionsCheckingInterval: NEVER_MS,
    headersTimeout: 0,
    requestTimeout: 0,
    maxHeaderSize: 16 * 1024,
  });
  server.on('connection', (socket) => connections.welcome(socket));
  server.on('request', (request, response) => {
    if (!hasBody(request)) connections.asked(request.socket);
    request.once('end', () => connections.asked(request.socket));
    void respond(request, response, { routes, own: () => urlOf(address) });
  });
  const address = await listen(server, options.address);
  // Accepting can fail later, when descriptors run out: the next attempt may do better.
  server.on('error', () => {});
  return { address, close: () => close(server) };
}

interface Site {
  readonly routes: ReadonlyMap<string, Route>;
  own(): string;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  site: Site,
): Promise<void> {
  let answer: Answer;
  try {
    answer = await answerTo(request, response, site);
  } catch (error) {
    answer = text(500, `A defect of the admin server: ${scrub(messageOf(error))}\n`);
  }
  if (response.destroyed) return;
  response.writeHead(answer.status, {
    'Content-Type': answer.contentType,
    'Content-Length': Buffer.byteLength(answer.body),
    'Cache-Control': 'no-store',
    'Content-Security-Policy': answer.contentSecurityPolicy ?? "default-src 'none'",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    // One request a connection: no keep-alive timers, and a peer that stays is seen as one that hangs.
    Connection: 'close',
  });
  // For HEAD node:http leaves the body out.
  response.end(answer.body);
}

async function answerTo(
  request: IncomingMessage,
  response: ServerResponse,
  { routes, own }: Site,
): Promise<Answer> {
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  const route = routes.get(path);
  if (route === undefined) return text(404, listOf(routes));
  const allowed = 'reads' in route ? ['GET', 'HEAD'] : ['POST'];
  if (!allowed.includes(request.method ?? '')) {
    response.setHeader('Allow', allowed.join(', '));
    return text(405, `${path} takes ${allowed.join(' and ')}.\n`);
  }
  const asked: AdminRequest = {
    path,
    query: new URLSearchParams(query),
    accept: request.headers.accept ?? '',
    body: () => bodyOf(request),
  };
  if ('reads' in route) {
    const unfit = route.isForPeople === true ? hostRefusal(request.headers.host) : null;
    return unfit === null ? route.reads(asked) : text(403, unfit);
  }
  const refused = refusal({
    path,
    own: own(),
    peer: request.socket.remoteAddress,
    marker: headerOf(request, MARKER),
    origin: request.headers.origin,
    host: request.headers.host,
  });
  return refused === null ? route.changes(asked) : text(403, refused);
}

function listOf(routes: ReadonlyMap<string, Route>): string {
  const lines = [...routes].map(([path, route]) => `${'reads' in route ? 'GET ' : 'POST'} ${path}`);
  return `There is nothing here. There is:\n${lines.join('\n')}\n`;
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name.toLowerCase()];
  return typeof value === 'string' ? value : undefined;
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

async function bodyOf(request: IncomingMessage): Promise<string | null> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > LONGEST_BODY_BYTES) return null;
  }
  return body;
}

/** How a person in the pod would write it for curl. */
function urlOf(address: ListenAddress): string {
  if (address.kind === 'unix') return `--unix-socket ${address.path} http://localhost`;
  return `http://127.0.0.1:${address.port}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
