/**
 * What one scrape costs, in processor time: `node test/dashboards/scrape-cost.ts [UPSTREAMS]`.
 *
 * First the page alone, of upstreams with two endpoints and sixteen connections each that have seen some faults; then a
 * gateway of its own, by the kernel's account of all its threads. The sockets of this machine are counted as in a pod; the
 * last line tells how many there are.
 */
import '../../src/cli/v8-flags.ts';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/base/clock.ts';
import { fault } from '../../src/base/fault.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Telemetry } from '../../src/telemetry/telemetry.ts';
import { startGateway } from '../support/gateway.ts';
import { connections, endpoint, request, snapshot } from '../unit/telemetry/scene.ts';

const count = Number(process.argv[2] ?? 50);
const telemetry = new Telemetry({
  clock: systemClock,
  version: '0',
  log: createLog({ level: 'silent' }),
});
for (let i = 0; i < count; i += 1) {
  const some = connections({ idle: 4, active: 4 });
  const state = snapshot(`upstream-${i}`, {
    endpoints: [
      endpoint(`192.0.2.${i + 1}:443`, { connections: some }),
      endpoint(`[2001:db8::${i + 1}]:443`, { connections: some, learnedIdleLimitMs: 5000 }),
    ],
  });
  const { exchange, upstream } = telemetry.upstream(state.name, () => state);
  for (let n = 0; n < 1000; n += 1) {
    exchange.onBegan();
    exchange.onEnded({ status: 200, durationMs: n, isReused: true });
    upstream.onOpened({ tcpMs: n / 100, tlsMs: n / 50, resumed: true });
  }
  for (const kind of ['connection-ended', 'first-byte-timeout', 'wait-timeout'] as const) {
    exchange.onFault(fault(kind, 'upstream', 'It ended.'), {
      status: 502,
      request: request('GET', '/'),
      attempts: 1,
      durationMs: 4,
      endpoint: null,
    });
  }
}

async function costMs(accept: string): Promise<number> {
  const before = process.cpuUsage();
  await telemetry.metricsText(accept);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

const formats = ['text/plain', 'application/openmetrics-text;version=1.0.0'];
for (const accept of formats) {
  const first = await costMs(accept);
  const costs: number[] = [];
  for (let i = 0; i < 60; i += 1) costs.push(await costMs(accept));
  const { body } = await telemetry.metricsText(accept);
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  console.log(
    `the page alone, ${accept}: ${count} upstreams, ${lines} series, ${Math.round(body.length / 1024)} KiB; processor time: median ${median(costs).toFixed(1)} ms, first ${first.toFixed(1)} ms`,
  );
}

// ---- A gateway of its own, by the kernel's account: admin server, sockets and all

const origin = createServer((_, response) => void response.end('well\n'));
await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
const names = Array.from({ length: count }, (_, at) => `upstream-${at}`);
const gateway = await startGateway({
  upstreams: Object.fromEntries(names.map((name) => [name, { url, pool: { warm: 4 } }])),
});
for (const port of gateway.listenPorts) await (await fetch(`http://127.0.0.1:${port}/`)).text();
const scrape = async () => (await (await fetch(`${gateway.adminUrl}/metrics`)).text()).length;
const costs: number[] = [];
for (let i = 0; i < 80; i += 1) {
  const before = processorMs(gateway.pid);
  await scrape();
  // What comes after the last octet, as garbage collection on other threads, belongs to it too.
  await pause(20);
  costs.push(processorMs(gateway.pid) - before);
}
const idle = costs.map(() => 0);
for (let i = 0; i < idle.length; i += 1) {
  const before = processorMs(gateway.pid);
  await pause(20);
  idle[i] = processorMs(gateway.pid) - before;
}
const late = costs.slice(20);
console.log(
  `a gateway with ${count} upstreams: processor time of a scrape: median ${median(late).toFixed(1)} ms of ${late.length}, most ${Math.max(...late).toFixed(1)} ms, the first ${costs[0]?.toFixed(1)} ms; without one, in as much time, ${median(idle).toFixed(2)} ms`,
);
const sockets = readFileSync('/proc/net/sockstat', 'utf8').match(/^TCP:.*$/m)?.[0] ?? '';
console.log(`this machine's sockets: ${sockets}`);
await gateway.stop();
origin.close();
origin.closeAllConnections();

/** Of all threads: the kernel counts nanoseconds there, and ticks of 10 ms elsewhere. */
function processorMs(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [spent] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1);
    sum += Number(spent) / 1e6;
  }
  return sum;
}
