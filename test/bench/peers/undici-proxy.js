/** What one would write by hand: undici's pool behind node:http. Arguments: undici's entry file, settings as JSON. */
import { createServer } from 'node:http';

const [entry, settings] = process.argv.slice(2);
const { Pool } = await import(entry);
const { routes, connections, connect } = JSON.parse(settings);
const own = ['connection', 'keep-alive', 'transfer-encoding', 'expect', 'upgrade'];

for (const { port, origin } of routes) {
  const pool = new Pool(origin, { connections, keepAliveTimeout: 3_600_000, connect });
  const server = createServer((request, response) => {
    const { method, url: path, headers } = request;
    for (const name of own) delete headers[name];
    const body = method === 'GET' || method === 'HEAD' ? null : request;
    pool
      .stream({ method, path, headers, body }, ({ statusCode, headers: answered }) => {
        for (const name of own) delete answered[name];
        return response.writeHead(statusCode, answered);
      })
      .catch(() => response.destroy());
  });
  server.keepAliveTimeout = 3_600_000;
  server.listen({ port, host: '127.0.0.1', backlog: 4096 });
}
