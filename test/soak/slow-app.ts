/**
 * The application behind nginx in the restart run: answers every request after some time, and counts the ids it saw.
 *
 *   node test/soak/slow-app.ts ANSWER_AFTER_MS
 *
 * Prints `listening PORT`; on SIGTERM one line of JSON, an `AppReport`, and ends.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface AppReport {
  /** Requests that came, by method. */
  readonly requests: Readonly<Record<string, number>>;
  /** Ids that came more than once, by method. */
  readonly repeated: Readonly<Record<string, readonly string[]>>;
  readonly ids: readonly string[];
}

const answerAfterMs = Number(process.argv[2] ?? 50);
const seen = new Set<string>();
const requests: Record<string, number> = {};
const repeated: Record<string, string[]> = {};

const server = createServer((request, response) => {
  const method = request.method ?? '';
  const id = String(request.headers['x-id'] ?? '');
  requests[method] = (requests[method] ?? 0) + 1;
  if (seen.has(id)) {
    repeated[method] ??= [];
    repeated[method].push(id);
  }
  seen.add(id);
  request.resume();
  setTimeout(() => response.end('done\n'), answerAfterMs);
});
// nginx ends these connections, never this server: only one race is measured here.
server.keepAliveTimeout = 600_000;

process.once('SIGTERM', () => {
  const report: AppReport = { requests, repeated, ids: [...seen] };
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
});

server.listen({ port: 0, host: '127.0.0.1' }, () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`);
});
