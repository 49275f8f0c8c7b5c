import { expect, it } from 'vitest';
import { noise, sha256 } from '../../support/bodies.ts';
import { type Echo, startNodeOrigin } from '../../support/origins/node.ts';
import { connectRawClient, requestOnce } from '../../support/raw-client.ts';
import { chunked } from '../../support/raw-message.ts';
import { describeOrigin, hashFromEcho, request } from './origin-suite.ts';

describeOrigin(
  {
    title: "Node's http",
    programs: [],
    start: () => startNodeOrigin(),
    connections: 'keep',
    sizes: ['10k', '100k', '10m'],
    upload: {
      methods: ['POST', 'PUT'],
      path: '/echo',
      bytes: 1_000_000,
      codings: ['length', 'chunked'],
      receivedHash: hashFromEcho,
    },
  },
  (running) => {
    const send = (bytes: Buffer) => requestOnce(running().gateway.port, bytes);
    const pieces = Array.from({ length: 10 }, (_, nth) => `piece ${nth}\n`).join('');

    it('a chunked response: chunked for 1.1, by the end for 1.0', async () => {
      const now = await send(request('GET', '/chunked'));
      expect([now.framing, now.body.toString()]).toEqual(['chunked', pieces]);
      const old = await send(request('GET', '/chunked', { version: '1.0' }));
      expect([old.framing, old.body.toString()]).toEqual(['close', pieces]);
      expect(old.fields.has('transfer-encoding')).toBe(false);
    });

    it('trailers of a response to a client that takes them', async () => {
      const answer = await send(
        request('GET', '/trailers', { fields: 'TE: trailers\r\nConnection: TE\r\n' }),
      );
      expect(answer.trailers.get('x-sum')).toEqual([sha256('with trailers')]);
    });

    it('trailers of a request', async () => {
      const body = chunked('hello', { trailers: { 'X-Check': 'yes' } });
      const head =
        'POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Check\r\n\r\n';
      const echo = echoOf(await send(Buffer.concat([Buffer.from(head), body])));
      expect(echo.trailers).toEqual({ 'x-check': 'yes' });
    });

    it('103 is passed on to 1.1, and kept from 1.0', async () => {
      const client = await connectRawClient(running().gateway.port);
      client.write(request('GET', '/hints'));
      const hints = await client.readResponse();
      expect([hints.status, hints.fields.get('link')?.[0]]).toEqual([
        103,
        '</style.css>; rel=preload; as=style',
      ]);
      expect((await client.readResponse()).body.toString()).toBe('hinted');
      client.close();
      const old = await connectRawClient(running().gateway.port);
      old.write(request('GET', '/hints', { version: '1.0' }));
      expect((await old.readResponse()).status).toBe(200);
      old.close();
    });

    it('Expect: 100-continue reaches the origin, and its 100 the client, before the body', async () => {
      const { gateway, origin } = running();
      const before = origin.counts.expectations;
      const body = noise(50_000);
      const client = await connectRawClient(gateway.port);
      client.write(
        `POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      expect((await client.readResponse()).status).toBe(100);
      client.write(body);
      expect(echoOf(await client.readResponse()).sha256).toBe(sha256(body));
      expect(origin.counts.expectations - before).toBe(1);
      client.close();
    });

    it('a body is passed on piece by piece while it comes', async () => {
      const client = await connectRawClient(running().gateway.port);
      client.write(request('GET', '/drip?ms=30'));
      const first = await client.received.until(
        () =>
          client.received.bytes.includes('drop 0') ? client.received.bytes.toString() : undefined,
        'the first piece',
        5_000,
      );
      expect(first).not.toContain('drop 9');
      expect((await client.readResponse()).body.toString()).toContain('drop 9');
      client.close();
    });

    it('fields go on in their order and case, without those of the hop', async () => {
      const fields =
        'X-One: 1\r\nx-TWO: 2\r\nx-TWO: 3\r\nX-Hop: h\r\nConnection: X-Hop\r\nKeep-Alive: timeout=9\r\n';
      const echo = echoOf(await send(request('GET', '/echo', { fields })));
      const text = echo.rawHeaders.join('|');
      expect(text).toContain('X-One|1|x-TWO|2|x-TWO|3');
      expect(text).not.toMatch(/X-Hop|timeout=9/i);
      expect(echo.httpVersion).toBe('1.1');
    });

    it('a target is passed on as it is', async () => {
      const target = '/echo?q=%2F%2f&a[]=1&&b={x|y}%C3%A9';
      expect(echoOf(await send(request('GET', target))).url).toBe(target);
    });

    it.each([204, 304, 404, 500, 503])('status %i', async (code) => {
      const answer = await send(request('GET', `/status?code=${code}`));
      expect(answer.status).toBe(code);
    });

    it('pipelined requests are answered in order', async () => {
      const client = await connectRawClient(running().gateway.port);
      client.write(
        Buffer.concat([
          request('GET', '/slow?ms=50'),
          request('GET', '/ok'),
          request('GET', '/chunked'),
        ]),
      );
      const bodies = [];
      for (let nth = 0; nth < 3; nth++) bodies.push((await client.readResponse()).body.toString());
      expect(bodies).toEqual(['slow', 'ok', pieces]);
      client.close();
    });
  },
);

function echoOf(answer: { body: Buffer }): Echo {
  return JSON.parse(answer.body.toString());
}
