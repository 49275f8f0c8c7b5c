/**
 * Sends requests at a steady rate, as PHP and shell scripts do: HTTP/1.0, a connection for each. Runs in a
 * pod, in the application's container, and is told by the test process what to do:
 *
 *     POST /start {"gets": 100, "posts": 20}   requests a second
 *     POST /stop                               ends when all have their answer
 *     GET  /report                             what became of them
 */
import { createServer } from 'node:http';
import { connect } from 'node:net';

/** One that did not succeed. */
export interface Failed {
  readonly method: string;
  readonly id: string;
  readonly atMs: number;
  /** 0: no status line came. */
  readonly status: number;
  readonly proxyStatus: string;
  readonly text: string;
}

export interface Report {
  sent: Record<'GET' | 'POST', number>;
  succeeded: Record<'GET' | 'POST', number>;
  failed: Failed[];
  servedBy: Record<string, number>;
  slowestMs: number;
}

const { TARGET = '', RUN = 'run' } = process.env;
const target = new URL(TARGET);
let report = emptyReport();
let timers: NodeJS.Timeout[] = [];
let running = 0;
let count = 0;

function emptyReport(): Report {
  const none = { GET: 0, POST: 0 };
  return { sent: { ...none }, succeeded: { ...none }, failed: [], servedBy: {}, slowestMs: 0 };
}

function send(method: 'GET' | 'POST'): void {
  const id = `${RUN}-${++count}`;
  const beganMs = performance.now();
  const body = method === 'POST' ? `id=${id}` : '';
  const fields = method === 'POST' ? `Content-Length: ${body.length}\r\n` : '';
  let answer = '';
  let trouble = '';
  report.sent[method]++;
  running++;
  const socket = connect({ host: target.hostname, port: Number(target.port) });
  socket.setTimeout(30_000, () => socket.destroy(new Error('no answer in 30 s')));
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    answer += text;
  });
  socket.on('error', (error) => {
    trouble = error.message;
  });
  socket.on('close', () => {
    running--;
    const tookMs = performance.now() - beganMs;
    report.slowestMs = Math.max(report.slowestMs, tookMs);
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1] ?? 0);
    const field = (name: string): string =>
      new RegExp(`^${name}: *(.*)\r$`, 'im').exec(answer)?.[1] ?? '';
    if (status === 200 && trouble === '' && answer.endsWith('\n')) {
      report.succeeded[method]++;
      const server = field('x-served-by');
      report.servedBy[server] = (report.servedBy[server] ?? 0) + 1;
    } else {
      const text = trouble || answer.slice(0, 300);
      const proxyStatus = field('proxy-status');
      report.failed.push({ method, id, atMs: Date.now(), status, proxyStatus, text });
    }
  });
  socket.write(
    `${method} /orders/${id} HTTP/1.0\r\nHost: web\r\nX-Request-Id: ${id}\r\n${fields}\r\n${body}`,
  );
}

/** At a rate, not after each other: a stall must show in what follows, as it would for real clients. */
function begin(method: 'GET' | 'POST', perSecond: number): void {
  if (perSecond === 0) return;
  const beganMs = performance.now();
  let sent = 0;
  timers.push(
    setInterval(() => {
      const due = Math.floor(((performance.now() - beganMs) * perSecond) / 1000);
      for (; sent < due; sent++) send(method);
    }, 5),
  );
}

function stop(): void {
  for (const timer of timers) clearInterval(timer);
  timers = [];
}

createServer(async (request, response) => {
  let body = '';
  for await (const part of request.setEncoding('utf8')) body += part;
  if (request.url === '/start') {
    const { gets, posts } = JSON.parse(body);
    report = emptyReport();
    begin('GET', gets);
    begin('POST', posts);
  }
  if (request.url === '/stop') {
    stop();
    while (running > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  response.end(JSON.stringify(report));
}).listen(9000, () => console.log('waiting for orders on 9000'));

process.on('SIGTERM', () => process.exit(0));
