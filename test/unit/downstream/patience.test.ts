/** What a client owes, and what happens when it does not come. */
import { describe, expect, it } from 'vitest';
import { read } from './fake-exchange.ts';
import { get, get10, lines, post, Scene, scenes } from './scene.ts';

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));
const close10 = ['HTTP/1.1 200 OK'];

describe('a head that does not come', () => {
  it('is answered 408 once some of it was there', () => {
    const on = scene({ headTimeoutMs: 100 });
    const client = on.connect();
    on.pass(50);
    client.send('GET / HTTP/1.1\r\n');
    on.pass(49);
    expect(client.received).toBe('');
    on.passLimit(1);
    expect(read(client.received).status).toBe(408);
    expect(client.calls).toEqual(['end']);
    expect(on.faults).toEqual([['head-timeout', 408]]);
  });

  it('is answered 408 however slowly it comes: an octet buys no time', () => {
    const on = scene({ headTimeoutMs: 100 });
    const client = on.connect();
    for (const octet of 'GET / HTTP/1.1') {
      client.send(octet);
      on.pass(10);
    }
    expect(read(client.received).status).toBe(408);
  });

  it('is closed without a word when nothing came', () => {
    const on = scene({ headTimeoutMs: 100 });
    const client = on.connect();
    on.pass(99);
    expect(client.incoming).toBe('open');
    on.passLimit(1);
    expect(client.received).toBe('');
    expect(client.incoming).toBe('fin');
    expect(on.faults).toEqual([]);
  });

  it('is closed without a word when only an empty line came', () => {
    const on = scene({ headTimeoutMs: 100 });
    const client = on.connect();
    client.send('\r\n');
    on.passLimit(100);
    expect(client.received).toBe('');
    expect(client.incoming).toBe('fin');
  });

  it('counts for a later request from its own first octet', () => {
    const on = scene({ headTimeoutMs: 100, idleTimeoutMs: 1_000 });
    const client = on.connect();
    client.send(get());
    on.last.answer();
    on.pass(500);
    client.send('GET');
    on.pass(99);
    expect(client.received).not.toContain('408');
    on.passLimit(1);
    expect(client.received).toContain('HTTP/1.1 408');
  });

  it('has no limit with 0', () => {
    const on = scene({ headTimeoutMs: 0 });
    const client = on.connect();
    client.send('GET');
    on.pass(10_000_000);
    expect(client.incoming).toBe('open');
  });
});

describe('a connection between requests', () => {
  it('is closed without a word after the idle timeout', () => {
    const on = scene({ idleTimeoutMs: 1_000 });
    const client = on.connect();
    client.send(get());
    on.pass(5_000);
    on.last.answer();
    const answer = client.received;
    on.pass(999);
    expect(client.incoming).toBe('open');
    on.passLimit(1);
    expect(client.incoming).toBe('fin');
    expect(client.received).toBe(answer);
  });

  it('has its time anew after each response', () => {
    const on = scene({ idleTimeoutMs: 1_000 });
    const client = on.connect();
    for (let round = 0; round < 3; round += 1) {
      client.send(get());
      on.last.answer();
      on.pass(900);
    }
    expect(client.incoming).toBe('open');
  });
});

describe('a body that stops coming', () => {
  it('is told as a fault, and answered 408', () => {
    const on = scene({ stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10'), 'abc');
    on.pass(99);
    expect(on.last.fault).toBeNull();
    on.passLimit(1);
    expect(on.last.fault?.kind).toBe('body-timeout');
    expect(read(client.received).status).toBe(408);
    expect(client.calls).toEqual(['end']);
  });

  it('has its time anew with each octet', () => {
    const on = scene({ stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10'));
    for (let octet = 0; octet < 9; octet += 1) {
      on.pass(90);
      client.send('x');
    }
    expect(on.last.fault).toBeNull();
    client.send('x');
    on.pass(1_000);
    expect(on.last.fault).toBeNull();
    on.last.answer();
  });

  it('is no fault of a client that was asked to wait', () => {
    const on = scene({ stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10'));
    on.last.takesMore = false;
    client.send('abc');
    on.pass(1_000);
    expect(on.last.fault).toBeNull();
    on.last.client.resumeBody();
    on.pass(99);
    expect(on.last.fault).toBeNull();
    on.passLimit(1);
    expect(on.last.fault?.kind).toBe('body-timeout');
  });

  it('after a response has begun is cut off visibly', () => {
    const on = scene({ stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 10'), 'abc');
    on.last.respond('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked');
    on.last.data('part');
    on.last.client.flush();
    on.passLimit(100);
    expect(on.last.fault?.kind).toBe('body-timeout');
    expect(client.received).toMatch(/4\r\npart\r\n$/);
    expect(client.isClosed).toBe(true);
  });
});

describe('a client that takes nothing', () => {
  const big = Buffer.alloc(100_000, 'x');

  it('of a response is gone after the stall timeout', () => {
    const on = scene({ stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(get());
    client.block();
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 200000');
    on.last.data(big);
    expect(on.last.client.isBlocked).toBe(true);
    expect(on.last.client.holdsBytes).toBe(true);
    on.pass(99);
    expect(on.last.fault).toBeNull();
    on.passLimit(1);
    expect(on.last.fault?.kind).toBe('client-stalled');
    expect(on.gate.active).toBe(0);
    expect(client.isClosed).toBe(true);
  });

  it('of a response that ends with the connection is reset: an end would say that it is whole', () => {
    const on = scene({ stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(get10());
    client.block();
    on.last.respond(...close10);
    on.last.data(big);
    on.passLimit(100);
    expect(on.last.fault?.kind).toBe('client-stalled');
    expect(client.incoming).toBe('reset');
  });

  it('and then takes it again has its time anew', () => {
    const on = scene({ stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(get());
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 300000');
    for (let round = 0; round < 3; round += 1) {
      client.block();
      on.last.data(big);
      on.pass(90);
      client.drain();
      on.settle();
      expect(on.last.calls.at(-1)).toBe('writable');
    }
    on.pass(1_000);
    expect(on.last.fault).toBeNull();
    on.last.end();
  });

  it('while it sends its body is gone once it gives nothing either', () => {
    const on = scene({ stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 3'));
    client.block();
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 200000');
    on.last.data(big);
    for (const octet of 'abc') {
      on.pass(90);
      client.send(octet);
    }
    expect(on.last.isBodyWhole).toBe(true);
    expect(on.last.fault).toBeNull();
    on.passLimit(100);
    expect(on.last.fault?.kind).toBe('client-stalled');
  });

  it('and takes again, but gives no more of its body, is told of that', () => {
    const on = scene({ stallTimeoutMs: 100 });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 3'));
    client.block();
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 200000');
    on.last.data(big);
    client.drain();
    on.settle();
    on.passLimit(100);
    expect(on.last.fault?.kind).toBe('body-timeout');
  });

  it('of the end of a whole response is given the stall timeout, then closed', () => {
    const on = scene({ stallTimeoutMs: 100, lingerMs: 20 });
    const client = on.connect();
    client.send(get10());
    client.block();
    on.last.answer('x'.repeat(5_000));
    expect(client.calls).toEqual(['destroySoon']);
    on.pass(99);
    expect(client.destroyed).toBe(false);
    on.passLimit(1);
    expect(client.isClosed).toBe(true);
  });

  for (const [method, request] of [
    ['GET', get10()],
    ['POST', lines('POST / HTTP/1.0', 'Content-Length: 2').concat('hi')],
  ] as const) {
    it(`of the end of a whole response (${method}) that the connection's end tells of is reset`, () => {
      const on = scene({ stallTimeoutMs: 100, lingerMs: 20 });
      const client = on.connect();
      client.send(request);
      client.block();
      on.last.respond(...close10);
      on.last.data('x'.repeat(5_000));
      on.last.end();
      on.pass(99);
      expect(client.destroyed).toBe(false);
      on.passLimit(60);
      expect(client.incoming).toBe('reset');
    });
  }

  it('has no limit with 0', () => {
    const on = scene({ stallTimeoutMs: 0 });
    const client = on.connect();
    client.send(get());
    client.block();
    on.last.respond('HTTP/1.1 200 OK', 'Content-Length: 200000');
    on.last.data(big);
    on.pass(10_000_000);
    expect(on.last.fault).toBeNull();
  });
});

describe('a deadline', () => {
  it('is in the wheel for each open connection at most once, and for none that is closed', () => {
    const on = scene();
    const clients = [on.connect(), on.connect(), on.connect()];
    expect(on.wheel.size).toBe(3);
    clients[0]?.send(get());
    expect(on.wheel.size).toBe(2);
    on.last.answer();
    expect(on.wheel.size).toBe(3);
    clients[1]?.send(post('12345'));
    expect(on.wheel.size).toBe(2);
    on.last.answer();
    clients[2]?.send(get10());
    on.last.answer();
    on.settle();
    expect(on.wheel.size).toBe(2);
  });
});
