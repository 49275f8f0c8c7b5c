/** How a connection ends, so that no client loses its response, and none takes a part for the whole. */
import { describe, expect, it } from 'vitest';
import { read } from './fake-exchange.ts';
import { chunkedPost, get, get10, lines, post, Scene, scenes } from './scene.ts';

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));
const post10 = `${lines('POST / HTTP/1.0', 'Content-Length: 2')}hi`;

describe('after the last response', () => {
  it('to a GET with nothing unread: one write, then closed, with no half-closing first', () => {
    const on = scene();
    const client = on.connect();
    client.send(get10());
    on.last.answer('hello');
    expect(client.writes).toHaveLength(1);
    expect(read(client.received).body).toBe('hello');
    expect(client.calls).toEqual(['destroy']);
    on.settle();
    expect(client.incoming).toBe('fin');
    expect(client.lostBytes).toBe(0);
  });

  it('that is still to be written: closed once it is', () => {
    const on = scene();
    const client = on.connect();
    client.send(get10());
    client.block();
    on.last.answer('hello');
    expect(client.calls).toEqual(['destroySoon']);
    expect(client.incoming).toBe('open');
    client.drain();
    on.settle();
    expect(read(client.received).body).toBe('hello');
    expect(client.isClosed).toBe(true);
    expect(client.incoming).toBe('fin');
  });

  it('with more unread: half-closed, and read on until the client ends its side', () => {
    const on = scene();
    const client = on.connect();
    client.send(`${get('/', 'Connection: close')}GET /more`);
    on.last.answer('hello');
    expect(client.calls).toEqual(['end']);
    on.settle();
    expect(client.incoming).toBe('fin');
    client.send(' HTTP/1.1\r\n');
    expect(client.destroyed).toBe(false);
    client.fin();
    on.settle();
    expect(client.isClosed).toBe(true);
    expect(client.incoming).toBe('fin');
    expect(on.exchanges).toHaveLength(1);
  });

  it('to a POST: half-closed, for a client may still send an empty line behind its body', () => {
    const on = scene();
    const client = on.connect();
    client.send(post10);
    on.last.answer();
    expect(client.calls).toEqual(['end']);
    client.send('\r\n');
    client.fin();
    on.settle();
    expect(client.incoming).toBe('fin');
  });

  it('to a POST whose client has ended its side: closed at once', () => {
    const on = scene();
    const client = on.connect();
    client.send(post10);
    client.fin();
    on.last.answer();
    on.settle();
    expect(client.calls).toEqual(['destroy']);
    expect(client.isClosed).toBe(true);
  });
});

describe('reading on', () => {
  it('ends after lingerMs', () => {
    const on = scene({ lingerMs: 100 });
    const client = on.connect();
    client.send(post10);
    on.last.answer();
    for (let round = 0; round < 9; round += 1) {
      client.send('x');
      on.pass(10);
    }
    expect(client.destroyed).toBe(false);
    on.passLimit(10);
    expect(client.isClosed).toBe(true);
  });

  it('ends after lingerBytes', () => {
    const on = scene({ lingerBytes: 100 });
    const client = on.connect();
    client.send(post10);
    on.last.answer();
    client.send('x'.repeat(60), 'x'.repeat(40));
    expect(client.destroyed).toBe(false);
    client.send('x');
    expect(client.destroyed).toBe(true);
  });

  it('with a lingerMs of 0 ends at once, once all is written', () => {
    const on = scene({ lingerMs: 0 });
    const client = on.connect();
    client.send(post10);
    client.block();
    on.last.answer('x'.repeat(5_000));
    on.pass(500);
    expect(client.destroyed).toBe(false);
    client.drain();
    on.settle();
    expect(client.isClosed).toBe(true);
    expect(client.lostBytes).toBe(0);
  });

  it('does not end while the response is still being taken', () => {
    const on = scene({ lingerMs: 100, stallTimeoutMs: 1_000 });
    const client = on.connect();
    client.send(post10);
    client.block();
    on.last.answer('x'.repeat(5_000));
    on.passLimit(100);
    expect(client.destroyed).toBe(false);
    client.drain();
    on.settle();
    expect(client.lostBytes).toBe(0);
    expect(read(client.received).body).toHaveLength(5_000);
  });

  it('follows every refusal, and hears no more requests', () => {
    const on = scene();
    const client = on.connect();
    client.send('BAD\r\n\r\n', get('/2'));
    expect(read(client.received).status).toBe(400);
    expect(on.exchanges).toEqual([]);
    client.fin();
    on.settle();
    expect(client.incoming).toBe('fin');
  });
});

describe('a client that ends its side', () => {
  it('after its request gets its response, told that it is the last, and is closed', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    client.fin();
    expect(on.last.fault).toBeNull();
    on.last.answer('hello');
    on.settle();
    expect(read(client.received).fields).toContain('Connection: close');
    expect(read(client.received).body).toBe('hello');
    expect(client.isClosed).toBe(true);
    expect(client.incoming).toBe('fin');
  });

  it('while its response comes gets the rest of it, and is closed', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 4');
    on.last.data('pa');
    on.last.client.flush();
    client.fin();
    on.last.data('rt');
    on.last.end();
    on.settle();
    expect(read(client.received).body).toBe('part');
    expect(client.isClosed).toBe(true);
  });

  it('between requests is closed at once', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.answer();
    client.fin();
    on.settle();
    expect(client.isClosed).toBe(true);
    expect(on.gate.open).toBe(0);
  });

  it('before its first request is closed at once', () => {
    const on = scene();
    const client = on.connect();
    client.fin();
    on.settle();
    expect(client.isClosed).toBe(true);
    expect(client.received).toBe('');
    expect(on.faults).toEqual([]);
  });

  it('in the middle of a head is closed at once', () => {
    const on = scene();
    const client = on.connect();
    client.send('GET / HT');
    client.fin();
    on.settle();
    expect(client.isClosed).toBe(true);
    expect(on.exchanges).toEqual([]);
  });

  it('between requests, with a response still to be written, gets all of it', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    client.block();
    on.last.answer('hello');
    client.fin();
    client.drain();
    on.settle();
    expect(read(client.received).body).toBe('hello');
    expect(client.isClosed).toBe(true);
  });

  it('in the middle of its body is gone', () => {
    const on = scene();
    const client = on.connect();
    client.send(chunkedPost('3\r\nab'));
    client.fin();
    on.settle();
    expect(on.last.calls.at(-1)).toBe('gone client-gone');
    expect(client.isClosed).toBe(true);
    expect(client.received).toBe('');
    expect(on.gate.active).toBe(0);
  });

  it('in the middle of its body while that waits is told gone once it goes on', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10'));
    on.last.takesMore = false;
    client.send('abc');
    client.fin();
    on.settle();
    expect(on.last.fault).toBeNull();
    on.last.client.resumeBody();
    on.settle();
    expect(on.last.fault?.kind).toBe('client-gone');
  });

  it('behind its whole body while that waits gets its response', () => {
    const on = scene();
    const client = on.connect();
    on.onBegin = (exchange) => {
      exchange.takesMore = false;
    };
    client.send(chunkedPost('3\r\nabc\r\n0\r\n\r\n'));
    client.fin();
    on.settle();
    on.last.client.resumeBody();
    on.settle();
    expect(on.last.fault).toBeNull();
    on.last.answer('hello');
    on.settle();
    expect(read(client.received).body).toBe('hello');
    expect(client.isClosed).toBe(true);
  });

  it('after pipelined requests gets all its responses', () => {
    const on = scene();
    const client = on.connect();
    client.send(get('/1') + get('/2'), get('/3'));
    client.fin();
    for (let round = 0; round < 3; round += 1) {
      on.last.answer('.');
      on.settle();
    }
    expect(client.received.match(/200 OK/g)).toHaveLength(3);
    expect(client.isClosed).toBe(true);
    expect(client.incoming).toBe('fin');
  });
});

describe('a client that resets', () => {
  it('while its response is awaited: its receiver is told once', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    client.reset();
    on.settle();
    expect(on.last.calls).toEqual(['read-end', 'gone client-gone']);
    expect(on.gate.active).toBe(0);
  });

  it('while its body comes: its receiver is told once', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10'), 'abc');
    client.reset();
    on.settle();
    expect(on.last.calls.filter((call) => call.startsWith('gone'))).toEqual(['gone client-gone']);
  });

  it('between requests: nobody is told', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.answer();
    client.reset();
    on.settle();
    expect(on.last.calls).toEqual(['read-end']);
    expect(on.faults).toEqual([]);
  });

  it('while it waits paused: is told at the next write', () => {
    const on = scene();
    const client = on.connect();
    client.send(get('/1'));
    client.send(get('/2'));
    client.reset();
    on.settle();
    expect(on.last.fault).toBeNull();
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 4');
    on.last.data('pa');
    on.last.client.flush();
    on.settle();
    expect(on.last.fault?.kind).toBe('client-gone');
  });
});

describe('a response that breaks off', () => {
  it('and ends with the connection: the client sees a reset', () => {
    const on = scene();
    const client = on.connect();
    client.send(get10());
    on.last.respond('HTTP/1.1 200 OK');
    on.last.data('part');
    on.last.client.flush();
    on.last.abort();
    on.settle();
    expect(client.incoming).toBe('reset');
    expect(client.isClosed).toBe(true);
  });

  it('in chunks: the client sees an end, and no last chunk', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    on.last.data('part');
    on.last.client.flush();
    on.last.abort();
    on.settle();
    expect(client.received).toMatch(/\r\n4\r\npart\r\n$/);
    expect(client.incoming).toBe('fin');
    expect(client.isClosed).toBe(true);
  });

  it('of known length: the client sees an end, and that octets are missing', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 10');
    on.last.data('part');
    on.last.client.flush();
    on.last.abort();
    on.settle();
    expect(read(client.received).body).toBe('part');
    expect(client.incoming).toBe('fin');
  });

  it('to a client that takes nothing more: closed after a while', () => {
    const on = scene({ lingerMs: 100, stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 10000');
    client.block();
    on.last.data('x'.repeat(5_000));
    on.last.abort();
    on.pass(99);
    expect(client.destroyed).toBe(false);
    on.passLimit(150);
    expect(client.isClosed).toBe(true);
  });
});

describe('closing all, whatever is under way', () => {
  const big = 'x'.repeat(100_000);

  it('resets a response whose end is that of the connection, and ends others short', () => {
    const on = scene();
    const [old, young] = [on.connect(), on.connect()];
    old.send(get10());
    on.last.respond('HTTP/1.1 200 OK');
    on.last.data('begun');
    on.last.client.flush();
    young.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 10');
    on.last.data('begun');
    on.last.client.flush();
    for (const each of on.connections) each.destroy();
    expect([old.incoming, young.incoming]).toEqual(['reset', 'fin']);
  });

  it('resets a whole response of that kind only while its client has not taken it', () => {
    const on = scene();
    const [slow, quick] = [on.connect(), on.connect()];
    slow.block();
    for (const each of [slow, quick]) {
      each.send(get10());
      on.last.respond('HTTP/1.1 200 OK');
      on.last.data(big);
      on.last.end();
    }
    expect(on.gate.active).toBe(0);
    expect(on.connections.map(({ isUntaken }) => isUntaken)).toEqual([true, false]);
    for (const each of on.connections) each.destroy();
    expect([slow.incoming, quick.incoming]).toEqual(['reset', 'fin']);
  });

  it('tells responses that a persistent connection still holds from those under way', () => {
    const on = scene();
    const client = on.connect();
    client.block();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 5');
    on.last.data('hello');
    on.last.client.flush();
    expect(on.connections[0]?.isUntaken).toBe(false);
    on.last.end();
    expect(on.connections[0]?.isUntaken).toBe(true);
    client.drain();
    expect(on.connections[0]?.isUntaken).toBe(false);
  });
});

describe('the gate', () => {
  const ends = {
    'a response': (on: Scene) => on.last.answer(),
    'an abort': (on: Scene) => {
      on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 10');
      on.last.client.flush();
      on.last.abort();
    },
    'a reset by the client': (on: Scene) => on.sockets[0]?.reset(),
    'the listener closing all': (on: Scene) => on.connections[0]?.destroy(),
    'a stall of the client': (on: Scene) => on.passLimit(60_000),
    'a body that breaks its framing': (on: Scene) => on.sockets[0]?.send('zzz'),
    'the end of the client in its body': (on: Scene) => on.sockets[0]?.fin(),
  };
  for (const [what, end] of Object.entries(ends)) {
    it(`counts one exchange less after ${what}`, () => {
      const on = scene();
      on.connect().send(chunkedPost('3\r\nabc\r\n'));
      expect(on.gate.active).toBe(1);
      on.pass(10);
      end(on);
      on.settle();
      expect(on.gate.active).toBe(0);
      expect(on.gate.lastActiveMs).toBeGreaterThan(1_000);
    });
  }

  it('hears of octets in both directions once, when the connection closes', () => {
    const on = scene();
    const client = on.connect();
    client.send(get(), 'x');
    on.last.answer();
    client.send(post('hello').slice(1));
    expect(on.bytes).toEqual([]);
    client.reset();
    on.settle();
    expect(on.bytes).toEqual([[get().length + post('hello').length, client.received.length]]);
  });
});
