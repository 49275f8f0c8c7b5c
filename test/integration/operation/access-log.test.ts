/** The access log of a gateway that runs: which requests have a line, what it says, and that a reload turns it on and off. */
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { type GatewaySettings, type RunningGateway, startGateway } from '../../support/gateway.ts';
import { waitFor } from '../../support/wait-for.ts';

const toEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

async function origin(): Promise<string> {
  const server: Server = createServer((request, response) => {
    if (request.url === '/cut') {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('part');
      setTimeout(() => response.destroy(), 20);
    } else if (request.url === '/never') request.resume();
    else {
      response.statusCode = Number(/^\/(\d+)/.exec(request.url ?? '')?.[1] ?? 200);
      request.resume().on('end', () => response.end('hello'));
    }
  });
  server.on('upgrade', (_, socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    socket.on('data', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  toEnd.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return `http://127.0.0.1:${port}`;
}

async function started(settings: GatewaySettings): Promise<RunningGateway> {
  const gateway = await startGateway(settings);
  toEnd.push(() => gateway.stop());
  return gateway;
}

interface Line {
  readonly event?: string;
  readonly path?: string;
  readonly exchange?: string;
  readonly outcome?: string;
}

function linesOf(gateway: RunningGateway, event: string): Line[] {
  return gateway
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): Line => JSON.parse(line))
    .filter((line) => line.event === event);
}

/** Once there are so many, by path. */
async function access(gateway: RunningGateway, count: number): Promise<Map<unknown, Line>> {
  await waitFor(() => linesOf(gateway, 'access').length >= count, {
    timeoutMs: 10_000,
    what: () => `${count} lines: ${gateway.output()}`,
  });
  const lines = linesOf(gateway, 'access');
  expect(lines).toHaveLength(count);
  return new Map(lines.map((line) => [line.path, line]));
}

/** Sends a text on a connection of its own, and gives what came until the end. */
async function raw(port: number, text: string, { endsAfter = '' } = {}): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  toEnd.push(() => socket.destroy());
  let all = '';
  socket.setEncoding('latin1').on('error', () => undefined);
  socket.on('data', (data) => {
    all += data;
    if (endsAfter !== '' && all.includes(endsAfter)) socket.write('bye');
  });
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  return all;
}

it('has a line for each request, whoever answered it and however it ended', async () => {
  const url = await origin();
  const gateway = await started({
    upstreams: { shop: { url, timeouts: { firstByte: '300ms' } } },
    log: { access: {} },
  });
  const { port } = gateway;
  await fetch(`${gateway.url}/first?token=s3cret`, { headers: { 'X-Request-Id': 'req-1' } });
  await fetch(`${gateway.url}/second`, { method: 'POST', body: 'twelve bytes' });
  await fetch(`${gateway.url}/404`);
  await fetch(`${gateway.url}/never`, { method: 'POST', body: 'x' });
  await raw(port, 'GET /cut HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  await raw(port, 'OPTIONS /own HTTP/1.0\r\nMax-Forwards: 0\r\n\r\n');
  await raw(port, 'GET http://other.test/foreign HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  await raw(port, `GET /tunnel HTTP/1.1\r\nHost: a\r\n${upgrade}`, { endsAfter: '101' });
  const lines = await access(gateway, 8);
  const listener = `127.0.0.1:${port}`;
  const usual = {
    listener,
    upstream: 'shop',
    protocol: 'HTTP/1.1',
    attempts: 1,
    response_flags: [],
  };
  expect(lines.get('/first')).toMatchObject({
    ...usual,
    method: 'GET',
    status: 200,
    request_bytes: 0,
    response_bytes: 5,
    endpoint: url.slice('http://'.length),
    request_id: 'req-1',
  });
  expect(lines.get('/second')).toMatchObject({
    ...usual,
    method: 'POST',
    status: 200,
    request_bytes: 12,
    reused: true,
  });
  expect(lines.get('/404')).toMatchObject({ ...usual, status: 404 });
  expect(lines.get('/never')).toMatchObject({
    ...usual,
    status: 504,
    response_flags: ['first-byte-timeout', 'sent-no-response', 'answered-by-sidepool'],
  });
  expect(lines.get('/cut')).toMatchObject({
    ...usual,
    status: 200,
    response_bytes: 4,
    response_flags: ['body-cut', 'partial-response', 'cut-off'],
  });
  expect(lines.get('/own')).toMatchObject({
    protocol: 'HTTP/1.0',
    status: 200,
    attempts: 0,
    response_flags: ['answered-by-sidepool'],
  });
  expect(lines.get('/foreign')).toMatchObject({
    status: 421,
    attempts: 0,
    response_flags: ['foreign-authority', 'answered-by-sidepool'],
  });
  expect(lines.get('/tunnel')).toMatchObject({ ...usual, status: 101, response_flags: ['tunnel'] });
  expect(gateway.output()).not.toContain('s3cret');
  // A fault's line and the request's own have the same name.
  const faults = linesOf(gateway, 'fault').map((line) => [line.path, line.exchange]);
  expect(faults).toContainEqual(['/never', lines.get('/never')?.exchange]);
  expect(await gateway.metric('sidepool_access_log_lines_total', { outcome: 'written' })).toBe(8);
}, 40_000);

it('is for failures alone at 0 %, and a reload turns it off and on', async () => {
  const url = await origin();
  const upstreams = { shop: { url } };
  const gateway = await started({ upstreams, log: { access: { sample: '0%' } } });
  const ask = async (path: string) => (await fetch(`${gateway.url}${path}`)).status;
  for (const path of ['/one', '/500', '/404', '/503']) await ask(path);
  expect([...(await access(gateway, 2)).keys()]).toEqual(['/500', '/503']);
  const reloaded = async (log: GatewaySettings['log'] & object, times: number) => {
    gateway.rewrite({ upstreams, log });
    process.kill(gateway.pid, 'SIGHUP');
    await waitFor(
      () => linesOf(gateway, 'reload').filter((line) => line.outcome === 'applied').length >= times,
      {
        timeoutMs: 10_000,
      },
    );
  };
  await reloaded({ access: 'off' }, 1);
  await ask('/500');
  await reloaded({ access: { sample: '100%', path: 'with-query' } }, 2);
  await ask('/two?a=b');
  expect([...(await access(gateway, 3)).keys()]).toEqual(['/500', '/503', '/two?a=b']);
}, 40_000);

it('has the lines of the last moment before the end', async () => {
  const gateway = await startGateway({
    upstreams: { shop: { url: await origin() } },
    drain: { quiet: '0s', deadline: '1s' },
    log: { access: {} },
  });
  await fetch(`${gateway.url}/last`, { headers: { connection: 'close' } });
  await gateway.stop();
  expect([...(await access(gateway, 1)).keys()]).toEqual(['/last']);
}, 40_000);
