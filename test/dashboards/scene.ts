/**
 * A gateway under load with faults, so that every figure has something to show: an origin with TLS that restarts and
 * resets, one that closes idle connections early, one that is too small, one that fails for a while, and one that is not
 * there; a configuration that changes, and one that is refused; and a second gateway that drains.
 */
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { CertificateAuthority } from '../support/certificates.ts';
import { freePort } from '../support/free-port.ts';
import { type GatewaySettings, type RunningGateway, startGateway } from '../support/gateway.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const TICK_MS = 100;
/** How long one of the origins keeps idle connections. It does not say so. */
const EARLY_MS = 1_200;
/** Longer than that, so that it happens to each. */
const SELDOM_MS = 1_900;

export interface Scene {
  readonly gateway: RunningGateway;
  readonly draining: RunningGateway;
  /** Plays it all within so many seconds. `eachSecond` is called as they pass. */
  play(seconds: number, eachSecond: () => void): Promise<void>;
  close(): Promise<void>;
}

class Origin {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  port = 0;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async restart(awayMs: number): Promise<void> {
    await this.close();
    await pause(awayMs);
    await this.listen();
  }
}

const answer: RequestListener = (request, response) => {
  request.resume();
  if (request.url === '/reset') {
    request.socket.destroy();
    return;
  }
  // Said explicitly, or Node would tell its idle limit, and there would be nothing to learn.
  response.setHeader('Connection', 'keep-alive');
  const slowMs = Number(/^\/slow\/(\d+)$/.exec(request.url ?? '')?.[1] ?? 0);
  if (slowMs === 0) response.end('it is well\n');
  else setTimeout(() => response.end('late\n'), slowMs);
};

export async function startScene(): Promise<Scene> {
  const dir = makeTempDir('scene');
  const authority = await CertificateAuthority.create(dir.path);
  const { cert, key } = await authority.issue({ name: 'api', names: ['localhost'] });
  let fails = false;
  const failing: RequestListener = (request, response) => {
    if (!fails) answer(request, response);
    else if (request.url === '/reset') request.socket.destroy();
    else response.writeHead(503).end();
  };
  const origins = {
    api: new Origin(createTlsServer({ cert, key }, answer)),
    early: new Origin(
      createServer({ keepAliveTimeout: EARLY_MS, keepAliveTimeoutBuffer: 0 }, answer),
    ),
    small: new Origin(createServer(answer)),
    flaky: new Origin(createServer(failing)),
  };
  for (const origin of Object.values(origins)) await origin.listen();
  const settings = (bodyLimit: string): GatewaySettings => ({
    upstreams: {
      api: {
        url: `https://localhost:${origins.api.port}`,
        tls: { ca: authority.certPath },
        pipelining: 'auto',
        retry: { bodyLimit },
      },
      early: { url: `http://localhost:${origins.early.port}` },
      small: {
        url: `http://127.0.0.1:${origins.small.port}`,
        pool: { maxConnections: 2, warm: 1, warmMax: 1 },
      },
      flaky: {
        url: `http://127.0.0.1:${origins.flaky.port}`,
        retry: { statuses: [503] },
        breaker: { consecutiveFailures: 4, baseOpen: '1s' },
      },
      gone: {
        url: `http://127.0.0.1:${nowhere}`,
        timeouts: { connect: '200ms', wait: '400ms' },
      },
    },
    admin: { readyWait: '1s' },
    log: { level: 'error' },
  });
  const nowhere = await freePort();
  const [gateway, draining] = await Promise.all([
    startGateway(settings('64KiB')),
    startGateway({ ...settings('64KiB'), drain: { quiet: '1s', deadline: '20s' } }),
  ]);
  const [api = 0, early = 0, small = 0, flaky = 0, gone = 0] = gateway.listenPorts;

  const tick = (count: number): void => {
    for (let i = 0; i < 3; i += 1) void ask(api, '/', i === 0 ? '1.0' : '1.1');
    if (count % 5 === 0) void ask(api, '/reset', '1.1');
    if (count % Math.round(SELDOM_MS / TICK_MS) === 0) void ask(early, '/', '1.1');
    if (count % 3 === 0) for (let i = 0; i < 6; i += 1) void ask(small, '/slow/200', '1.1');
    for (let i = 0; i < 2; i += 1) void ask(flaky, '/', '1.1');
    if (fails) void ask(flaky, '/reset', '1.0');
    if (count % 5 === 0) void ask(gone, '/', '1.0');
    void ask(draining.port, '/', '1.1');
  };

  return {
    gateway,
    draining,
    async play(seconds, eachSecond) {
      const beganMs = performance.now();
      const reaches = (share: number) =>
        pause(Math.max(0, beganMs + share * seconds * 1000 - performance.now()));
      let count = 0;
      const ticks = setInterval(() => {
        tick(count);
        if (count % (1000 / TICK_MS) === 0) eachSecond();
        count += 1;
      }, TICK_MS);
      try {
        await reaches(0.2);
        await origins.api.restart(500);
        await reaches(0.3);
        fails = true;
        await reaches(0.5);
        fails = false;
        gateway.rewrite(settings('32KiB'));
        await reaches(0.6);
        gateway.rewrite({ ...settings('32KiB'), limits: { maxClients: 'many' } });
        // Somebody is still being served: so it drains for a while, and can be seen to.
        void ask(draining.port, `/slow/${Math.round(seconds * 250)}`, '1.1');
        await pause(100);
        process.kill(draining.pid, 'SIGTERM');
        await reaches(0.8);
        gateway.rewrite(settings('16KiB'));
        await reaches(1);
      } finally {
        clearInterval(ticks);
      }
    },
    async close() {
      await Promise.all([gateway.stop(), draining.stop()]);
      await Promise.all(Object.values(origins).map((origin) => origin.close()));
      dir.remove();
    },
  };
}

/** One request on a connection of its own, as a script would. Whatever comes of it. */
function ask(port: number, path: string, version: '1.0' | '1.1'): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.once('close', () => resolve());
    socket.setTimeout(15_000, () => socket.destroy());
    socket.resume();
    const lines = [`GET ${path} HTTP/${version}`, `Host: 127.0.0.1:${port}`, 'Connection: close'];
    socket.end(`${lines.join('\r\n')}\r\n\r\n`);
  });
}
