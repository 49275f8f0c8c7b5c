/**
 * Node's own server as an origin.
 *
 *   node test/differential/origins/node-origin.ts PORT SEEN_FILE
 */
import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';

const seen = openSync(process.argv[3] ?? '', 'a');
const server = createServer((request, response) => {
  writeSync(seen, `${request.method} ${request.url}\n`, null, 'latin1');
  request.resume();
  request.on('end', () => response.end('ok'));
});
server.keepAliveTimeout = 30_000;
server.listen(Number(process.argv[2]), '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
