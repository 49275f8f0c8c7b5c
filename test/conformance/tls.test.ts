/** Connections to https upstreams: who is spoken to, and how they are closed (RFC 9110 4.2.2, 4.3.4; RFC 9112 9.7, 9.8). */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { get, scene } from '../integration/faults/scene.ts';
import { certificates } from '../support/certificate-scene.ts';
import { alwaysAnswer, type RawOrigin, response } from '../support/raw-origin.ts';
import { waitFor } from '../support/wait-for.ts';

const on = scene();
const tls = certificates('conformance-tls');

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Passes everything on to a port, and keeps what goes there: TLS records, as an observer on the way sees them. */
async function tapped(target: number): Promise<{ url: string; sent: () => Buffer[] }> {
  const connections: Buffer[][] = [];
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const sent: Buffer[] = [];
    connections.push(sent);
    const far = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true });
    near.on('data', (data: Buffer) => sent.push(data));
    near.pipe(far);
    far.pipe(near);
    for (const socket of [near, far]) socket.on('error', () => {});
    near.on('close', () => far.destroy());
    closing.push(() => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `https://127.0.0.1:${address.port}`,
    sent: () => connections.map((parts) => Buffer.concat(parts)),
  };
}

/** The content types of TLS records, which TLS 1.2 shows: 22 handshake, 23 application data, 21 alert. */
function recordTypes(bytes: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3))
    types.push(bytes[at] as number);
  return types;
}

async function secureOrigin(
  options: { names?: string[]; addresses?: string[]; name?: string } = {},
  onRequest: Parameters<typeof on.origin>[0] = { onRequest: alwaysAnswer() },
): Promise<RawOrigin> {
  const { name = 'leaf', ...rest } = options;
  const certificate = await tls.authority.issue({ name, ...rest });
  // TLS 1.2 leaves the types of records to be seen.
  return on.origin({ ...onRequest, tls: { ...certificate, ...{ maxVersion: 'TLSv1.2' } } });
}

describe('the certificate of an upstream is held against the name that was meant', () => {
  type Row = readonly [
    name: string,
    serverName: string,
    certificate: { names?: string[]; addresses?: string[]; name?: string },
    fits: boolean,
  ];
  const rows: readonly Row[] = [
    ['a name that is in it [9110-4.3.4-01]', 'a.test', { names: ['b.test', 'a.test'] }, true],
    ['in any case [9110-4.3.4-02]', 'A.Test', { names: ['a.TEST'] }, true],
    ['not a name that is not [9110-4.3.4-01]', 'a.test', { names: ['b.test'] }, false],
    ['nor one of which it is the end [9110-4.3.4-02]', 'x.a.test', { names: ['a.test'] }, false],
    ['a wildcard for one label [9110-4.3.4-02]', 'x.a.test', { names: ['*.a.test'] }, true],
    ['not for two [9110-4.3.4-02]', 'x.y.a.test', { names: ['*.a.test'] }, false],
    ['nor for none [9110-4.3.4-02]', 'a.test', { names: ['*.a.test'] }, false],
    ['nor within [9110-4.3.4-02]', 'x.a.test', { names: ['x.*.test'] }, false],
    [
      'an address by an entry for it [9110-4.3.4-03]',
      '127.0.0.1',
      { addresses: ['127.0.0.1'] },
      true,
    ],
    ['not by a name that looks so [9110-4.3.4-03]', '127.0.0.1', { names: ['127.0.0.1'] }, false],
    ['a name not by an address [9110-4.3.4-03]', 'localhost', { addresses: ['127.0.0.1'] }, false],
    ['a Common Name alone does not do [9110-4.3.4-04]', 'only.test', { name: 'only.test' }, false],
  ];
  for (const [name, serverName, certificate, fits] of rows)
    it(name, async () => {
      const origin = await secureOrigin(certificate);
      const gateway = await on.gateway(origin, {
        tls: { ca: tls.authority.certPath, serverName },
        // Refused ones are tried again until the wait is over.
        timeouts: { wait: fits ? '5s' : '700ms' },
      });
      const client = await on.client(gateway);
      const answer = await client.exchange(get());
      expect(answer.status, answer.body.toString()).toBe(fits ? 200 : 502);
      if (fits) return;
      expect(answer.fields.get('proxy-status')?.[0]).toContain('error=tls_certificate_error');
      expect(answer.body.toString()).toContain('it is for another name');
      expect(origin.requests).toEqual([]);
    });

  it('and one that does not fit ends the connection, is told with its check, and logged [9110-4.3.4-05] [9110-4.3.4-06] [9110-4.3.4-07] [9110-4.3.4-09]', async () => {
    const origin = await secureOrigin({ names: ['other.test'] });
    const gateway = await on.gateway(origin, {
      tls: { ca: tls.authority.certPath, serverName: 'a.test' },
      timeouts: { wait: '700ms' },
    });
    const client = await on.client(gateway);
    expect((await client.exchange(get())).status).toBe(502);
    await origin.connections[0]?.incomingEnd();
    expect(gateway.log).toMatch(/tls-certificate.*other\.test/);
  });

  it('unless that is switched off [9110-4.3.4-08]', async () => {
    const origin = await secureOrigin({ names: ['other.test'] });
    const gateway = await on.gateway(origin, { tls: { verify: 'none' } });
    const client = await on.client(gateway);
    expect((await client.exchange(get())).status).toBe(200);
  });
});

describe('an https upstream', () => {
  it('is spoken to over TLS alone, and a failed handshake is not tried again in the clear [9110-4.2.2-03] [9110-4.2.2-04]', async () => {
    const origin = await on.origin({ onRequest: alwaysAnswer() });
    const gateway = await on.gateway(
      { url: origin.url.replace('http:', 'https:') },
      { tls: { ca: tls.authority.certPath }, timeouts: { wait: '300ms', connect: '150ms' } },
    );
    const client = await on.client(gateway);
    const answer = await client.exchange(get());
    expect([502, 503, 504]).toContain(answer.status);
    expect(origin.requests).toEqual([]);
    // The first octet of all that came is that of a TLS handshake.
    for (const { received } of origin.connections) expect(received.bytes[0]).toBe(22);
  });

  it('gets every octet of HTTP as application data [9112-9.7-01] [9110-4.2.2-03]', async () => {
    const origin = await secureOrigin({ addresses: ['127.0.0.1'] });
    const tap = await tapped(origin.port);
    const gateway = await on.gateway(tap, { tls: { ca: tls.authority.certPath } });
    const client = await on.client(gateway);
    expect((await client.exchange(get('/secret'))).status).toBe(200);
    const all = Buffer.concat(tap.sent());
    expect(recordTypes(all)).toContain(23);
    expect(all.includes('secret')).toBe(false);
    expect(all.includes('HTTP/1.1')).toBe(false);
  });

  it('is sent close_notify before its connection is closed, in order and in haste [9112-9.8-03] [9112-9.8-04]', async () => {
    const certificate = { addresses: ['127.0.0.1'] };
    const origin = await secureOrigin(certificate, {
      onRequest: ({ target }, connection) =>
        connection.write(
          target === '/half'
            ? 'HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf'
            : response('ok', { fields: { Connection: 'close' } }),
        ),
    });
    const tap = await tapped(origin.port);
    const pool = { warm: 0, warmMax: 0 };
    const gateway = await on.gateway(tap, { tls: { ca: tls.authority.certPath }, pool });
    const client = await on.client(gateway);
    expect((await client.exchange(get('/whole'))).status).toBe(200);
    await waitFor(() => recordTypes(tap.sent()[0] ?? Buffer.alloc(0)).at(-1) === 21);
    // The client goes away in the middle: the connection is of no more use, and closed at once.
    const other = await on.client(gateway);
    other.write(get('/half'));
    await waitFor(() => other.received.bytes.includes('half'));
    other.reset();
    await waitFor(() => recordTypes(tap.sent()[1] ?? Buffer.alloc(0)).at(-1) === 21);
  });

  it('that ends without close_notify leaves whole responses whole, and harms no other request [9112-9.8-02]', async () => {
    const certificate = { addresses: ['127.0.0.1'] };
    const origin = await secureOrigin(certificate, {
      onRequest: ({ target }, connection) => {
        if (target === '/length') connection.write(response('whole'));
        else
          connection.write(
            'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n',
          );
        // The TCP connection below ends, without a word of TLS.
        const { _parent: below } = connection.socket as unknown as { _parent: { end(): void } };
        setTimeout(() => below.end(), 5);
      },
    });
    const gateway = await on.gateway(origin, { tls: { ca: tls.authority.certPath } });
    const client = await on.client(gateway);
    for (const target of ['/length', '/chunks', '/length'])
      expect((await client.exchange(get(target))).body.toString()).toBe('whole');
    await gateway.settled();
    expect(gateway.told.faults).toEqual([]);
  });
});
