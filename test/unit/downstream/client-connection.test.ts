/** Reading requests and answering them in order. */
import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/base/fault.ts';
import { ownResponse } from '../../../src/message/own-response.ts';
import { noise } from '../../support/bodies.ts';
import { parseResponse } from '../http1/scene.ts';
import { read } from './fake-exchange.ts';
import { chunkedPost, get, get10, lines, post, Scene, scenes } from './scene.ts';

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));

describe('a request head', () => {
  it('that comes whole begins one exchange', () => {
    const on = scene();
    const client = on.connect();
    client.send(get('/a?b=c', 'X-Y: z'));
    expect(on.exchanges.map(({ method, target }) => `${method} ${target}`)).toEqual(['GET /a?b=c']);
    expect(on.last.head.fields.find('x-y')).toBe('z');
    expect(on.last.calls).toEqual(['read-end']);
    expect(on.gate.active).toBe(1);
    expect(on.requests).toBe(1);
  });

  it('that comes octet by octet begins one exchange with the last octet', () => {
    const on = scene();
    const client = on.connect();
    const text = get('/slow', 'X-Y: z');
    client.send(...text.slice(0, -1));
    expect(on.exchanges).toEqual([]);
    client.send('\n');
    expect(on.last.target).toBe('/slow');
    expect(on.last.head.fields.find('x-y')).toBe('z');
  });

  it('that comes in two pieces, cut anywhere, is the same', () => {
    const text = get('/cut', 'X-Y: z');
    for (let at = 1; at < text.length; at += 1) {
      const on = scene();
      on.connect().send(text.slice(0, at), text.slice(at));
      expect(on.exchanges.map(({ target }) => target)).toEqual(['/cut']);
      expect(on.last.head.fields.find('x-y')).toBe('z');
    }
  });

  it('that is not proper is refused, closed gracefully, and no exchange begins', () => {
    const on = scene();
    const client = on.connect();
    client.send('GET / HTTP/1.1\r\nHost : a\r\n\r\n');
    const answer = read(client.received);
    expect(answer.status).toBe(400);
    expect(answer.fields).toContain('Connection: close');
    expect(answer.fields).toContain(
      'Proxy-Status: sidepool; error=http_request_error; details="not-sent"',
    );
    expect(on.exchanges).toEqual([]);
    expect(on.faults).toEqual([['bad-request', 400]]);
    // The client may still be sending: a close now could cost it the answer.
    expect(client.calls).toEqual(['end']);
    client.fin();
    on.settle();
    expect(client.isClosed).toBe(true);
    expect(client.incoming).toBe('fin');
  });
});

describe('pipelined requests', () => {
  it('are answered in order, and the second begins only once the first has ended', () => {
    const on = scene();
    const client = on.connect();
    client.send(get('/1') + get('/2') + get('/3'));
    for (const target of ['/1', '/2', '/3']) {
      expect(on.last.target).toBe(target);
      expect(on.gate.active).toBe(1);
      on.last.answer(target);
      on.settle();
    }
    expect(on.exchanges).toHaveLength(3);
    expect(client.received.match(/\/\d$|\/\d(?=HTTP)/g)).toEqual(['/1', '/2', '/3']);
    expect(client.incoming).toBe('open');
  });

  it('that come while the first is under way wait in the kernel', () => {
    const on = scene();
    const client = on.connect();
    client.send(get('/1'));
    client.send(get('/2'), get('/3'));
    expect(on.exchanges).toHaveLength(1);
    expect(client.isPaused).toBe(true);
    expect(client.unreadBytes).toBe(get('/3').length);
    on.last.answer();
    on.settle();
    expect(on.last.target).toBe('/2');
    on.last.answer();
    on.settle();
    expect(on.last.target).toBe('/3');
    on.last.answer();
    on.settle();
    expect(client.isPaused).toBe(false);
  });

  it('without end are not read while some that came before are still to be answered', () => {
    const on = scene();
    const client = on.connect();
    client.send(get('/1') + get('/2') + get('/3'));
    const later = [get('/4'), get('/5'), get('/6'), get('/7')];
    client.send(...later);
    const unread = later.slice(1).join('').length;
    // One read comes before it is known that there is no room for it.
    expect(client.unreadBytes).toBe(unread);
    for (const target of ['/1', '/2', '/3']) {
      expect(on.last.target).toBe(target);
      expect(client.unreadBytes).toBe(unread);
      on.last.answer();
      on.settle();
    }
    expect(on.last.target).toBe('/4');
    expect(client.unreadBytes).toBe(unread - get('/5').length);
  });

  it('of which the last is cut off are read on, and a client that leaves while the last is under way is seen', () => {
    const on = scene();
    const client = on.connect();
    client.send(get('/1'), get('/2') + get('/3').slice(0, 9), get('/3').slice(9));
    expect(client.isPaused).toBe(true);
    on.last.answer();
    on.settle();
    expect(on.last.target).toBe('/2');
    on.last.answer();
    on.settle();
    expect(on.last.target).toBe('/3');
    expect(client.isPaused).toBe(false);
    client.reset();
    on.settle();
    expect(on.gate.active).toBe(0);
  });

  it('are read no faster than they are answered', () => {
    const on = scene();
    const client = on.connect();
    const many = get().repeat(500);
    for (let nth = 0; nth < 20; nth += 1) client.send(many);
    const answer = (count: number): void => {
      for (let nth = 0; nth < count; nth += 1) {
        on.last.answer();
        on.settle();
      }
    };
    answer(200);
    // The first of twenty is still being answered: no more than two behind it were taken.
    expect(client.unreadBytes).toBeGreaterThanOrEqual(17 * many.length);
    answer(9_800);
    expect([on.exchanges.length, client.unreadBytes]).toEqual([10_000, 0]);
    client.fin();
    on.settle();
    expect(client.isClosed).toBe(true);
  });

  it('behind a body begin where the body ended', () => {
    const on = scene();
    const client = on.connect();
    client.send(post('hello') + get('/2'));
    expect(on.last.body).toBe('hello');
    expect(on.exchanges).toHaveLength(1);
    on.last.answer();
    on.settle();
    expect(on.last.target).toBe('/2');
    on.last.answer();
  });

  it('that are answered in the course of their begin need no depth of stack', () => {
    const on = scene();
    const client = on.connect();
    on.onBegin = (exchange) => exchange.answer('.');
    const count = 20_000;
    client.send(get().repeat(count));
    on.settle();
    expect(on.exchanges).toHaveLength(count);
    expect(client.received.split('HTTP/1.1 200 OK')).toHaveLength(count + 1);
  });

  it('of a client that takes none of the answers are not read for ever', () => {
    const on = scene({ stallTimeoutMs: 500 });
    const client = on.connect();
    on.onBegin = (exchange) => exchange.answer('x'.repeat(1_000));
    client.block();
    for (let sent = 0; sent < 1_000; sent += 10) client.send(get().repeat(10));
    on.settle();
    expect(client.writableLength).toBeLessThan(100_000);
    expect(client.unreadBytes).toBeGreaterThan(0);
    client.drain();
    on.settle();
    expect(on.exchanges).toHaveLength(1_000);
    expect(client.received.split('HTTP/1.1 200 OK')).toHaveLength(1_001);
    expect(client.incoming).toBe('open');
  });

  it('of a client that takes nothing for too long end with its connection', () => {
    const on = scene({ stallTimeoutMs: 500 });
    const client = on.connect();
    on.onBegin = (exchange) => exchange.answer('x'.repeat(1_000));
    client.block();
    client.send(get().repeat(1_000));
    on.settle();
    on.passLimit(500);
    expect(client.isClosed).toBe(true);
  });

  it('of a client that has ended its side are all answered, however slowly it takes them', () => {
    const on = scene();
    const client = on.connect();
    on.onBegin = (exchange) => exchange.answer('x'.repeat(1_000));
    client.block();
    client.send(get().repeat(200));
    client.fin();
    on.settle();
    client.drain();
    on.settle();
    expect(client.received.split('HTTP/1.1 200 OK')).toHaveLength(201);
    expect(client.isClosed).toBe(true);
    expect(client.incoming).toBe('fin');
  });
});

describe('a request body', () => {
  it('of known length is handed on as it comes', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 6'), 'abc', 'def');
    expect(on.last.calls).toEqual([
      'read-end',
      'body abc',
      'read-end',
      'body def',
      'body-end',
      'read-end',
    ]);
    on.last.answer();
  });

  it('that comes with its head is handed on in the same read', () => {
    const on = scene();
    on.connect().send(post('hello'));
    expect(on.last.calls).toEqual(['body hello', 'body-end', 'read-end']);
    on.last.answer();
  });

  it('in chunks is taken out of its frames, and its trailers handed on', () => {
    const on = scene();
    on.connect().send(
      chunkedPost('3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n'),
    );
    expect(on.last.calls).toEqual(['body abcde', 'body-end X-Sum: 1', 'read-end']);
    on.last.answer();
  });

  it('in chunks of one octet is handed on in few pieces, and the same octets', () => {
    const on = scene();
    const body = noise(40_000).toString('latin1');
    const chunks = [...body].map((octet) => `1\r\n${octet}\r\n`).join('');
    on.connect().send(chunkedPost(`${chunks}0\r\n\r\n`));
    expect(on.last.body).toBe(body);
    expect(on.last.isBodyWhole).toBe(true);
    expect(on.last.calls.length).toBeLessThan(10);
    on.last.answer();
  });

  it('leaves out a trailer that Connection named', () => {
    const on = scene();
    on.connect().send(chunkedPost('0\r\nX-Hop: 1\r\nX-Sum: 2\r\n\r\n', 'Connection: x-hop'));
    expect(on.last.calls).toEqual(['body-end X-Sum: 2', 'read-end']);
    on.last.answer();
  });

  it('of a receiver that wants no more waits in the kernel until it does', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 9'));
    on.last.takesMore = false;
    client.send('abc', 'def');
    expect(on.last.body).toBe('abc');
    expect(client.isPaused).toBe(true);
    on.last.takesMore = true;
    on.last.client.resumeBody();
    on.settle();
    expect(on.last.body).toBe('abcdef');
    client.send('ghi');
    expect(on.last.isBodyWhole).toBe(true);
    on.last.answer();
  });

  it('in chunks of a receiver that wants no more gives the rest of the same read later', () => {
    const on = scene();
    const client = on.connect();
    on.onBegin = (exchange) => {
      exchange.takesMore = false;
    };
    // Small ones would be put together, and be over before it is asked.
    const [first, second] = ['a'.repeat(4_096), 'b'.repeat(4_096)];
    client.send(chunkedPost(`1000\r\n${first}\r\n1000\r\n${second}\r\n0\r\n\r\n`));
    expect(on.last.body).toBe(first);
    on.last.client.resumeBody();
    expect(on.last.body).toBe(first + second);
    on.last.client.resumeBody();
    expect(on.last.isBodyWhole).toBe(true);
    on.last.answer();
  });

  it('whose last chunks were read while paused leaves a connection that hears its client', () => {
    const on = scene();
    const client = on.connect();
    on.onBegin = (exchange) => {
      exchange.takesMore = false;
    };
    client.send(chunkedPost(`1000\r\n${'a'.repeat(4_096)}\r\n0\r\n\r\n`));
    on.last.takesMore = true;
    on.last.client.resumeBody();
    expect(on.last.isBodyWhole).toBe(true);
    on.last.answer();
    client.send(get('/next'));
    on.settle();
    expect(on.last.target).toBe('/next');
    on.last.answer();
  });

  it('whose last chunks were read while paused leaves the next request to the kernel', () => {
    const on = scene();
    const client = on.connect();
    on.onBegin = (exchange) => {
      exchange.takesMore = false;
    };
    const body = `1000\r\n${'a'.repeat(4_096)}\r\n0\r\n\r\n`;
    client.send(`${chunkedPost(body)}${get('/2')}`, get('/3'));
    on.last.client.resumeBody();
    on.settle();
    expect(client.isPaused).toBe(true);
    expect(on.exchanges).toHaveLength(1);
    on.last.answer();
    on.settle();
    on.last.answer();
    on.settle();
    expect(on.last.target).toBe('/3');
    on.last.answer();
  });

  it('that breaks its framing is told as a fault, answered 400, and read to its end', () => {
    const on = scene();
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\nxyz\r\n'));
    expect(on.last.calls).toEqual(['body abc', 'fault malformed-body']);
    expect(read(client.received).status).toBe(400);
    expect(client.calls).toEqual(['end']);
    client.send('more of it');
    expect(on.last.calls).toHaveLength(2);
    client.fin();
    on.settle();
    expect(client.incoming).toBe('fin');
  });

  it('longer than allowed by its length is refused before an exchange begins', () => {
    const on = scene({ maxBodyBytes: 5 });
    const client = on.connect();
    client.send(post('123456'));
    expect(read(client.received).status).toBe(413);
    expect(on.exchanges).toEqual([]);
    expect(on.faults).toEqual([['body-too-large', 413]]);
    expect(client.calls).toEqual(['end']);
  });

  it('as long as allowed is taken', () => {
    const on = scene({ maxBodyBytes: 5 });
    on.connect().send(post('12345'), chunkedPost('2\r\n12\r\n3\r\n345\r\n0\r\n\r\n'));
    on.last.answer();
    on.settle();
    expect(on.last.body).toBe('12345');
    expect(on.last.isBodyWhole).toBe(true);
    on.last.answer();
  });

  it('that grows longer than allowed while it is counted is told as a fault', () => {
    const on = scene({ maxBodyBytes: 5 });
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n'));
    expect(on.last.calls).toEqual(['body abc', 'fault body-too-large']);
    expect(read(client.received).status).toBe(413);
  });

  it('may be answered before it is whole: then the rest is read, and thrown away', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 100'), 'abc');
    on.last.answer('early');
    expect(read(client.received).fields).toContain('Connection: close');
    expect(client.calls).toEqual(['end']);
    client.send('x'.repeat(97));
    expect(client.destroyed).toBe(false);
    client.fin();
    on.settle();
    expect(client.incoming).toBe('fin');
    expect(on.last.body).toBe('abc');
  });
});

describe('whether the connection lives on', () => {
  it('HTTP/1.1 does, without a word', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.answer();
    expect(read(client.received).fields.join('\n')).not.toMatch(/connection|keep-alive/i);
    expect(client.incoming).toBe('open');
  });

  it('Connection: close is echoed, and done', () => {
    const on = scene();
    const client = on.connect();
    client.send(get('/', 'Connection: close'));
    on.last.answer();
    on.settle();
    expect(read(client.received).fields).toContain('Connection: close');
    expect(client.incoming).toBe('fin');
    expect(client.isClosed).toBe(true);
  });

  it('HTTP/1.0 that asks for it does, and is told for how long', () => {
    const on = scene({ idleTimeoutMs: 75_000, maxRequests: 3 });
    const client = on.connect();
    client.send(get10('/', 'Connection: keep-alive'));
    on.last.answer();
    expect(read(client.received).fields).toEqual(
      expect.arrayContaining(['Connection: keep-alive', 'Keep-Alive: timeout=75, max=2']),
    );
    client.send(get10('/2', 'Connection: keep-alive'));
    expect(on.last.target).toBe('/2');
    on.last.answer();
  });

  it('HTTP/1.0 that does not ask is closed', () => {
    const on = scene();
    const client = on.connect();
    client.send(get10());
    on.last.answer();
    on.settle();
    expect(read(client.received).fields).toContain('Connection: close');
    expect(client.isClosed).toBe(true);
  });

  it('maxRequests: the last one says close', () => {
    const on = scene({ maxRequests: 2 });
    const client = on.connect();
    client.send(get('/1') + get('/2') + get('/3'));
    on.last.answer();
    on.settle();
    on.last.answer();
    on.settle();
    expect(on.exchanges).toHaveLength(2);
    expect(client.received.match(/Connection: close/g)).toHaveLength(1);
    expect(client.incoming).toBe('fin');
  });

  it('draining: the next response says close', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.gate.isDraining = true;
    on.last.answer();
    on.settle();
    expect(read(client.received).fields).toContain('Connection: close');
    expect(client.isClosed).toBe(true);
  });

  it('a retired listener: the next response says close', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.terms.isRetired = true;
    on.last.answer();
    on.settle();
    expect(read(client.received).fields).toContain('Connection: close');
    expect(client.isClosed).toBe(true);
  });

  it('a retired listener: those without a request close at once, those with part of one do not', () => {
    const on = scene();
    const idle = on.connect();
    const begun = on.connect();
    begun.send('GET /');
    for (const connection of on.connections) connection.closeIfIdle();
    on.settle();
    expect(idle.isClosed).toBe(true);
    expect(begun.isClosed).toBe(false);
  });

  it('a retired listener: a response that is still being taken is not cut', () => {
    const on = scene();
    const client = on.connect();
    client.block();
    client.send(get());
    on.last.answer('x'.repeat(5_000));
    on.connections[0]?.closeIfIdle();
    on.settle();
    client.drain();
    on.settle();
    expect(client.lostBytes).toBe(0);
    expect(client.received).toMatch(/x{5000}$/);
    expect(client.isClosed).toBe(true);
  });

  it("an answer of the gateway's own keeps it too", () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.own(ownResponse(fault('wait-timeout', 'gateway', 'No.'), on.last.head));
    expect(read(client.received).status).toBe(503);
    client.send(get('/2'));
    expect(on.last.target).toBe('/2');
    on.last.answer();
  });

  it("an answer of the gateway's own to HEAD has no body", () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('HEAD / HTTP/1.1', 'Host: a'));
    on.last.own(ownResponse(fault('wait-timeout', 'gateway', 'No.'), on.last.head));
    expect(read(client.received)).toMatchObject({ status: 503, body: '' });
  });

  it('options that a reload has changed count from the next request', () => {
    const on = scene();
    const client = on.connect();
    client.send(post('12345'));
    on.terms.client = { ...on.terms.client, maxBodyBytes: 4 };
    on.last.answer();
    client.send(post('12345'));
    expect(read(client.received.slice(client.received.lastIndexOf('HTTP/'))).status).toBe(413);
  });
});

describe('small packets', () => {
  it('noDelay is set from the second request on: a client that comes once never waits for it', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    expect(client.calls).toEqual([]);
    on.last.answer();
    expect(client.calls).toEqual(['setNoDelay true']);
    client.send(get());
    on.last.answer();
    expect(client.calls).toEqual(['setNoDelay true']);
  });

  it('and never when the connection ends with its first response', () => {
    const on = scene();
    const client = on.connect();
    client.send(get10());
    on.last.answer();
    on.settle();
    expect(client.calls).toEqual(['destroy']);
  });
});

describe('interim responses', () => {
  it('100 (Continue) and 103 go to an HTTP/1.1 client at once', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2', 'Expect: 100-continue'));
    expect(on.last.head.expectsContinue).toBe(true);
    on.last.interim('HTTP/1.1 100 Continue');
    on.last.interim('HTTP/1.1 103 Early Hints', 'Link: </a>');
    expect(client.writes).toEqual([
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n',
    ]);
    expect(on.last.client.hasResponded).toBe(false);
    client.send('hi');
    on.last.answer();
    expect(client.received).toContain('HTTP/1.1 200 OK\r\n');
  });

  it('are dropped for an HTTP/1.0 client, as its Expect is', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.0', 'Content-Length: 2', 'Expect: 100-continue'));
    expect(on.last.head.expectsContinue).toBe(false);
    on.last.interim('HTTP/1.1 100 Continue');
    on.last.interim('HTTP/1.1 103 Early Hints', 'Link: </a>');
    expect(client.writes).toEqual([]);
    client.send('hi');
    on.last.answer();
    expect(client.received).toMatch(/^HTTP\/1.1 200 OK/);
  });
});

describe('a tunnel', () => {
  it('gets the socket and what came behind the request, and counts as active until it closes', () => {
    const on = scene();
    const client = on.connect();
    client.send(`${get('/', 'Connection: upgrade', 'Upgrade: websocket')}frame`);
    on.last.isOver = true;
    const { socket, rest } = on.last.client.becomeTunnel(
      parseResponse(
        'GET',
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'X-Y: z',
      ),
    );
    expect(rest.toString()).toBe('frame');
    expect(client.received).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nX-Y: z\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    expect(on.gate.active).toBe(1);
    expect(on.wheel.size).toBe(0);
    socket.destroy();
    on.settle();
    expect(on.gate.active).toBe(0);
    expect(on.bytes).toHaveLength(1);
  });
});

describe('a defect', () => {
  it('in the handler is answered 500, told once, and costs no other connection', () => {
    const on = scene();
    const other = on.connect();
    other.send(get('/other'));
    const client = on.connect();
    on.onBegin = () => {
      throw new TypeError('x is not a function');
    };
    client.send(get());
    expect(read(client.received)).toMatchObject({ status: 500 });
    expect(read(client.received).fields).toContain('Connection: close');
    expect(on.faults).toEqual([['internal', 500]]);
    expect(on.gate.active).toBe(1);
    client.fin();
    on.settle();
    expect(client.isClosed).toBe(true);
    on.exchanges[0]?.answer();
    expect(read(other.received).status).toBe(200);
    on.onBegin = null;
    other.send(get('/again'));
    expect(on.last.target).toBe('/again');
    on.last.answer();
  });

  it('under a body is told to the exchange as a fault', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2'));
    on.last.onBodyData = () => {
      throw new TypeError('x is not a function');
    };
    client.send('hi');
    expect(on.last.fault).toMatchObject({ kind: 'internal', side: 'gateway' });
    expect(read(client.received).status).toBe(500);
    expect(on.gate.active).toBe(0);
  });
});

describe('the head of a connection that reads no more', () => {
  it('serves the next connection, and nothing of the request before is left in it', () => {
    const on = scene();
    const first = on.connect();
    first.send(get10('/first', 'X-Y: z', 'Connection: upgrade, x-y'));
    const { head } = on.last;
    on.last.answer();
    on.connect().send(get('/second'));
    expect(on.last.head).toBe(head);
    expect(on.last.target).toBe('/second');
    expect(on.last.head.version).toBe(11);
    expect(on.last.head.fields.find('x-y')).toBeUndefined();
    expect(on.last.head.options.named).toBeNull();
  });

  it('is not given to two', () => {
    const on = scene();
    for (const target of ['/1', '/2']) {
      on.connect().send(get10(target));
      on.last.answer();
    }
    const clients = [on.connect(), on.connect()];
    clients.forEach((client, nth) => {
      client.send(get(`/of-${nth}`));
    });
    const [, , one, other] = on.exchanges;
    expect(one?.head).not.toBe(other?.head);
    expect([one?.head.target, other?.head.target]).toEqual(['/of-0', '/of-1']);
  });

  it('is not given on when its client went away in the middle, or the handler failed', () => {
    const on = scene();
    const gone = on.connect();
    gone.send(get('/gone'));
    const heads = [on.last.head];
    gone.reset();
    on.settle();
    on.onBegin = (exchange) => {
      heads.push(exchange.head);
      throw new TypeError('x is not a function');
    };
    const failed = on.connect();
    failed.send(get('/failed'));
    failed.fin();
    on.settle();
    on.onBegin = null;
    on.connect().send(get('/next'));
    expect(heads).not.toContain(on.last.head);
  });
});
