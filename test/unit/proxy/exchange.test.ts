/** One request through every state of its exchange, over a client's connection and a carrier without sockets. */
import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/base/fault.ts';
import { read } from '../downstream/fake-exchange.ts';
import { chunkedPost, get, get10, lines, post, scenes } from '../downstream/scene.ts';
import { plainEdits } from '../http1/scene.ts';
import { Scene } from './scene.ts';

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));
const chunked = ['HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'];

describe('a lease', () => {
  it('that is there at once: the request goes out in the same read, the response in one write', () => {
    const on = scene();
    const client = on.connect();
    client.send(get('/x', 'X-Y: z'));
    expect(on.upstream.last.head).toBe('GET /x HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n');
    expect(on.upstream.sought).toEqual([{ need: 'any', avoid: null }]);
    on.upstream.last.answer('hello');
    expect(client.writes).toHaveLength(1);
    expect(read(client.received)).toMatchObject({ status: 200, body: 'hello' });
    expect(on.upstream.settled).toEqual(['back']);
    expect(on.ended).toMatchObject([
      { status: 200, isReused: false, durationMs: 0, attempts: 1, endpoint: '10.0.0.1:80' },
    ]);
    expect(on.told).toEqual([]);
  });

  it('that comes later: the request goes out with it', () => {
    const on = scene();
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    client.send(get());
    expect(on.upstream.waiting).toBe(1);
    on.pass(100);
    on.upstream.give();
    expect(on.upstream.last.flushes).toBe(1);
    on.upstream.last.answer('hello');
    expect(read(client.received).body).toBe('hello');
    expect(on.ended).toMatchObject([{ status: 200, isReused: false, durationMs: 100 }]);
  });

  it('that never comes: the client is told why, and that nothing was sent', () => {
    const on = scene();
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    client.send(post('hello'));
    on.upstream.refuse(fault('wait-timeout', 'gateway', 'All are in use.'));
    const answer = read(client.received);
    expect(answer.status).toBe(503);
    expect(answer.fields).toContain(
      'Proxy-Status: sidepool; error=connection_limit_reached; details="not-sent"',
    );
    expect(answer.body).toContain('All are in use.');
    expect(on.toldShort).toEqual([['wait-timeout', 503, 'not-sent']]);
    expect(on.told[0]).toMatchObject({ attempts: 0, endpoint: null });
    expect(on.statuses).toEqual([503]);
    expect(on.upstream.settled).toEqual([]);
  });

  it('that is refused at once: the same, and the connection lives', () => {
    const on = scene();
    on.upstream.refuses = fault('upstream-down', 'upstream', 'No connection.');
    const client = on.connect();
    client.send(get());
    expect(read(client.received).status).toBe(503);
    on.upstream.refuses = null;
    client.send(get());
    on.upstream.last.answer();
    expect(client.received).toContain('200 OK');
  });

  it('is given back before the next pipelined request asks for one', () => {
    const on = scene();
    on.upstream.most = 1;
    const client = on.connect();
    client.send(get('/1') + get('/2'));
    const { last } = on.upstream;
    last.answer('1');
    expect(on.upstream.last).toBe(last);
    expect(last.head).toContain('GET /2 ');
    last.answer('2');
    expect(on.upstream.carriers).toHaveLength(1);
    expect(on.ended.map(({ isReused }) => isReused)).toEqual([false, true]);
  });

  it('is discarded for the reason that the carrier gives', () => {
    const on = scene();
    on.connect().send(get());
    on.upstream.last.answer('x', { canReuse: 'not-reusable' });
    expect(on.upstream.settled).toEqual(['not-reusable']);
    expect(on.statuses).toEqual([200]);
  });

  it('given back serves another exchange first, and the response is the right one all the same', () => {
    // The carrier uses one head for all its responses; this one was held back to learn its length.
    const on = scene();
    on.upstream.most = 1;
    const client = on.connect();
    client.send(get10('/1', 'Connection: keep-alive'));
    const other = on.connect();
    other.send(get('/2'));
    const { last } = on.upstream;
    last.respond([...chunked, 'X-Y: z'], 'hello');
    last.end();
    expect(last.head).toContain('GET /2 ');
    expect(read(client.received)).toMatchObject({ status: 200, body: 'hello' });
    expect(read(client.received).fields).toContain('X-Y: z');
    last.answer('2');
    expect(read(other.received).body).toBe('2');
  });
});

describe('a request that could not be sent again', () => {
  it('takes a turn before it goes out on a reused connection', () => {
    const on = scene();
    const carrier = on.upstream.addIdle();
    const client = on.connect();
    client.send(post('hello'));
    expect(on.upstream.sought).toEqual([{ need: 'steady', avoid: null }]);
    expect(carrier.calls).toEqual([]);
    on.clock.runTurn();
    expect(carrier.calls).toEqual(['send', 'writeBody', 'endBody', 'flush']);
    expect(carrier.body).toBe('hello');
    carrier.answer();
    expect(on.ended[0]?.isReused).toBe(true);
    expect(read(client.received).status).toBe(200);
  });

  it('takes none on a new connection', () => {
    const on = scene();
    on.connect().send(post('hello'));
    expect(on.upstream.last.isWhole).toBe(true);
    on.upstream.last.answer();
  });

  it('takes another connection when the first ends in that turn: no fault, and no retry is counted', () => {
    const on = scene();
    const carrier = on.upstream.addIdle({ idleMs: 4_000 });
    const client = on.connect();
    client.send(post('hello'));
    carrier.die();
    on.settle();
    expect(on.upstream.settled).toEqual(['idle-closed-by-upstream']);
    expect(on.upstream.stale).toEqual([[carrier.endpoint, 4_000]]);
    expect(on.upstream.last).not.toBe(carrier);
    expect(on.upstream.last.body).toBe('hello');
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
    expect(on.retries).toEqual([]);
    expect(on.told).toEqual([]);
    expect(carrier.calls).toEqual([]);
  });

  it('holds the body that comes in that turn', () => {
    const on = scene();
    on.upstream.addIdle();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 6'), 'abc', 'def');
    expect(on.bodies.usedBytes).toBe(6);
    on.settle();
    expect(on.upstream.last.body).toBe('abcdef');
    on.upstream.last.answer();
    expect(on.bodies.usedBytes).toBe(0);
  });

  const steady = {
    'a POST': post('x'),
    'a PATCH': lines('PATCH / HTTP/1.1', 'Host: a'),
    'an unknown method': lines('FROB / HTTP/1.1', 'Host: a'),
    'a chunked PUT': chunkedPost('0\r\n\r\n').replace('POST', 'PUT'),
    'a PUT longer than is held': post('x'.repeat(1_001)).replace('POST', 'PUT'),
  };
  for (const [what, request] of Object.entries(steady)) {
    it(`is ${what}`, () => {
      const on = scene();
      on.connect().send(request);
      expect(on.upstream.sought[0]?.need).toBe('steady');
    });
  }

  it('is none: a GET, a short PUT, a POST with a promise', () => {
    const on = scene({ retry: { idempotencyHeaders: ['idempotency-key'] } });
    for (const request of [
      get(),
      post('x').replace('POST', 'PUT'),
      post('x', 'Idempotency-Key: 1'),
    ]) {
      on.connect().send(request);
      expect(on.upstream.sought.at(-1)?.need).toBe('any');
      on.upstream.last.answer();
    }
  });

  it('is any with resends of 0', () => {
    const on = scene({ retry: { resends: 0 } });
    on.connect().send(get());
    expect(on.upstream.sought[0]?.need).toBe('steady');
  });
});

describe('a request body', () => {
  it('leaves with its head when it came with it', () => {
    const on = scene();
    on.connect().send(post('hello'));
    const { last } = on.upstream;
    // The second finds nothing to do.
    expect(last.calls).toEqual(['send', 'writeBody', 'endBody', 'flush', 'flush']);
    expect(last.head).toContain('Content-Length: 5\r\n');
    last.answer();
  });

  it('that is small enough to be held comes first: no connection waits for it', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5'), 'he', 'll');
    expect([on.upstream.leases, on.bodies.usedBytes]).toEqual([0, 4]);
    client.send('o');
    expect([on.upstream.last.body, on.upstream.last.isWhole]).toEqual(['hello', true]);
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
  });

  it('that is small, but past the budget of all bodies, goes out as it comes', () => {
    const on = scene({ bufferBytes: 4 });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5'), 'he');
    expect(on.upstream.leases).toBe(0);
    client.send('ll');
    on.settle();
    expect(on.upstream.last.body).toBe('hell');
    client.send('o');
    on.settle();
    expect(on.upstream.last.isWhole).toBe(true);
    on.upstream.last.answer();
  });

  it('for which its client awaits a word from the upstream does not come first', () => {
    const on = scene();
    const client = on.connect();
    const expects = 'Expect: 100-continue';
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5', expects));
    expect(on.upstream.last.head).toContain('Expect: 100-continue');
    client.send('hello');
    on.upstream.last.answer();
  });

  it('that does not come, though it is small: 408, and nothing was sent', () => {
    const on = scene({ client: { stallTimeoutMs: 100 } });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 9'), 'abc');
    on.passLimit(100);
    expect(read(client.received).status).toBe(408);
    expect(on.toldShort).toEqual([['body-timeout', 408, 'not-sent']]);
    expect([on.upstream.leases, on.bodies.usedBytes]).toEqual([0, 0]);
  });

  it('whose head comes alone: the head leaves at the end of the read', () => {
    const on = scene({ retry: { bodyLimitBytes: 4 } });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 5'));
    expect(on.upstream.last.calls).toEqual(['send', 'flush']);
    client.send('hello');
    expect(on.upstream.last.calls.slice(2)).toEqual(['writeBody', 'endBody', 'flush']);
    on.upstream.last.answer();
  });

  it('that comes before there is a lease is held, and goes out with it', () => {
    const on = scene();
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    client.send(post('hello'));
    expect(on.bodies.usedBytes).toBe(5);
    on.upstream.give();
    expect(on.upstream.last.body).toBe('hello');
    expect(on.upstream.last.isWhole).toBe(true);
    on.upstream.last.answer();
    expect(on.bodies.usedBytes).toBe(0);
    expect(read(client.received).status).toBe(200);
  });

  it('longer than may be held before there is a lease stops the client, and goes on with it', () => {
    const on = scene();
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    const body = Array.from({ length: 5 }, (_, index) => String(index).repeat(600));
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 3000'));
    client.send(...body);
    // The piece that did not fit is held all the same; the rest waits in the kernel.
    expect(client.isPaused).toBe(true);
    expect(client.unreadBytes).toBe(1_800);
    on.upstream.give();
    // Sent, and too long to be sent again: nobody needs it any more.
    expect(on.bodies.usedBytes).toBe(0);
    on.settle();
    expect(on.upstream.last.body).toBe(body.join(''));
    expect(on.bodies.usedBytes).toBe(0);
    on.upstream.last.answer();
  });

  it('longer than may be held goes on only once the upstream takes what was held', () => {
    const on = scene();
    on.upstream.givesAtOnce = false;
    const slow = on.upstream.addIdle();
    slow.takesMore = false;
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 1500'));
    client.send('a'.repeat(1_100), 'b'.repeat(400));
    on.upstream.give();
    on.settle();
    expect(slow.body).toBe('a'.repeat(1_100));
    expect(client.isPaused).toBe(true);
    slow.writable();
    on.settle();
    expect(slow.body).toHaveLength(1_500);
    slow.answer();
  });

  it('past the budget of all bodies stops the client too', () => {
    const on = scene({ bufferBytes: 1_000 });
    on.upstream.givesAtOnce = false;
    const first = on.connect();
    first.send(post('x'.repeat(600)));
    const second = on.connect();
    second.send(
      lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 600'),
      'y'.repeat(401),
      'y'.repeat(199),
    );
    expect(on.bodies.usedBytes).toBe(600);
    expect(second.isPaused).toBe(true);
    on.upstream.give();
    on.upstream.give();
    on.settle();
    expect(on.upstream.last.body).toBe('y'.repeat(600));
    for (const carrier of on.upstream.carriers) carrier.answer();
    expect(on.bodies.usedBytes).toBe(0);
  });

  it('that the upstream takes slowly stops the client until it takes again', () => {
    const on = scene({ retry: { bodyLimitBytes: 0 } });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 9'));
    on.upstream.last.takesMore = false;
    client.send('abc', 'def', 'ghi');
    expect(on.upstream.last.body).toBe('abc');
    expect(client.isPaused).toBe(true);
    on.upstream.last.writable();
    on.settle();
    expect(on.upstream.last.body).toBe('abcdefghi');
    on.upstream.last.answer();
  });

  it('in chunks goes out with its trailers', () => {
    const on = scene();
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n'));
    expect(on.upstream.last.head).toContain('Transfer-Encoding: chunked\r\n');
    expect(on.upstream.last.body).toBe('abc');
    expect(on.upstream.last.trailerLines).toBe('X-Sum: 1\r\n');
    on.upstream.last.answer();
  });

  it('in chunks goes out without the trailers that configuration removes', () => {
    const edits = { ...plainEdits, removed: new Set(['x-secret']) };
    const on = scene({ policy: { edits } });
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Secret: 2\r\nX-More: 3\r\n\r\n'));
    expect(on.upstream.last.trailerLines).toBe('X-Sum: 1\r\nX-More: 3\r\n');
    on.upstream.last.answer();
  });

  it('that breaks its framing is refused with what was sent of it, and the lease is discarded', () => {
    const on = scene();
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n'), 'zzz');
    expect(read(client.received).status).toBe(400);
    expect(on.toldShort).toEqual([['malformed-body', 400, 'sent']]);
    expect(on.upstream.settled).toEqual(['fault']);
  });

  it('that breaks its framing before there is a lease is told as not sent', () => {
    const on = scene();
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n'), 'zzz');
    expect(read(client.received).status).toBe(400);
    expect(on.toldShort).toEqual([['malformed-body', 400, 'not-sent']]);
    expect(on.upstream.cancels).toBe(1);
  });

  it('that stops coming is told as 408', () => {
    const on = scene({ client: { stallTimeoutMs: 100 }, retry: { bodyLimitBytes: 0 } });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 9'), 'abc');
    on.passLimit(100);
    expect(read(client.received).status).toBe(408);
    expect(on.toldShort).toEqual([['body-timeout', 408, 'sent']]);
    expect(on.upstream.settled).toEqual(['fault']);
  });
});

describe('a response', () => {
  it("that comes before the body's end is relayed, and its lease discarded", () => {
    const on = scene({ retry: { bodyLimitBytes: 0 } });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 9'), 'abc');
    on.upstream.last.answer('early', { canReuse: 'early-response' });
    expect(read(client.received)).toMatchObject({ status: 200, body: 'early' });
    expect(read(client.received).fields).toContain('Connection: close');
    expect(on.upstream.settled).toEqual(['early-response']);
    expect(on.statuses).toEqual([200]);
    client.send('def');
    expect(on.upstream.last.body).toBe('abc');
  });

  it('goes on to the client as it comes, each read in one write', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(['HTTP/1.1 200 OK', 'Content-Length: 6']);
    expect(client.writes).toHaveLength(1);
    on.upstream.last.data('abc');
    on.upstream.last.data('def');
    expect(client.writes).toHaveLength(3);
    on.upstream.last.end();
    expect(read(client.received).body).toBe('abcdef');
  });

  it('to a client that takes it slowly waits until it takes again', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    client.block();
    const { last } = on.upstream;
    const piece = 'x'.repeat(40_000);
    last.respond(['HTTP/1.1 200 OK', 'Content-Length: 120000'], piece);
    expect(last.isPaused).toBe(false);
    last.data(piece);
    expect(last.isPaused).toBe(true);
    client.drain();
    on.settle();
    expect(last.isPaused).toBe(false);
    last.data(piece);
    last.end();
    expect(read(client.received).body).toBe(piece.repeat(3));
  });

  it('is whole for a slow client though the carrier reads into the same bytes again', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    client.block();
    const { last } = on.upstream;
    last.respond(['HTTP/1.1 200 OK', 'Content-Length: 15000'], 'a'.repeat(5_000));
    last.data('b'.repeat(5_000));
    last.data('c'.repeat(5_000));
    last.end();
    client.drain();
    expect(read(client.received).body).toBe(
      'a'.repeat(5_000) + 'b'.repeat(5_000) + 'c'.repeat(5_000),
    );
  });

  it('has its trailers passed on', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(chunked, 'hi');
    on.upstream.last.end(true, [['X-Sum', '1']]);
    expect(read(client.received).body).toBe('2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n');
  });

  it('has interim ones before it, passed on as they come', () => {
    const on = scene();
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 2', 'Expect: 100-continue'));
    expect(on.upstream.last.head).toContain('Expect: 100-continue\r\n');
    on.upstream.last.interim('HTTP/1.1 100 Continue');
    expect(client.takeReceived()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('hi');
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
  });
});

describe('a fault', () => {
  it('before the first byte of a response is answered', () => {
    const on = scene();
    const client = on.connect();
    client.send(post('hello'));
    on.upstream.last.fault('connection-ended');
    const answer = read(client.received);
    expect(answer.status).toBe(502);
    expect(answer.fields).toContain(
      'Proxy-Status: sidepool; error=connection_terminated; details="sent-no-response"',
    );
    expect(on.upstream.settled).toEqual(['fault']);
    expect(on.told[0]).toMatchObject({ kind: 'connection-ended', status: 502, attempts: 1 });
    expect(on.told[0]?.endpoint).toBe(on.upstream.last.endpoint);
    expect(on.statuses).toEqual([502]);
  });

  it('after the first byte has gone out breaks the response off', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(chunked, 'part');
    on.upstream.last.fault('body-cut');
    on.settle();
    expect(client.received).toMatch(/4\r\npart\r\n$/);
    expect(client.isClosed).toBe(true);
    expect(on.toldShort).toEqual([['body-cut', 0, 'sent']]);
    expect(on.statuses).toEqual([200]);
    expect(on.upstream.settled).toEqual(['fault']);
  });

  it('while the response is held back is answered 502, and the connection lives', () => {
    const on = scene();
    const client = on.connect();
    client.send(get10('/', 'Connection: keep-alive'));
    on.upstream.last.respond(chunked, 'part');
    on.upstream.last.fault('body-cut');
    expect(read(client.received).status).toBe(502);
    expect(read(client.received).fields).toContain('Connection: keep-alive');
    expect(client.received).not.toContain('200 OK');
    expect(on.statuses).toEqual([502]);
    client.send(get10());
    on.upstream.last.answer();
    expect(client.received).toContain('200 OK');
  });

  it('in the middle of an HTTP/1.0 response without a length is a reset', () => {
    const on = scene();
    const client = on.connect();
    client.send(get10());
    on.upstream.last.respond(chunked, 'part');
    on.upstream.last.fault('body-cut');
    on.settle();
    expect(client.incoming).toBe('reset');
  });

  it('of a defect in the gateway is answered 500', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.upstream.last.fault('internal');
    expect(read(client.received).status).toBe(500);
  });
});

describe('the limit of the whole exchange', () => {
  const timeouts = { requestMs: 100 };

  it('while it waits: 504, not sent, and its place is given up', () => {
    const on = scene({ timeouts });
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    client.send(get());
    on.passLimit(100);
    expect(read(client.received).status).toBe(504);
    expect(on.toldShort).toEqual([['request-timeout', 504, 'not-sent']]);
    expect(on.upstream.cancels).toBe(1);
  });

  it('in its turn: 504, not sent, and the lease is given back', () => {
    const on = scene({ timeouts });
    on.upstream.addIdle();
    const client = on.connect();
    client.send(post('hello'));
    // A loop that was blocked: the deadline is seen before the turn is.
    on.clock.block(200);
    on.clock.advance(0);
    expect(read(client.received).status).toBe(504);
    expect(on.toldShort).toEqual([['request-timeout', 504, 'not-sent']]);
    expect(on.upstream.settled).toEqual(['back']);
    on.settle();
    expect(on.upstream.last.calls).toEqual([]);
  });

  it('while its response is awaited: 504, sent, and the lease is discarded', () => {
    const on = scene({ timeouts });
    const client = on.connect();
    client.send(get());
    on.passLimit(100);
    expect(read(client.received).status).toBe(504);
    expect(on.toldShort).toEqual([['request-timeout', 504, 'sent']]);
    expect(on.upstream.settled).toEqual(['fault']);
  });

  it('with part of a response head here: 504, and partial-response is what the client is told', () => {
    const on = scene({ timeouts });
    const client = on.connect();
    client.send(post('hello'));
    on.upstream.last.received = 'part-of-head';
    on.passLimit(100);
    expect(read(client.received).status).toBe(504);
    expect(client.received).toContain('details="partial-response"');
  });

  it('while a body is collected: 504, not sent, and the lease is given back', () => {
    const on = scene({ timeouts });
    on.upstream.speaks10 = true;
    on.upstream.addIdle();
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n'));
    on.passLimit(100);
    expect(read(client.received).status).toBe(504);
    expect(on.toldShort).toEqual([['request-timeout', 504, 'not-sent']]);
    expect(on.upstream.settled).toEqual(['back']);
  });

  it('while a retry pauses: 504, and the truth that the request was sent before', () => {
    const on = scene({ timeouts, retry: { backoffBaseMs: 10_000, backoffMaxMs: 10_000 } });
    on.upstream.addIdle();
    const client = on.connect();
    client.send(get());
    on.upstream.last.fault('connection-ended');
    on.passLimit(100);
    expect(read(client.received).status).toBe(504);
    expect(on.toldShort).toEqual([['request-timeout', 504, 'sent']]);
    expect(on.retries).toEqual([['reused-connection-ended', 'failed']]);
    on.pass(60_000);
    expect(on.upstream.leases).toBe(1);
  });

  it('in the middle of a response: broken off', () => {
    const on = scene({ timeouts });
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(chunked, 'part');
    on.passLimit(100);
    expect(client.received).toMatch(/4\r\npart\r\n$/);
    expect(client.isClosed).toBe(true);
    expect(on.toldShort).toEqual([['request-timeout', 0, 'sent']]);
  });

  it('is over with the exchange', () => {
    const on = scene({ timeouts });
    const client = on.connect();
    client.send(get());
    on.upstream.last.answer();
    on.pass(1_000);
    expect(client.received).not.toContain('504');
    expect(on.told).toEqual([]);
  });
});

describe('a client that goes', () => {
  it('while it waits: its place is given up', () => {
    const on = scene();
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    client.send(get());
    client.reset();
    expect(on.upstream.cancels).toBe(1);
    expect(on.toldShort).toEqual([['client-gone', 0, 'not-sent']]);
    expect(on.statuses).toEqual([0]);
  });

  it('in its turn: the lease is given back, unused, and nothing was sent', () => {
    const on = scene();
    const carrier = on.upstream.addIdle();
    const client = on.connect();
    client.send(post('hello'));
    client.reset();
    expect(on.upstream.settled).toEqual(['back']);
    on.settle();
    expect(carrier.calls).toEqual([]);
    expect(carrier.isOpen).toBe(true);
    expect(on.toldShort).toEqual([['client-gone', 0, 'not-sent']]);
  });

  it('while its body is collected: the lease is given back, and nothing was sent', () => {
    const on = scene();
    on.upstream.speaks10 = true;
    on.upstream.addIdle();
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n'));
    on.settle();
    client.reset();
    expect(on.upstream.settled).toEqual(['back']);
    expect(on.toldShort).toEqual([['client-gone', 0, 'not-sent']]);
  });

  it('while its response is awaited: the lease is discarded', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    client.reset();
    expect(on.upstream.settled).toEqual(['client-gone']);
    expect(on.toldShort).toEqual([['client-gone', 0, 'sent']]);
  });

  it("in a retry's pause: nothing more is done", () => {
    const on = scene({ retry: { backoffBaseMs: 1_000 } });
    const client = on.connect();
    client.send(get());
    on.upstream.last.fault('connection-ended');
    client.reset();
    on.pass(10_000);
    expect(on.upstream.leases).toBe(1);
    expect(on.toldShort).toEqual([['client-gone', 0, 'sent']]);
  });

  it('with little of its response left: the rest is read, and the connection kept', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    const { last } = on.upstream;
    last.respond(['HTTP/1.1 200 OK', 'Content-Length: 65540'], 'part');
    client.reset();
    expect(on.statuses).toEqual([200]);
    expect(on.gate.active).toBe(0);
    expect(on.upstream.settled).toEqual([]);
    last.data('x'.repeat(65_536));
    last.end();
    expect(on.upstream.settled).toEqual(['back']);
  });

  it('with little left that never comes: the lease is discarded with the fault', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(['HTTP/1.1 200 OK', 'Content-Length: 10'], 'part');
    client.reset();
    on.upstream.last.fault('idle-timeout');
    expect(on.upstream.settled).toEqual(['client-gone']);
    expect(on.told).toHaveLength(1);
  });

  it('with little left while the carrier is paused: it reads on', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    client.block();
    const { last } = on.upstream;
    last.respond(['HTTP/1.1 200 OK', 'Content-Length: 70010'], 'x'.repeat(70_000));
    expect(last.isPaused).toBe(true);
    client.reset();
    expect(last.isPaused).toBe(false);
    last.data('x'.repeat(10));
    last.end();
    expect(on.upstream.settled).toEqual(['back']);
  });

  it('with much of its response left: the lease is discarded', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(['HTTP/1.1 200 OK', 'Content-Length: 65541'], 'part');
    client.reset();
    expect(on.upstream.settled).toEqual(['client-gone']);
  });

  it('with an unknown rest left: the lease is discarded', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(chunked, 'part');
    client.reset();
    expect(on.upstream.settled).toEqual(['client-gone']);
  });

  it('with little left, but its body not whole: the lease is discarded', () => {
    const on = scene({ retry: { bodyLimitBytes: 0 } });
    const client = on.connect();
    client.send(lines('POST / HTTP/1.1', 'Host: a', 'Content-Length: 9'), 'abc');
    on.upstream.last.respond(['HTTP/1.1 200 OK', 'Content-Length: 10'], 'part');
    client.reset();
    expect(on.upstream.settled).toEqual(['client-gone']);
  });

  it('by taking nothing for too long: the same as gone', () => {
    const on = scene({ client: { stallTimeoutMs: 100 } });
    const client = on.connect();
    client.send(get());
    client.block();
    on.upstream.last.respond(['HTTP/1.1 200 OK', 'Content-Length: 1000000'], 'x'.repeat(70_000));
    on.passLimit(100);
    expect(on.toldShort).toEqual([['client-stalled', 0, 'sent']]);
    expect(on.upstream.settled).toEqual(['client-gone']);
  });

  it('by half only gets its response', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    client.fin();
    on.upstream.last.answer('hello');
    on.settle();
    expect(read(client.received).body).toBe('hello');
    expect(client.isClosed).toBe(true);
    expect(on.told).toEqual([]);
  });
});

describe('a chunked body for an upstream that speaks HTTP/1.0', () => {
  it('is collected, and sent with its length', () => {
    const on = scene();
    on.upstream.speaks10 = true;
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n'));
    expect(on.upstream.last.calls).toEqual([]);
    client.send('3\r\ndef\r\n', '0\r\nX-Sum: 1\r\n\r\n');
    expect(on.upstream.last.head).toContain('Content-Length: 6\r\n');
    expect(on.upstream.last.head).not.toMatch(/transfer-encoding|trailer/i);
    expect(on.upstream.last.body).toBe('abcdef');
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
    expect(on.bodies.usedBytes).toBe(0);
  });

  it('is asked for, when the client waits to be: nobody else would', () => {
    const on = scene();
    on.upstream.speaks10 = true;
    const client = on.connect();
    const head = ['POST / HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked'];
    client.send(lines(...head, 'Expect: 100-continue'));
    expect(client.received).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('3\r\nabc\r\n0\r\n\r\n');
    expect(on.upstream.last.head).toContain('Content-Length: 3\r\n');
    expect(on.upstream.last.head).not.toMatch(/expect/i);
    on.upstream.last.answer();
    expect(client.received).toContain('HTTP/1.1 200');
  });

  it('that is whole at once is sent at once', () => {
    const on = scene();
    on.upstream.speaks10 = true;
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n0\r\n\r\n'));
    on.upstream.give();
    expect(on.upstream.last.head).toContain('Content-Length: 3\r\n');
    expect(on.upstream.last.flushes).toBe(1);
    on.upstream.last.answer();
  });

  it('that is empty is sent with a length of 0', () => {
    const on = scene();
    on.upstream.speaks10 = true;
    on.connect().send(chunkedPost('0\r\n\r\n'));
    expect(on.upstream.last.head).toContain('Content-Length: 0\r\n');
    on.upstream.last.answer();
  });

  it('longer than is held is refused with 411, and the lease given back', () => {
    const on = scene();
    on.upstream.speaks10 = true;
    const client = on.connect();
    client.send(chunkedPost(`3e8\r\n${'x'.repeat(1_000)}\r\n`));
    expect(client.received).toBe('');
    client.send('1\r\nx\r\n');
    expect(read(client.received).status).toBe(411);
    expect(on.toldShort).toEqual([['length-required', 411, 'not-sent']]);
    expect(on.upstream.settled).toEqual(['back']);
  });

  it('longer than is held before there is a lease is refused once there is one', () => {
    const on = scene();
    on.upstream.speaks10 = true;
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    client.send(chunkedPost(`3e9\r\n${'x'.repeat(1_001)}\r\n`));
    on.upstream.give();
    expect(read(client.received).status).toBe(411);
  });

  it('longer than is held, but whole before there is a lease, is sent with its length', () => {
    const on = scene();
    on.upstream.speaks10 = true;
    on.upstream.givesAtOnce = false;
    const client = on.connect();
    client.send(chunkedPost(`3e9\r\n${'x'.repeat(1_001)}\r\n0\r\n\r\n`));
    on.upstream.give();
    expect(on.upstream.last.head).toContain('Content-Length: 1001\r\n');
    expect(on.upstream.last.body).toBe('x'.repeat(1_001));
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
  });

  it('goes to another connection when the first ends meanwhile, and nothing is learned of idle limits', () => {
    const on = scene();
    on.upstream.speaks10 = true;
    const client = on.connect();
    client.send(chunkedPost('3\r\nabc\r\n'));
    on.upstream.last.die();
    client.send('0\r\n\r\n');
    expect(on.upstream.settled).toEqual(['idle-closed-by-upstream']);
    expect(on.upstream.stale).toEqual([]);
    expect(on.upstream.last.body).toBe('abc');
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
  });

  it('that waits for one that took it slowly goes on coming when it must be collected after all', () => {
    const on = scene();
    const client = on.connect();
    client.send(chunkedPost());
    on.upstream.last.takesMore = false;
    client.send('3\r\nabc\r\n', '3\r\ndef\r\n0\r\n\r\n');
    expect(client.isPaused).toBe(true);
    on.upstream.speaks10 = true;
    on.upstream.last.fault('write-failed', { sent: 'not-sent' });
    on.settle();
    expect(on.upstream.last.head).toContain('Content-Length: 6\r\n');
    expect(on.upstream.last.body).toBe('abcdef');
    on.upstream.last.answer();
    expect(read(client.received).status).toBe(200);
  });
});
