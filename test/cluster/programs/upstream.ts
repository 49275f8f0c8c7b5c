/**
 * An upstream for roll-outs, as servers usually are: keeps connections open, is ready when it says so, and
 * on SIGTERM finishes what it has and closes what is idle. Runs in a pod, as it stands here.
 *
 * With LINGER_MS it announces the end first: for so long each response says `Connection: close`, and nothing
 * that is idle is closed. Without it, a request that is on its way at that instant is reset unread, and no
 * client can tell whether it was acted on.
 *
 * Tells the test process of every POST before it answers, so that nothing that was acted on is forgotten
 * when the pod goes.
 */
import { createServer } from 'node:http';
import { hostname } from 'node:os';

const { COLLECTOR = '', PORT = '8080', LINGER_MS = '0' } = process.env;
const self = hostname();
let isEnding = false;

const server = createServer((request, response) => {
  request.resume().on('end', async () => {
    const id = request.headers['x-request-id'];
    if (request.method === 'POST' && COLLECTOR !== '') {
      await fetch(`${COLLECTOR}/applied`, { method: 'POST', body: `${id} ${self}` });
    }
    if (isEnding) response.setHeader('Connection', 'close');
    response.setHeader('X-Served-By', self);
    response.end(`${request.method} ${request.url} by ${self}\n`);
  });
});
// Longer than any test: what ends connections here is the roll-out alone.
server.keepAliveTimeout = 600_000;
server.listen(Number(PORT), () => console.log(`serving on ${PORT}`));
process.on('SIGTERM', () => {
  isEnding = true;
  setTimeout(() => server.close(() => process.exit(0)), Number(LINGER_MS));
});
