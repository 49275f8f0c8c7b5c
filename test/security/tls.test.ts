/** TLS to upstreams: verified whatever the environment says, never plain by accident, sessions and keys kept apart. */

import { once } from 'node:events';
import { createServer } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { get, scene } from '../integration/faults/scene.ts';
import { certificates } from '../support/certificate-scene.ts';
import { freePort } from '../support/free-port.ts';
import { startGateway } from '../support/gateway.ts';
import { startInProcessGateway } from '../support/in-process-gateway.ts';
import { requestOnce } from '../support/raw-client.ts';
import { alwaysAnswer } from '../support/raw-origin.ts';

// Programs are started: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const on = scene();
const tls = certificates('security-tls');
const toEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

describe('verification', () => {
  it('is not turned off by the environment of the process', async () => {
    const origin = await on.origin({
      tls: await tls.authority.issueForLoopback('env'),
      onRequest: alwaysAnswer(),
    });
    const gateway = await startGateway(
      { upstreams: { origin: { url: origin.url, timeouts: { wait: '300ms' } } } },
      { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
    );
    toEnd.push(() => gateway.stop());
    const answer = await requestOnce(gateway.port, get());
    expect([502, 503]).toContain(answer.status);
    expect(answer.body.toString()).toContain('is not trusted here');
    expect(origin.requests).toEqual([]);
  });

  it('that one upstream does without is no way around it for another: no session is shared', async () => {
    const origin = await on.origin({
      tls: await tls.authority.issueForLoopback('apart'),
      onRequest: alwaysAnswer(),
    });
    const [careless, careful] = [await freePort(), await freePort()];
    const gateway = await startInProcessGateway({
      log: { level: 'error' },
      listeners: [
        { address: `127.0.0.1:${careless}`, upstream: 'careless' },
        { address: `127.0.0.1:${careful}`, upstream: 'careful' },
      ],
      upstreams: {
        careless: { url: origin.url, tls: { verify: 'none' }, pool: { warm: 1, warmMax: 1 } },
        careful: { url: origin.url, timeouts: { wait: '300ms' }, pool: { warm: 0, warmMax: 0 } },
      },
    });
    toEnd.push(() => gateway.stop());
    for (let times = 0; times < 3; times += 1)
      expect((await requestOnce(careless, get())).body.toString()).toBe('ok');
    const before = origin.requests.length;
    const answer = await requestOnce(careful, get());
    expect([502, 503]).toContain(answer.status);
    expect(answer.body.toString()).toContain('is not trusted here');
    expect(origin.requests).toHaveLength(before);
  });
});

it('an https upstream that speaks no TLS gets nothing in the clear', async () => {
  const origin = await on.origin();
  const gateway = await on.gateway(
    { url: origin.url.replace('http:', 'https:') },
    { timeouts: { connect: '500ms', wait: '300ms' } },
  );
  const client = await on.client(gateway);
  const answer = await client.exchange(
    `GET /secret-path HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer hunter2\r\n\r\n`,
  );
  expect([502, 503, 504]).toContain(answer.status);
  for (const { received } of origin.connections) {
    expect(received.bytes.toString('latin1')).not.toContain('secret-path');
    expect(received.bytes.toString('latin1')).not.toContain('hunter2');
  }
});

it('a version below TLS 1.2 is not spoken', async () => {
  const { cert, key } = await tls.authority.issueForLoopback('old');
  const server = createServer({
    cert,
    key,
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  toEnd.push(() => server.close());
  const { port } = server.address() as { port: number };
  const gateway = await on.gateway(
    { url: `https://127.0.0.1:${port}` },
    { tls: { ca: tls.authority.certPath }, timeouts: { wait: '300ms' } },
  );
  const answer = await (await on.client(gateway)).exchange(get());
  expect([502, 503]).toContain(answer.status);
});
