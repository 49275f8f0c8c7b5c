/** What is answered without an upstream, and what is refused. */
import { describe, expect, it } from 'vitest';
import { read } from '../downstream/fake-exchange.ts';
import { get, get10, lines, scenes } from '../downstream/scene.ts';
import { Scene } from './scene.ts';

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));

describe('Max-Forwards: 0', () => {
  it('OPTIONS is answered with the methods that apply', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('OPTIONS * HTTP/1.1', 'Host: a', 'Max-Forwards: 0'));
    const answer = read(client.received);
    expect(answer.status).toBe(200);
    expect(answer.fields.find((field) => field.startsWith('Allow: '))).toContain('GET, HEAD');
    expect(on.upstream.leases).toBe(0);
    expect(on.began).toBe(0);
    expect(client.incoming).toBe('open');
  });

  it('TRACE is answered with the request, but for what carries credentials', () => {
    const on = scene();
    const client = on.connect();
    client.send(
      lines(
        'TRACE /a HTTP/1.1',
        'Host: a',
        'Max-Forwards: 00',
        'Cookie: s=1',
        'AUTHORIZATION: b',
        'X-Y: z',
      ),
    );
    const answer = read(client.received);
    expect(answer.status).toBe(200);
    expect(answer.fields).toContain('Content-Type: message/http');
    expect(answer.body).toBe('TRACE /a HTTP/1.1\r\nHost: a\r\nMax-Forwards: 00\r\nX-Y: z\r\n\r\n');
  });

  it('TRACE without fields is answered with its request line', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('TRACE /a HTTP/1.0', 'Max-Forwards: 0'));
    expect(read(client.received).body).toBe('TRACE /a HTTP/1.0\r\nMax-Forwards: 0\r\n\r\n');
  });

  it('of any other method, or a number above, is carried', () => {
    const on = scene();
    for (const request of [
      get('/', 'Max-Forwards: 0'),
      lines('TRACE / HTTP/1.1', 'Host: a', 'Max-Forwards: 1'),
      lines('OPTIONS * HTTP/1.1', 'Host: a'),
    ]) {
      on.connect().send(request);
      on.upstream.last.answer();
    }
    expect(on.statuses).toEqual([200, 200, 200]);
  });

  it('with a body that follows: the body is thrown away, and the connection closed', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('OPTIONS * HTTP/1.1', 'Host: a', 'Max-Forwards: 0', 'Content-Length: 5'));
    expect(read(client.received).fields).toContain('Connection: close');
    client.send('hello');
    expect(on.upstream.leases).toBe(0);
  });
});

describe('an authority in the target', () => {
  const absolute = (authority: string) =>
    lines(`GET http://${authority}/x HTTP/1.1`, 'Host: other');

  for (const authority of [
    'origin.example',
    'ORIGIN.example',
    'origin.example:80',
    '127.0.0.1:15101',
    'alias.example',
  ]) {
    it(`that is our own is carried: ${authority}`, () => {
      const on = scene({ policy: { ownAuthorities: ['alias.example'] } });
      on.connect().send(absolute(authority));
      expect(on.upstream.last.head).toMatch(/^GET \/x HTTP\/1\.1\r\n/);
      on.upstream.last.answer();
    });
  }

  for (const authority of [
    'foreign.example',
    'origin.example:81',
    '127.0.0.1:15102',
    'origin.example.evil',
  ]) {
    it(`that is foreign is refused with 421, and told once: ${authority}`, () => {
      const on = scene();
      const client = on.connect();
      client.send(absolute(authority));
      expect(read(client.received).status).toBe(421);
      expect(on.toldShort).toEqual([['foreign-authority', 421, 'not-sent']]);
      expect(on.began).toBe(0);
      expect(client.incoming).toBe('open');
    });
  }

  it('in Host alone is no authority to judge by', () => {
    const on = scene();
    on.connect().send(lines('GET / HTTP/1.1', 'Host: foreign.example'));
    expect(on.upstream.leases).toBe(1);
    on.upstream.last.answer();
  });
});

describe('an upgrade that is required', () => {
  const policy = { requiresUpgrade: true, upgrades: ['websocket', 'chat'] };

  it('and not asked for is refused with 426, which names what is offered', () => {
    const on = scene({ policy });
    const client = on.connect();
    client.send(get());
    const answer = read(client.received);
    expect(answer.status).toBe(426);
    expect(answer.fields).toContain('Upgrade: websocket, chat');
    expect(answer.fields).toContain('Connection: upgrade');
    expect(on.toldShort).toEqual([['upgrade-required', 426, 'not-sent']]);
    expect(on.began).toBe(0);
  });

  it('and asked for by HTTP/1.0, or with another protocol, or with a body, is refused too', () => {
    const on = scene({ policy });
    const upgrade = ['Connection: upgrade', 'Upgrade: websocket'];
    for (const request of [
      get10('/', ...upgrade),
      get('/', 'Connection: upgrade', 'Upgrade: h2c'),
      get('/', 'Upgrade: websocket'),
      `${lines('GET / HTTP/1.1', 'Host: a', 'Content-Length: 1', ...upgrade)}x`,
    ]) {
      const client = on.connect();
      client.send(request);
      expect(read(client.received).status).toBe(426);
    }
  });

  it('and asked for is carried', () => {
    const on = scene({ policy });
    on.connect().send(get('/', 'Connection: upgrade', 'Upgrade: chat'));
    expect(on.upstream.last.head).toContain('Upgrade: chat\r\nConnection: upgrade\r\n');
    on.upstream.last.answer();
  });
});
