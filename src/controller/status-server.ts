/** Probes and metrics, in plain HTTP. */
import { createServer, type ServerResponse } from 'node:http';
import { listen } from '../telemetry/admin/listen.ts';
import type { ListenAddress } from './listen-address.ts';

export interface StatusParts {
  /** Why it is not ready; empty when it is. */
  notReady(): readonly string[];
  metrics(accept: string): Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface StatusServer {
  readonly address: ListenAddress;
  close(): Promise<void>;
}

export async function startStatus(
  where: ListenAddress,
  { notReady, metrics }: StatusParts,
): Promise<StatusServer> {
  const server = createServer({ requestTimeout: 5000, headersTimeout: 5000 });
  server.on('request', (request, response) => {
    const [path] = (request.url ?? '').split('?', 1);
    if (path === '/healthz') send(response, 200, 'ok\n');
    else if (path === '/readyz') {
      const reasons = notReady();
      const isReady = reasons.length === 0;
      send(response, isReady ? 200 : 503, `${isReady ? 'ready' : reasons.join('\n')}\n`);
    } else if (path === '/metrics')
      metrics(request.headers.accept ?? '').then(
        ({ contentType, body }) => send(response, 200, body, contentType),
        (error: unknown) => send(response, 500, `${String(error)}\n`),
      );
    else send(response, 404, 'There are /healthz, /readyz and /metrics.\n');
  });
  const address = await listen(server, where);
  server.on('error', () => undefined);
  return {
    address,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    Connection: 'close',
  });
  response.end(body);
}
