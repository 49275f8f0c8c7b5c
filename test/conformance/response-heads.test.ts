/** Response heads: what is refused and becomes a 502, and what is taken and relayed (RFC 9112 2, 4, 5; RFC 9110 15). */
import { describe, expect, it } from 'vitest';
import { get, scene } from '../integration/faults/scene.ts';
import { response } from '../support/raw-origin.ts';
import { pass } from './seam.ts';

const on = scene();

const ok = 'HTTP/1.1 200 OK\r\n';

describe('a response is refused with 502, and its connection closed', () => {
  const rows: readonly (readonly [name: string, answer: string])[] = [
    ['that is no HTTP [9110-15.6.3-R1]', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['of HTTP/2 [9110-15.6.3-R1]', 'HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['whose status line ends in LF alone [9112-11.2-R11]', 'HTTP/1.1 200 OK\nA: b\r\n\r\n'],
    ['with a bare CR in its reason [9112-2.2-04] [9112-11.2-R11]', 'HTTP/1.1 200 O\rK\r\n\r\n'],
    ['with two spaces before its status [9112-11.2-R11]', 'HTTP/1.1  200 OK\r\n\r\n'],
    ['with white space right behind its status line [9112-2.2-09]', `${ok} A: b\r\n\r\n`],
    ['with a line of LF alone [9112-11.2-R11]', `${ok}A: b\nContent-Length: 0\r\n\r\n`],
    ['with a bare CR in a value [9112-2.2-04] [9110-5.5-03]', `${ok}A: b\rc\r\n\r\n`],
    ['with NUL in a value [9110-5.5-03]', `${ok}A: b\0c\r\n\r\n`],
    ['with a folded line [9112-5.2-03] [9112-5.2-01] [9112-11.2-R11]', `${ok}A: b\r\n c\r\n\r\n`],
    ['with a line without a colon [9112-11.2-R11]', `${ok}abc\r\n\r\n`],
    ['with a status code of four digits [9112-11.2-R11]', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['with a status code below 100 [9110-15-03]', 'HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n'],
  ];
  for (const [name, text] of rows)
    it(name, async () => {
      const { answer, origin, gateway } = await pass(on, get(), { answer: text });
      expect(answer.status, answer.body.toString()).toBe(502);
      expect(answer.fields.get('proxy-status')?.[0]).toContain('error=http_protocol_error');
      expect(origin.requests).toHaveLength(1);
      await gateway.settled();
      expect(gateway.told.closed).toContain('fault');
    });
});

describe('a response is relayed', () => {
  it('with an empty reason, and the space before it [9112-4-01] [9112-4-04]', async () => {
    const { answer } = await pass(on, get(), {
      answer: 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok',
    });
    expect(answer.startLine).toBe('HTTP/1.1 200 ');
  });

  it('without even the space: it is written with it [9112-4-04] [9110-2.4-02]', async () => {
    const { answer } = await pass(on, get(), {
      answer: 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok',
    });
    expect(answer.startLine).toBe('HTTP/1.1 200 ');
  });

  it('by its status code alone, whatever the reason says [9112-4-03]', async () => {
    const { answer, gateway } = await pass(on, get(), {
      answer: response('ok', { status: '200 503 Service Unavailable' }),
      upstream: { retry: { statuses: [503] } },
    });
    expect(answer.startLine).toBe('HTTP/1.1 200 503 Service Unavailable');
    expect(gateway.told.retries).toEqual([]);
  });

  it('of HTTP/1.0, and of a higher minor version, as HTTP/1.1 [9112-2.3-01] [9110-6.2-05] [9110-6.2-06]', async () => {
    for (const version of ['1.0', '1.7']) {
      const { answer } = await pass(on, get(), {
        answer: `HTTP/${version} 200 OK\r\nContent-Length: 2\r\n\r\nok`,
        ends: version === '1.0',
      });
      expect(answer.startLine).toBe('HTTP/1.1 200 OK');
      expect(answer.body.toString()).toBe('ok');
    }
  });

  it('with white space before a colon, which the client does not see [9112-5.1-02]', async () => {
    const { answer } = await pass(on, get(), {
      answer: `${ok}Content-Length : 2\r\nA \t: b\r\n\r\nok`,
    });
    expect(answer.body.toString()).toBe('ok');
    expect(answer.rawHead).toContain('\r\nContent-Length: 2\r\nA: b\r\n');
  });

  it('of an unknown status, by its class [9110-15-01] [9110-15-02]', async () => {
    for (const status of ['299 Odd', '399 Odd', '499 Odd', '599 Odd']) {
      const { answer, gateway } = await pass(on, get(), { answer: response('ok', { status }) });
      expect(answer.startLine).toBe(`HTTP/1.1 ${status}`);
      const code_class = `${status[0]}xx`;
      await gateway.settled();
      expect(await gateway.metric('sidepool_upstream_requests_total', { code_class })).toBe(1);
    }
  });

  it('of 199 as an interim one, the final one to follow [9110-15-02] [9110-15.2-02]', async () => {
    const { client } = await pass(on, 'HEAD /skip HTTP/1.1\r\nHost: a\r\n\r\n', {
      answer: ({ method }, connection) =>
        connection.write(
          method === 'HEAD'
            ? 'HTTP/1.1 200 OK\r\n\r\n'
            : `HTTP/1.1 199 Odd\r\nA: b\r\n\r\n${response()}`,
        ),
    });
    client.write(get());
    const interim = await client.readResponse();
    expect([interim.status, interim.fields.get('a')]).toEqual([199, ['b']]);
    expect((await client.readResponse()).status).toBe(200);
  });

  it('of a status above 599, which counts as a 5xx [9110-15-03]', async () => {
    const { answer, gateway } = await pass(on, get(), {
      answer: response('ok', { status: '777 Odd' }),
    });
    expect(answer.startLine).toBe('HTTP/1.1 777 Odd');
    await gateway.settled();
    expect(await gateway.metric('sidepool_upstream_requests_total', { code_class: '5xx' })).toBe(1);
  });

  it('of 408 that comes while nothing is asked: it answers no request [9110-15.5.9-01] [9112-9.2-03]', async () => {
    const timeout = response('late', { status: '408 Request Timeout' });
    const origin = await on.origin({ onRequest: (_, connection) => connection.write(response()) });
    const gateway = await on.gateway(origin);
    const client = await on.client(gateway);
    expect((await client.exchange(get())).status).toBe(200);
    origin.connections[0]?.fin(timeout);
    await origin.connections[0]?.closed();
    const answer = await client.exchange(get());
    expect([answer.status, answer.body.toString()]).toEqual([200, 'ok']);
  });
});

describe('a status that asks for something', () => {
  const statuses: readonly (readonly [name: string, status: string])[] = [
    ['304 to a condition of the client’s own [9110-15.4.5-03]', '304 Not Modified'],
    ['403, asked for once [9110-15.5.4-01]', '403 Forbidden'],
    ['428, asked for once [6585-1-R1]', '428 Precondition Required'],
    ['429, asked for once, with its Retry-After [6585-4-R1]', '429 Too Many Requests'],
    ['431, asked for once [6585-1-R1]', '431 Request Header Fields Too Large'],
    ['511, asked for once [6585-1-R1]', '511 Network Authentication Required'],
  ];
  for (const [name, status] of statuses)
    it(`is relayed: ${name}`, async () => {
      const { answer, origin } = await pass(on, get('/', 'If-None-Match: "x"\r\n'), {
        answer: status.startsWith('304')
          ? `HTTP/1.1 ${status}\r\nETag: "x"\r\n\r\n`
          : response('why', { status, fields: { 'Retry-After': '7' } }),
      });
      expect(answer.startLine).toBe(`HTTP/1.1 ${status}`);
      if (!status.startsWith('304')) {
        expect(answer.body.toString()).toBe('why');
        expect(answer.fields.get('retry-after')).toEqual(['7']);
      }
      expect(answer.fields.has('proxy-status')).toBe(false);
      expect(origin.requests).toHaveLength(1);
    });
});
