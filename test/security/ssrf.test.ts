/** Whatever a client writes, its request goes to the upstream that its listener is bound to, or nowhere. */
import { describe, expect, it } from 'vitest';
import { scene } from '../integration/faults/scene.ts';
import { alwaysAnswer, type RawOrigin, response } from '../support/raw-origin.ts';

const on = scene();

/** Something else in reach of the gateway that no client may get at by it. */
async function between(upstream: Parameters<typeof on.gateway>[1] = {}): Promise<{
  origin: RawOrigin;
  canary: RawOrigin;
  gateway: Awaited<ReturnType<typeof on.gateway>>;
}> {
  const canary = await on.origin({ onRequest: alwaysAnswer('canary') });
  const origin = await on.origin({ onRequest: alwaysAnswer('origin') });
  return { origin, canary, gateway: await on.gateway(origin, upstream) };
}

const attempts = {
  'an absolute-form target': [421, (at: string) => `GET http://${at}/ HTTP/1.1\r\nHost: a\r\n\r\n`],
  'an absolute-form target with the same Host': [
    421,
    (at: string) => `GET http://${at}/ HTTP/1.1\r\nHost: ${at}\r\n\r\n`,
  ],
  'an absolute-form target in capitals': [
    421,
    (at: string) => `GET HTTP://${at}/ HTTP/1.1\r\nHost: a\r\n\r\n`,
  ],
  'an absolute-form target of HTTP/1.0': [
    421,
    (at: string) => `GET http://${at}/ HTTP/1.0\r\n\r\n`,
  ],
  'an https target': [421, (at: string) => `GET https://${at}/ HTTP/1.1\r\nHost: a\r\n\r\n`],
  'another scheme': [400, (at: string) => `GET gopher://${at}/ HTTP/1.1\r\nHost: a\r\n\r\n`],
  'a file': [400, () => 'GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n'],
  'user information before the host': [
    400,
    (at: string) => `GET http://origin@${at}/ HTTP/1.1\r\nHost: a\r\n\r\n`,
  ],
  CONNECT: [501, (at: string) => `CONNECT ${at} HTTP/1.1\r\nHost: ${at}\r\n\r\n`],
  'an authority as target': [400, (at: string) => `GET ${at} HTTP/1.1\r\nHost: a\r\n\r\n`],
  'user information in Host': [400, (at: string) => `GET / HTTP/1.1\r\nHost: a@${at}\r\n\r\n`],
  'two hosts in one Host': [400, (at: string) => `GET / HTTP/1.1\r\nHost: a, ${at}\r\n\r\n`],
  'two Host lines': [400, (at: string) => `GET / HTTP/1.1\r\nHost: a\r\nHost: ${at}\r\n\r\n`],
  'a backslash': [400, (at: string) => `GET \\\\${at}\\ HTTP/1.1\r\nHost: a\r\n\r\n`],
  'a fragment': [400, (at: string) => `GET /#@${at}/ HTTP/1.1\r\nHost: a\r\n\r\n`],
  'the metadata service': [
    421,
    () => 'GET http://169.254.169.254/latest/meta-data/ HTTP/1.1\r\nHost: a\r\n\r\n',
  ],
} as const;

describe('a request for another place', () => {
  for (const [name, [status, write]] of Object.entries(attempts)) {
    it(`by ${name} is refused with ${status}, and nobody is asked`, async () => {
      const { origin, canary, gateway } = await between();
      const client = await on.client(gateway);
      const answer = await client.exchange(write(`127.0.0.1:${canary.port}`));
      expect(answer.status).toBe(status);
      expect(answer.fields.get('proxy-status')?.[0]).toContain('details="not-sent"');
      expect(canary.connections).toEqual([]);
      expect(origin.requests).toEqual([]);
    });
  }

  const harmless = {
    'a foreign Host': (at: string) => `GET / HTTP/1.1\r\nHost: ${at}\r\n\r\n`,
    'a path that looks like an authority': (at: string) =>
      `GET //${at}/ HTTP/1.1\r\nHost: a\r\n\r\n`,
    'a path with a URL in it': (at: string) => `GET /http://${at}/ HTTP/1.1\r\nHost: a\r\n\r\n`,
    'forwarding fields': (at: string) =>
      `GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: ${at}\r\nForwarded: host="${at}"\r\nX-Original-URL: http://${at}/\r\n\r\n`,
    'an upgrade to HTTP/2': (at: string) =>
      `GET / HTTP/1.1\r\nHost: ${at}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
  } as const;
  for (const [name, write] of Object.entries(harmless)) {
    it(`by ${name} goes to the upstream alone, under its name`, async () => {
      const { origin, canary, gateway } = await between();
      const client = await on.client(gateway);
      const answer = await client.exchange(write(`127.0.0.1:${canary.port}`));
      expect([answer.status, answer.body.toString()]).toEqual([200, 'origin']);
      expect(canary.connections).toEqual([]);
      const [request] = origin.requests;
      expect(request?.fields.get('host')).toEqual([`127.0.0.1:${origin.port}`]);
      expect(request?.fields.has('upgrade')).toBe(false);
      expect(request?.fields.has('http2-settings')).toBe(false);
    });
  }

  it('with `host: client` changes the Host, never the way', async () => {
    const { origin, canary, gateway } = await between({ host: 'client' });
    const client = await on.client(gateway);
    const host = `127.0.0.1:${canary.port}`;
    expect((await client.exchange(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).status).toBe(200);
    expect(origin.requests[0]?.fields.get('host')).toEqual([host]);
    expect(canary.connections).toEqual([]);
  });

  it('in a redirect is for the client to follow', async () => {
    const canary = await on.origin({ onRequest: alwaysAnswer('canary') });
    const location = `http://127.0.0.1:${canary.port}/`;
    const origin = await on.origin({
      onRequest: (_, connection) =>
        connection.write(response('', { status: '302 Found', fields: { Location: location } })),
    });
    const client = await on.client(await on.gateway(origin));
    const answer = await client.exchange('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect([answer.status, answer.fields.get('location')]).toEqual([302, [location]]);
    expect(canary.connections).toEqual([]);
  });
});
