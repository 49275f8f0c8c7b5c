/** A whole gateway that calls a Service: told of new endpoints, it uses them; told that some are gone, it leaves them. */
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { seeded, systemClock } from '../../../src/base/clock.ts';
import { issueAuthority, issueServing } from '../../../src/controller/certificates/issue.ts';
import { EndpointTeller } from '../../../src/controller/endpoints/endpoint-teller.ts';
import { FakeApi } from '../../support/fake-api.ts';
import { freePort } from '../../support/free-port.ts';
import { startProcess } from '../../support/process.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

const program = join(import.meta.dirname, '..', '..', '..', 'cmd', 'sidepool.ts');
const services = '/api/v1/services';
const slices = '/apis/discovery.k8s.io/v1/endpointslices';
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Says at which address it was called. */
async function origin(ip: string, port: number): Promise<void> {
  const server: Server = createServer((_, response) => response.end(ip));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, ip, resolve);
  });
  ends.push(() => {
    server.close();
    server.closeAllConnections();
  });
}

it('a Service scaled from one to three and back', async () => {
  const port = await freePort();
  const ips = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
  for (const ip of ips) await origin(ip, port);
  const slice = (count: number) => ({
    metadata: { name: 'pay-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'pay' } },
    addressType: 'IPv4',
    ports: [{ name: '', port }],
    endpoints: ips.slice(0, count).map((ip) => ({ addresses: [ip], conditions: { ready: true } })),
  });

  const api = new FakeApi();
  api.lists.set(services, [
    { metadata: { name: 'pay', namespace: 'shop' }, spec: { ports: [{ port: 80 }] } },
  ]);
  api.lists.set(slices, [slice(1)]);
  api.tokens.set('good', 'system:serviceaccount:shop:default');
  const validity = { nowSeconds: systemClock.wallSeconds(), lifetimeMs: 3_600_000 };
  const authority = await issueAuthority(validity);
  const teller = new EndpointTeller({
    api,
    clock: systemClock,
    random: seeded(1),
    onFailed: () => undefined,
    onMended: () => undefined,
  });
  const told = await teller.start({ kind: 'tcp', host: '127.0.0.1', port: 0 });
  teller.show(await issueServing(authority, ['127.0.0.1'], validity), authority.cert);
  ends.push(() => teller.stop(10));

  const directory = makeTempDir('scaling');
  ends.push(() => directory.remove());
  writeFileSync(directory.file('token'), 'good');
  const [listen, admin] = [await freePort(), await freePort()];
  const config = {
    listeners: [{ address: `127.0.0.1:${listen}`, upstream: 'pay' }],
    upstreams: { pay: { url: 'kubernetes://pay.shop', pool: { warm: 1 } } },
    admin: { address: `127.0.0.1:${admin}` },
    drain: { quiet: '0s' },
    endpoints: {
      server: `https://127.0.0.1:${told.kind === 'tcp' ? told.port : 0}`,
      ca: authority.cert,
      tokenFile: directory.file('token'),
    },
  };
  const gateway = await startProcess({
    command: process.execPath,
    args: [program, 'gateway', '--config', 'env:SIDEPOOL_CONFIG'],
    env: { SIDEPOOL_CONFIG: JSON.stringify(config) },
    ready: { kind: 'http', url: `http://127.0.0.1:${admin}/readyz` },
    readyTimeoutMs: 30_000,
  });
  ends.push(() => gateway.stop());

  /** Who answers a few requests made at once. */
  const answered = async (): Promise<readonly string[]> => {
    const texts = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const response = await fetch(`http://127.0.0.1:${listen}/`);
        const text = await response.text();
        if (response.status !== 200) throw new Error(`${text}\n${gateway.output()}`);
        return text;
      }),
    );
    return [...new Set(texts)].sort();
  };
  expect(await answered()).toEqual(ips.slice(0, 1));
  api.tell(slices, 'MODIFIED', slice(3));
  await waitFor(async () => (await answered()).length === 3, {
    timeoutMs: 20_000,
    what: 'all three to be called',
  });
  api.tell(slices, 'MODIFIED', slice(1));
  await waitFor(async () => (await answered()).join() === ips[0], {
    timeoutMs: 20_000,
    what: 'the first alone to be called',
  });
  const pools = await (await fetch(`http://127.0.0.1:${admin}/pools`)).text();
  expect(pools).toContain('"stream"');
}, 120_000);
