/**
 * What one scrape costs, in processor time of the whole process: `node test/dashboards/scrape-cost.ts [UPSTREAMS]`.
 *
 * Each upstream has two endpoints, sixteen connections, and has seen every kind of close and some faults. The sockets of
 * this machine are listed as in a gateway; the line with their number tells what that is worth.
 */
import '../../src/cli/v8-flags.ts';
import { readFileSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { fault } from '../../src/base/fault.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Telemetry } from '../../src/telemetry/telemetry.ts';
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

const sockets = readFileSync('/proc/net/sockstat', 'utf8').match(/^TCP:.*$/m)?.[0] ?? '';
const formats = ['text/plain', 'application/openmetrics-text;version=1.0.0'];
for (const accept of formats) {
  const first = await costMs(accept);
  const costs: number[] = [];
  for (let i = 0; i < 60; i += 1) costs.push(await costMs(accept));
  const { body } = await telemetry.metricsText(accept);
  const lines = body.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
  console.log(
    `${accept}: ${count} upstreams, ${lines} series, ${Math.round(body.length / 1024)} KiB; processor time of a scrape: median ${median(costs).toFixed(1)} ms, first ${first.toFixed(1)} ms`,
  );
}
console.log(`this machine's sockets: ${sockets}`);
