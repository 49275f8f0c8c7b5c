/** What a proxy costs while it does nothing: at rest, with idle clients, and until it is ready. */
import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { RunningProcess } from '../support/process.ts';
import type { Running, Target } from './peers/peer.ts';
import { routesTo } from './peers/routes.ts';
import { gatewayStart } from './peers/sidepool.ts';
import { exactProcessorTimeUs, memory, wakeups } from './process-figures.ts';

export interface RestFigures {
  readonly processorMsPerSecond: number;
  readonly wakeupsPerSecond: number;
}

/** Over `seconds`, after a pause in which the work of the last load ends. */
export async function atRest(pid: number, seconds = 10): Promise<RestFigures> {
  await sleep(2_000);
  const before = { processorUs: exactProcessorTimeUs(pid), wakeups: wakeups(pid) };
  await sleep(seconds * 1_000);
  return {
    processorMsPerSecond: (exactProcessorTimeUs(pid) - before.processorUs) / 1_000 / seconds,
    wakeupsPerSecond: (wakeups(pid) - before.wakeups) / seconds,
  };
}

/** Anonymous memory for each idle keep-alive client that has made one request, in KiB. */
export async function memoryPerIdleClient(
  { pid = 0, urls }: Running,
  clients = 2_000,
): Promise<number> {
  const port = Number(new URL(urls[0] ?? '').port);
  const before = memory(pid).anonymousKiB;
  const open: Socket[] = [];
  try {
    // In small batches: this is about memory, not about a flood.
    while (open.length < clients) {
      const batch = Math.min(50, clients - open.length);
      open.push(...(await Promise.all(Array.from({ length: batch }, () => idleClient(port)))));
    }
    await sleep(1_000);
    const gone = open.filter((socket) => socket.destroyed || socket.readableEnded).length;
    if (gone > 0) throw new Error(`${gone} of ${clients} idle clients were closed by the proxy`);
    return (memory(pid).anonymousKiB - before) / clients;
  } finally {
    for (const socket of open) socket.destroy();
  }
}

async function idleClient(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write('GET /small HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
  await once(socket, 'data');
  socket.on('error', () => {});
  return socket;
}

/** Milliseconds from the start of the program until /readyz says 200, `times` over, in their order. */
export async function startToReadyMs(
  command: string,
  target: Target,
  times = 10,
): Promise<number[]> {
  const taken: number[] = [];
  while (taken.length < times) {
    const routes = await routesTo(target);
    const adminPort = await freePort();
    const options = gatewayStart({ command }, target, routes, adminPort);
    const begin = performance.now();
    const started = new RunningProcess(options);
    try {
      while (!(await isReady(adminPort))) {
        if (started.exit) throw new Error(`it ended before it was ready: ${started.output()}`);
        if (performance.now() - begin > 15_000) throw new Error(`not ready: ${started.output()}`);
        await sleep(2);
      }
      taken.push(performance.now() - begin);
    } finally {
      await started.stop();
    }
  }
  return taken;
}

function isReady(adminPort: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ port: adminPort, host: '127.0.0.1', path: '/readyz', agent: false });
    asked.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
