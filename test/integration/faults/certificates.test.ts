/** Certificates that expire, are for another name, or of an unknown authority; client certificates. */
import { copyFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { certificates } from '../../support/certificate-scene.ts';
import { type Certificate, CertificateAuthority } from '../../support/certificates.ts';
import { alwaysAnswer, type RawOrigin } from '../../support/raw-origin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { detailsOf, get, post, scene } from './scene.ts';

const on = scene();
const tls = certificates('faults-tls');

/** The same port with another certificate, as a server has after its certificate was replaced and it reloaded. */
async function replace(origin: RawOrigin, certificate: Certificate): Promise<RawOrigin> {
  const { port } = origin;
  await origin.close();
  return on.origin({ port, tls: certificate, onRequest: alwaysAnswer() });
}

describe('a certificate that is refused', () => {
  const wrong = {
    'has expired': {
      issue: () =>
        tls.authority.issue({ name: 'expired', addresses: ['127.0.0.1'], validity: 'expired' }),
      says: 'it has expired',
    },
    'is not valid yet': {
      issue: () =>
        tls.authority.issue({ name: 'early', addresses: ['127.0.0.1'], validity: 'not-yet' }),
      says: 'it is not valid yet',
    },
    'is for another name': {
      issue: () => tls.authority.issue({ name: 'other', names: ['other.test'] }),
      says: 'it is for another name',
    },
    'is of an unknown authority': {
      issue: async () =>
        (await CertificateAuthority.create(tls.dir.path, 'stranger')).issueForLoopback('strange'),
      says: 'its issuer is not trusted here',
    },
  } as const;
  for (const [name, { issue, says }] of Object.entries(wrong)) {
    it(`because it ${name}: said by check and name, 502, then 503 at once, and found when replaced`, async () => {
      const origin = await on.origin({ tls: await issue(), onRequest: alwaysAnswer() });
      const gateway = await on.gateway(origin, {
        tls: { ca: tls.authority.certPath },
        timeouts: { wait: '300ms' },
      });
      const client = await on.client(gateway);
      const first = await client.exchange(post());
      expect(first.status).toBe(502);
      expect(detailsOf(first)).toBe('not-sent');
      expect(first.fields.get('proxy-status')?.[0]).toContain('error=tls_certificate_error');
      expect(first.body.toString()).toContain(says);
      expect(first.body.toString()).toContain('"127.0.0.1"');
      await waitFor(() => gateway.upstreams[0]?.isDown === true);
      const second = await client.exchange(get());
      expect(second.status).toBe(503);
      expect(second.fields.get('retry-after')).toEqual(['1']);
      expect(second.body.toString()).toContain(says);
      expect(origin.requests).toEqual([]);
      await replace(origin, await tls.authority.issueForLoopback());
      await waitFor(async () => (await client.exchange(get())).status === 200, { everyMs: 50 });
    });
  }

  it('on a renewed connection costs nothing while the old ones last', async () => {
    const origin = await on.origin({
      tls: await tls.authority.issueForLoopback(),
      onRequest: alwaysAnswer(),
    });
    const gateway = await on.gateway(origin, { tls: { ca: tls.authority.certPath } });
    await gateway.warm(1);
    const client = await on.client(gateway);
    await origin.refuse();
    for (let round = 0; round < 5; round += 1) {
      expect((await client.exchange(get())).status).toBe(200);
    }
    expect(origin.connections.filter(({ requests }) => requests.length > 0)).toHaveLength(1);
  });

  it('an https upstream that speaks plain HTTP is a failed handshake, and is never spoken to in the clear', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(
      { url: origin.url.replace('http:', 'https:') },
      { tls: { ca: tls.authority.certPath }, timeouts: { wait: '600ms', connect: '200ms' } },
    );
    const client = await on.client(gateway);
    const answer = await client.exchange(get());
    // Fails fast if dials have failed for as long as anybody waits by then.
    expect([502, 503, 504]).toContain(answer.status);
    expect(answer.body.toString()).toMatch(/TLS/);
    expect(origin.requests).toEqual([]);
  });

  it('a handshake that is never answered is 504 after connect', async () => {
    const origin = await on.origin({
      tls: await tls.authority.issueForLoopback(),
      handshake: 'never',
    });
    const gateway = await on.gateway(origin, {
      tls: { ca: tls.authority.certPath },
      timeouts: { wait: '300ms', connect: '100ms' },
    });
    const client = await on.client(gateway);
    const answer = await client.exchange(get());
    expect(answer.status).toBe(504);
    expect(answer.body.toString()).toContain('No TLS handshake');
  });
});

describe('a client certificate', () => {
  async function demanding() {
    return on.origin({
      tls: {
        ...(await tls.authority.issueForLoopback()),
        ca: tls.authority.cert,
        requestCert: true,
        rejectUnauthorized: true,
      },
      onRequest: alwaysAnswer(),
    });
  }

  it('that is required and not there: a caller of POST is told that it was not served', async () => {
    const gateway = await on.gateway(await demanding(), {
      tls: { ca: tls.authority.certPath },
      timeouts: { wait: '300ms' },
    });
    const client = await on.client(gateway);
    const answer = await client.exchange(post());
    expect([502, 503]).toContain(answer.status);
    expect(gateway.told.faults.at(-1)?.kind).toMatch(/tls-failed|upstream-down|connection-ended/);
  });

  it('is shown, and read again when its files change', async () => {
    const origin = await demanding();
    const certFile = tls.dir.file('own.crt');
    const keyFile = tls.dir.file('own.key');
    const serials: string[] = [];
    const put = async (nth: number): Promise<string> => {
      const own = await tls.authority.issue({
        name: `own-${nth}`,
        names: ['own'],
        usage: 'client',
      });
      copyFileSync(own.certPath, certFile);
      copyFileSync(own.keyPath, keyFile);
      return own.serialNumber;
    };
    /** On the connection that the last request came over. */
    const shown = (): string => {
      const request = origin.requests.at(-1);
      const { socket } = origin.connections[(request?.connectionId ?? 0) - 1] ?? {};
      const peer = socket as unknown as { getPeerCertificate(): { serialNumber: string } };
      return peer.getPeerCertificate().serialNumber.toLowerCase();
    };
    serials.push(await put(1));
    const gateway = await on.gateway(origin, {
      tls: { ca: tls.authority.certPath, certFile, keyFile },
    });
    const client = await on.client(gateway);
    expect((await client.exchange(get())).status).toBe(200);
    expect(shown()).toBe(serials[0]);
    await gateway.warm(1);
    serials.push(await put(2));
    const before = origin.connections.length;
    for (const connection of origin.open) connection.fin();
    await origin.connection(before + 1);
    expect((await client.exchange(get())).status).toBe(200);
    expect(shown()).toBe(serials[1]);
    expect(gateway.told.faults).toEqual([]);
  });

  it('whose file is away for a moment, or half written, does no harm to what is open', async () => {
    const origin = await demanding();
    const own = await tls.authority.issue({ name: 'moment', names: ['own'], usage: 'client' });
    const certFile = tls.dir.file('moment.crt');
    copyFileSync(own.certPath, certFile);
    const gateway = await on.gateway(origin, {
      tls: { ca: tls.authority.certPath, certFile, keyFile: own.keyPath },
    });
    await gateway.warm(1);
    const client = await on.client(gateway);
    expect((await client.exchange(get())).status).toBe(200);
    copyFileSync(tls.authority.certPath, certFile); // Does not go with the key.
    const before = [...origin.open];
    for (const connection of before) connection.fin();
    // Those that replace them are dialled with what was good before.
    await waitFor(() => origin.open.some((connection) => !before.includes(connection)));
    await gateway.warm(1);
    expect((await client.exchange(get())).status).toBe(200);
    expect(gateway.told.dialsFailed).toBe(0);
    copyFileSync(own.certPath, certFile);
    await gateway.warm(1);
    expect((await client.exchange(get())).status).toBe(200);
  });
});
