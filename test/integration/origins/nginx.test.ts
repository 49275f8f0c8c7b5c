import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noise, sha256, sizes } from '../../support/bodies.ts';
import { CertificateAuthority } from '../../support/certificates.ts';
import { type RunningGateway, startGatewayFor } from '../../support/gateway.ts';
import { nginxCounts, startNginx } from '../../support/origins/nginx.ts';
import type { ProgramOrigin } from '../../support/origins/origin.ts';
import { skipReason, titled } from '../../support/program.ts';
import { connectRawClient, requestOnce } from '../../support/raw-client.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { describeOrigin, request } from './origin-suite.ts';

describeOrigin(
  {
    title: 'nginx',
    programs: ['nginx'],
    start: () => startNginx(),
    connections: 'keep',
    sizes: ['10k', '100k', '10m'],
    upload: {
      methods: ['PUT'],
      path: '/stored/upload',
      bytes: 1_000_000,
      codings: ['length', 'chunked'],
      receivedHash: async (_answer, origin) => {
        const stored = await fetch(`${origin.url}/stored/upload`);
        return sha256(Buffer.from(await stored.arrayBuffer()));
      },
    },
  },
  (running) => {
    it('an answer that comes before the body was read, and then the next request', async () => {
      const { port } = running().gateway;
      for (const coding of ['length', 'chunked'] as const) {
        const ask = request('POST', '/discard', { body: noise(200_000), coding });
        const answer = await requestOnce(port, ask);
        expect([answer.status, answer.body.toString()]).toEqual([200, 'discarded']);
        expect((await requestOnce(port, request('GET', '/ok'))).body.toString()).toBe('ok');
      }
    });

    it('204 has no body, and the connection goes on', async () => {
      const client = await connectRawClient(running().gateway.port);
      expect((await client.exchange(request('GET', '/no-content'))).status).toBe(204);
      expect((await client.exchange(request('GET', '/ok'))).body.toString()).toBe('ok');
      client.close();
    });
  },
);

const reason = skipReason('nginx');

describe.skipIf(reason !== undefined)(
  titled('through a gateway: nginx that closes', reason),
  () => {
    // Each of these closes connections that the gateway holds for reuse; no client may notice.
    const habits = [
      { title: 'after every tenth request', keepaliveRequests: 10 },
      { title: 'after every request', keepaliveRequests: 1 },
      { title: 'at once, with keepalive_timeout 0', keepaliveTimeout: '0' },
      { title: 'after 20 ms of rest', keepaliveTimeout: '20ms' },
    ];

    it.each(habits)('$title', async ({ title: _title, ...options }) => {
      const origin = await startNginx(options);
      const gateway = await startGatewayFor(origin.url);
      try {
        for (let nth = 0; nth < 60; nth++) {
          const answer = await requestOnce(gateway.port, request('GET', '/ok', { version: '1.0' }));
          expect([nth, answer.status, answer.body.toString()]).toEqual([nth, 200, 'ok']);
          // Now and then a pause longer than the shortest of the idle times above.
          if (nth % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 40));
        }
      } finally {
        await gateway.stop();
        await origin.stop();
      }
    });
  },
);

describe.skipIf(reason !== undefined)(titled('through a gateway: nginx with TLS', reason), () => {
  const dir = makeTempDir('nginx-tls');
  let authority: CertificateAuthority;
  let origin: ProgramOrigin;
  let gateway: RunningGateway;

  beforeAll(async () => {
    authority = await CertificateAuthority.create(dir.path);
    origin = await startNginx({ tls: await authority.issueForLoopback() });
    gateway = await startGatewayFor(origin.url, { tls: { ca: authority.certPath } });
  });

  afterAll(async () => {
    await gateway?.stop();
    await origin?.stop();
    dir.remove();
  });

  it('100 clients without TLS share its connections', async () => {
    const before = await countsOverTls();
    for (let nth = 0; nth < 100; nth++) {
      const answer = await requestOnce(gateway.port, request('GET', '/ok', { version: '1.0' }));
      expect([answer.status, answer.body.toString()]).toEqual([200, 'ok']);
    }
    const after = await countsOverTls();
    expect(after.requests - before.requests).toBe(101);
    expect(after.accepted - before.accepted).toBeLessThanOrEqual(5);
  });

  it('every byte of 10 MB, to a client that reads slowly', async () => {
    const client = await connectRawClient(gateway.port);
    client.write(request('GET', '/size/10m'));
    client.stopReading();
    await new Promise((resolve) => setTimeout(resolve, 200));
    client.resumeReading();
    const answer = await client.readResponse({ timeoutMs: 15_000 });
    expect(sha256(answer.body)).toBe(sha256(noise(sizes['10m'])));
    client.close();
  });

  it('a body of 1 MB is stored as it was sent', async () => {
    const body = noise(1_000_000, 3);
    const answer = await requestOnce(gateway.port, request('PUT', '/stored/tls', { body }));
    expect(answer.status).toBe(201);
    const stored = await requestOnce(gateway.port, request('GET', '/stored/tls'));
    expect(sha256(stored.body)).toBe(sha256(body));
  });

  it.each([
    ['expired', { names: ['localhost'], addresses: ['127.0.0.1'], validity: 'expired' as const }],
    ['of another name', { names: ['other.test'] }],
  ])('a certificate that is %s is refused with 502', async (name, options) => {
    const bad = await startNginx({
      tls: await authority.issue({ name: name.replaceAll(' ', '-'), ...options }),
    });
    const refusing = await startGatewayFor(bad.url, {
      tls: { ca: authority.certPath },
      timeouts: { wait: '500ms' },
    });
    try {
      const answer = await requestOnce(refusing.port, request('GET', '/ok'));
      expect([502, 503]).toContain(answer.status);
      expect(answer.fields.get('proxy-status')?.[0]).toMatch(/not-sent/);
    } finally {
      await refusing.stop();
      await bad.stop();
    }
  });

  it('a client certificate is shown when configured, and missed when not', async () => {
    const own = await authority.issue({ name: 'client', names: ['client'], usage: 'client' });
    const strict = await startNginx({
      tls: { ...(await authority.issueForLoopback('strict')), clientCaPath: authority.certPath },
    });
    const statuses = [];
    for (const shown of [{ certFile: own.certPath, keyFile: own.keyPath }, {}]) {
      const each = await startGatewayFor(strict.url, { tls: { ca: authority.certPath, ...shown } });
      statuses.push((await requestOnce(each.port, request('GET', '/ok'))).status);
      await each.stop();
    }
    await strict.stop();
    // nginx itself answers 400 to a request without a certificate.
    expect(statuses).toEqual([200, 400]);
  });

  /** Through the gateway: Node's fetch would not trust the authority. One request is added by asking. */
  async function countsOverTls(): Promise<Awaited<ReturnType<typeof nginxCounts>>> {
    return await nginxCounts({ ...origin, url: gateway.url });
  }
});
