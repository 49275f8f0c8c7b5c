/**
 * Node's own server as an origin that answers as asks.ts says.
 *
 *   node test/soak/pipelining/node-origin.ts SEEN_FILE
 *
 * Prints `listening PORT`. Writes a line `METHOD ID` for each request that it has seen; all is there when it has ended.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { seeded } from '../../../src/base/clock.ts';
import { bodyOf } from './asks.ts';
import { SeenLog } from './seen-log.ts';

const seen = new SeenLog(process.argv[2] ?? '');
const random = seeded(1);

const server = createServer((request, response) => {
  const id = String(request.headers['x-id']);
  seen.note(request.method ?? '', id);
  response.setHeader('X-Id', id);
  const [, kind = '', size = '', pathId = ''] = (request.url ?? '').split('/');
  if (kind === 'post') return echo(request, response);
  request.resume();
  switch (kind) {
    case 'none':
      response.writeHead(204).end();
      return;
    case 'same':
      response.writeHead(304).end();
      return;
    case 'slow':
      setTimeout(() => sendWhole(response, bodyOf(pathId, Number(size))), 30 + random() * 200);
      return;
    case 'chunk':
      sendInPieces(response, bodyOf(pathId, Number(size)));
      return;
    default:
      sendWhole(response, bodyOf(pathId, Number(size)));
  }
});
server.keepAliveTimeout = 5_000;

function sendWhole(response: ServerResponse, body: string): void {
  response.setHeader('Content-Length', body.length);
  response.end(body);
}

/** Early hints first for one in ten: an interim response is nobody's answer. */
function sendInPieces(response: ServerResponse, body: string): void {
  if (random() < 0.1) response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
  const pieces = 1 + Math.floor(random() * 4);
  const each = Math.ceil(body.length / pieces);
  for (let at = 0; at < body.length; at += each) response.write(body.slice(at, at + each));
  response.end();
}

function echo(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.setEncoding('latin1');
  request.on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => sendWhole(response, body));
}

process.once('SIGTERM', () => {
  seen.close();
  process.exit(0);
});

server.listen({ port: 0, host: '127.0.0.1', backlog: 511 }, () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`);
});
