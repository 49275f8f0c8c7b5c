/**
 * The endpoint stream with thousands of sidecars: what a replica of the controller needs for them, what goes over the wire,
 * and how long it takes until the last has heard of a change.
 *
 *     node test/soak/endpoint-stream.ts [--sidecars 1000,2500,5000]
 *
 * The controller's part is a process of its own, with a made-up API server of 200 Services of 20 endpoints each. Each sidecar
 * is one TLS connection with a token of its own, and asks for three Services: one that all ask for, two of the others.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/base/clock.ts';
import { issueAuthority, issueServing } from '../../src/controller/certificates/issue.ts';
import { EndpointTeller } from '../../src/controller/endpoints/endpoint-teller.ts';
import { memory, processorTimeUs } from '../bench/process-figures.ts';
import { FakeApi } from '../support/fake-api.ts';

const SERVICES = 200;
const ENDPOINTS = 20;
const PATIENCE_MS = 120_000;

const servicesPath = '/api/v1/services';
const slicesPath = '/apis/discovery.k8s.io/v1/endpointslices';

const { values } = parseArgs({
  options: { sidecars: { type: 'string', default: '1000,2500,5000' } },
});

type Order = { readonly kind: 'change'; readonly service: number; readonly marker: string };
type Ready = { readonly port: number; readonly ca: string };

// ---- The controller's part

function sliceOf(service: number, last?: string) {
  const ips = Array.from({ length: ENDPOINTS }, (_, index) => `10.1.${service}.${index + 1}`);
  if (last !== undefined) ips[ENDPOINTS - 1] = last;
  return {
    metadata: {
      name: `s${service}-1`,
      namespace: 'shop',
      labels: { 'kubernetes.io/service-name': `s${service}` },
    },
    addressType: 'IPv4',
    ports: [{ name: 'web', port: 8080 }],
    endpoints: ips.map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
  };
}

async function serve(sidecars: number): Promise<void> {
  const api = new FakeApi();
  const numbers = Array.from({ length: SERVICES }, (_, index) => index);
  api.lists.set(
    servicesPath,
    numbers.map((number) => ({
      metadata: { name: `s${number}`, namespace: 'shop' },
      spec: { ports: [{ name: 'web', port: 80 }] },
    })),
  );
  api.lists.set(
    slicesPath,
    numbers.map((number) => sliceOf(number)),
  );
  for (let index = 0; index < sidecars; index += 1)
    api.tokens.set(`token-${index}`, `pod-${index}`);
  const validity = { nowSeconds: systemClock.wallSeconds(), lifetimeMs: 3_600_000 };
  const authority = await issueAuthority(validity);
  const teller = new EndpointTeller({
    api,
    clock: systemClock,
    random: Math.random,
    onFailed: (place, why) => console.error(place, why),
    onMended: () => undefined,
  });
  const address = await teller.start({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  teller.show(await issueServing(authority, ['127.0.0.1'], validity), authority.cert);
  process.on('message', (order: Order) =>
    api.tell(slicesPath, 'MODIFIED', sliceOf(order.service, order.marker)),
  );
  process.on('disconnect', () => process.exit());
  const port = address.kind === 'tcp' ? address.port : 0;
  process.send?.({ port, ca: authority.cert } satisfies Ready);
}

// ---- The sidecars, and the measuring

interface Sidecar {
  readonly socket: TLSSocket;
  /** When it heard of what is being waited for. */
  heardMs: number;
  tail: string;
}

let marker = '';

async function open(index: number, { port, ca }: Ready): Promise<Sidecar> {
  const others = [1 + (index % (SERVICES - 1)), 1 + ((index + 7) % (SERVICES - 1))];
  const query = [0, ...others].map((number) => `service=shop/s${number}:80`).join('&');
  const socket = connect({ host: '127.0.0.1', port, ca });
  await once(socket, 'secureConnect');
  const sidecar: Sidecar = { socket, heardMs: 0, tail: '' };
  socket.on('data', (chunk: Buffer) => {
    // The marker may lie on the edge of two chunks.
    const text = sidecar.tail + chunk.toString('latin1');
    sidecar.tail = text.slice(-marker.length);
    if (sidecar.heardMs === 0 && text.includes(marker)) sidecar.heardMs = performance.now();
  });
  socket.on('error', (error) => console.error(`sidecar ${index}: ${error.message}`));
  socket.write(
    `GET /v1/endpoints?${query} HTTP/1.1\r\nHost: c\r\nAuthorization: Bearer token-${index}\r\n\r\n`,
  );
  return sidecar;
}

async function allHeard(sidecars: readonly Sidecar[]): Promise<number> {
  const endMs = performance.now() + PATIENCE_MS;
  while (sidecars.some(({ heardMs }) => heardMs === 0)) {
    if (performance.now() > endMs) throw new Error('not all have heard');
    await sleep(5);
  }
  return Math.max(...sidecars.map(({ heardMs }) => heardMs));
}

async function measure(): Promise<void> {
  const rows: string[][] = [];
  for (const count of values.sidecars.split(',').map(Number)) rows.push(await measureOne(count));
  const head = [
    ...['sidecars', 'RSS before, MB', 'RSS with all, MB', 'KB each', 'CPU s to connect'],
    ...[
      'change for all: last, ms',
      'CPU ms',
      'octets each (before TLS)',
      'change for some: told',
      'last, ms',
    ],
  ];
  console.log(`| ${head.join(' | ')} |\n|${'---|'.repeat(head.length)}`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
}

async function measureOne(count: number): Promise<string[]> {
  const child = fork(import.meta.filename, [], {
    env: { ...process.env, SIDECARS: String(count) },
  });
  const [ready] = (await once(child, 'message')) as [Ready];
  const pid = child.pid ?? 0;
  const cost = () => ({
    residentBytes: memory(pid).residentKiB * 1024,
    cpuSeconds: processorTimeUs(pid) / 1e6,
  });
  await sleep(500);
  const before = cost();
  marker = '"set":"shop/s0:80"';
  const sidecars: Sidecar[] = [];
  while (sidecars.length < count) {
    const batch = Array.from({ length: Math.min(50, count - sidecars.length) }, (_, index) =>
      open(sidecars.length + index, ready),
    );
    sidecars.push(...(await Promise.all(batch)));
  }
  await allHeard(sidecars);
  await sleep(2000);
  const connected = cost();

  const change = async (service: number, told: readonly Sidecar[]) => {
    for (const each of sidecars) {
      each.heardMs = 0;
      each.tail = '';
    }
    marker = `10.9.9.${service + 1}:`;
    const octets = sidecars.reduce((sum, { socket }) => sum + socket.bytesRead, 0);
    const begin = cost();
    const beganMs = performance.now();
    child.send({ kind: 'change', service, marker: marker.slice(0, -1) } satisfies Order);
    const lastMs = (await allHeard(told)) - beganMs;
    await sleep(300);
    return {
      lastMs,
      cpuMs: (cost().cpuSeconds - begin.cpuSeconds) * 1000,
      octets: sidecars.reduce((sum, { socket }) => sum + socket.bytesRead, 0) - octets,
    };
  };
  const all = await change(0, sidecars);
  const some = sidecars.filter((_, index) =>
    [1 + (index % (SERVICES - 1)), 1 + ((index + 7) % (SERVICES - 1))].includes(5),
  );
  const few = await change(5, some);
  for (const { socket } of sidecars) socket.destroy();
  child.disconnect();
  await once(child, 'exit');
  const mb = (octets: number) => (octets / 1e6).toFixed(0);
  return [
    ...[String(count), mb(before.residentBytes), mb(connected.residentBytes)],
    ((connected.residentBytes - before.residentBytes) / count / 1000).toFixed(0),
    (connected.cpuSeconds - before.cpuSeconds).toFixed(1),
    ...[all.lastMs.toFixed(0), all.cpuMs.toFixed(0), (all.octets / count).toFixed(0)],
    ...[String(some.length), few.lastMs.toFixed(0)],
  ];
}

const { SIDECARS } = process.env;
if (process.send === undefined) await measure();
else await serve(Number(SIDECARS));
