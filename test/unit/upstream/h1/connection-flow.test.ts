/** The pace of a response: pauses, whose the bytes are, and how long silence may last. */
import { describe, expect, it } from 'vitest';
import { ConnectionScene, postLines } from './scene.ts';

const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('a reader that takes no more', () => {
  it('is given nothing until it resumes, and loses nothing', () => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    sink.takesMore = false;
    scene.wire.respond(`${head}3\r\nabc\r\n3\r\ndef\r\n3\r\nghi\r\n0\r\n\r\n`);
    expect([sink.body, scene.wire.isPaused]).toEqual(['abc', true]);
    scene.connection.resume();
    expect([sink.body, scene.wire.isPaused]).toEqual(['abcdef', true]);
    sink.takesMore = true;
    scene.connection.resume();
    scene.settle();
    expect(sink).toMatchObject({ body: 'abcdefghi', canReuse: true });
    expect(scene.wire.isPaused).toBe(false);
  });

  it('finds the wire reading again after a response that ended paused', () => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    sink.takesMore = false;
    scene.wire.respond('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc');
    expect(sink.canReuse).toBe(true);
    scene.settle();
    expect(scene.wire.isPaused).toBe(false);
    expect(scene.ask('GET', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ndef').body).toBe('def');
  });

  it('paused from outside gives what was read when it is resumed', () => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    scene.wire.respond(`${head}3\r\nabc\r\n`);
    scene.connection.pause();
    scene.wire.respond('3\r\ndef\r\n0\r\n\r\n');
    expect(sink.body).toBe('abc');
    scene.connection.resume();
    scene.settle();
    expect(sink).toMatchObject({ body: 'abcdef', canReuse: true });
  });

  it('gets what comes though the wire was told to pause', () => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    scene.wire.respond(`${head}3\r\nabc\r\n`);
    scene.connection.pause();
    for (const piece of ['3\r\nd', 'ef\r\n', '0\r\n\r\n']) scene.wire.respondThoughPaused(piece);
    scene.connection.resume();
    scene.settle();
    expect(sink).toMatchObject({ body: 'abcdef', canReuse: true });
  });

  it.each([
    ['an end', 'abcdef', (scene: ConnectionScene) => scene.wire.endThoughPaused()],
    ['a reset', 'abcdef', (scene: ConnectionScene) => scene.wire.reset()],
  ])('gets what had come before %s that is seen while it is paused', (_, body, finish) => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    scene.wire.respond(`${head}3\r\nabc\r\n`);
    scene.connection.pause();
    scene.wire.respondThoughPaused('3\r\ndef\r\n0\r\n\r\n');
    finish(scene);
    expect(sink.isOver).toBe(false);
    scene.connection.resume();
    scene.settle();
    expect(sink).toMatchObject({ body, fault: null });
    expect(sink.canReuse).not.toBeNull();
  });

  it('is told that the body was cut once it has read what there was of it', () => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    scene.wire.respond(`${head}3\r\nabc\r\n`);
    scene.connection.pause();
    scene.wire.respondThoughPaused('3\r\nde');
    scene.wire.endThoughPaused();
    scene.connection.resume();
    scene.settle();
    expect(sink).toMatchObject({ body: 'abcde', fault: { kind: 'body-cut' } });
  });

  it('of a body without a length has it whole, though its end is seen while it is paused', () => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    scene.wire.respond('HTTP/1.1 200 OK\r\n\r\nabc');
    scene.connection.pause();
    scene.wire.respondThoughPaused('def');
    scene.wire.endThoughPaused();
    scene.connection.resume();
    scene.settle();
    expect(sink).toMatchObject({ body: 'abcdef', canReuse: 'not-reusable', fault: null });
  });
});

describe('the read buffer', () => {
  it('is asked anew while the client holds bytes of it: nothing is written over', () => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    sink.holds = true;
    const body = Array.from({ length: 40 }, (_, i) => String(i % 10).repeat(1_500)).join('');
    scene.wire.respond(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
    for (let at = 0; at < body.length; at += 5_000) scene.wire.respond(body.slice(at, at + 5_000));
    expect(sink.canReuse).toBe(true);
    expect(sink.heldBody).toBe(body);
  });

  it('is not asked anew while the client holds nothing', () => {
    const scene = new ConnectionScene();
    scene.ask('GET', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc');
    expect(scene.wire.renewals).toBe(0);
  });

  it.each([10, 2_048, 2_049, 16_000])('an unread rest of %i octets outlives it', (restBytes) => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    sink.takesMore = false;
    const rest = `${restBytes.toString(16).padStart(8, '0')}\r\n${'r'.repeat(restBytes - 10)}`;
    scene.wire.respond(`${head}3\r\nabc\r\n${rest}`.slice(0, head.length + 8 + restBytes));
    expect(scene.wire.renewals).toBe(restBytes > 2_048 - 2 ? 1 : 0);
    sink.takesMore = true;
    scene.connection.resume();
    scene.settle();
    expect(sink.body).toBe(`abc${'r'.repeat(restBytes - 10)}`);
  });

  it('part of a head outlives it', () => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    scene.wire.respond('HTTP/1.1 200 OK\r\nX-Long: va');
    scene.wire.respond('lue\r\nContent-Length: 0\r\n\r\n');
    expect(sink.canReuse).toBe(true);
  });
});

describe('silence', () => {
  const limits = { firstByteMs: 1_000, idleMs: 400 };

  it('before the first byte ends the exchange at its limit', () => {
    const scene = new ConnectionScene();
    const sink = scene.send(limits);
    scene.pass(999);
    expect(sink.fault).toBeNull();
    scene.pass(20);
    expect(sink.fault).toMatchObject({ kind: 'first-byte-timeout', sent: 'sent' });
    expect(sink.fault?.cause).toContain('1000 ms');
  });

  it('in the middle of a head says that part of it had come', () => {
    const scene = new ConnectionScene();
    const sink = scene.send(limits);
    scene.wire.respond('HTTP/1.1 2');
    scene.pass(1_020);
    expect(sink.fault).toMatchObject({ kind: 'first-byte-timeout', received: 'part-of-head' });
  });

  it('counts from the end of the request', () => {
    const scene = new ConnectionScene();
    const sink = scene.send(limits, ...postLines('Content-Length: 4'));
    scene.connection.flush();
    scene.pass(5_000);
    scene.connection.writeBody(Buffer.from('body'));
    scene.pass(5_000);
    scene.connection.endBody('');
    scene.pass(990);
    expect(sink.fault).toBeNull();
    scene.pass(30);
    expect(sink.fault?.kind).toBe('first-byte-timeout');
  });

  it('within a body ends it, counted from the last data', () => {
    const scene = new ConnectionScene();
    const sink = scene.send(limits);
    scene.wire.respond('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n');
    for (let i = 0; i < 3; i += 1) {
      scene.pass(390);
      scene.wire.respond('b');
    }
    scene.pass(390);
    expect(sink.fault).toBeNull();
    scene.pass(30);
    expect(sink.fault).toMatchObject({ kind: 'idle-timeout', received: 'head' });
  });

  it('of the client is no fault of the upstream: no limit while paused', () => {
    const scene = new ConnectionScene();
    const sink = scene.send(limits);
    scene.wire.respond('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo');
    scene.connection.pause();
    expect(scene.wheel.size).toBe(0);
    scene.pass(60_000);
    expect(sink.fault).toBeNull();
    scene.connection.resume();
    scene.pass(390);
    expect(sink.fault).toBeNull();
    scene.pass(30);
    expect(sink.fault?.kind).toBe('idle-timeout');
  });

  it('after a pause that began before the response is measured as before one', () => {
    const scene = new ConnectionScene();
    const sink = scene.send(limits);
    scene.wire.respond('HTTP/1.1 103 Early Hints\r\n\r\n');
    scene.connection.pause();
    scene.pass(5_000);
    scene.connection.resume();
    scene.pass(900);
    expect(sink.fault).toBeNull();
    scene.pass(120);
    expect(sink.fault).toMatchObject({ kind: 'first-byte-timeout' });
  });

  it('of a peer that takes no more of the body, and has begun to answer, tells that', () => {
    const scene = new ConnectionScene();
    const sink = scene.send(limits, ...postLines('Content-Length: 9000'));
    scene.wire.takesMore = false;
    scene.connection.writeBody(Buffer.alloc(5_000));
    scene.wire.respond('HTTP/1.1 200');
    scene.pass(420);
    expect(sink.fault).toMatchObject({ kind: 'idle-timeout', received: 'part-of-head' });
  });

  it('of a peer that takes no more of the body ends it', () => {
    const scene = new ConnectionScene();
    const sink = scene.send(limits, ...postLines('Content-Length: 9000'));
    scene.wire.takesMore = false;
    scene.connection.writeBody(Buffer.alloc(5_000));
    scene.pass(390);
    expect(sink.fault).toBeNull();
    scene.pass(30);
    expect(sink.fault).toMatchObject({ kind: 'idle-timeout', sent: 'sent', received: 'nothing' });
  });

  it('may last for ever where the limit is 0: the one for the head ends with the head', () => {
    const scene = new ConnectionScene();
    const sink = scene.send({ firstByteMs: 1_000, idleMs: 0 });
    scene.wire.respond('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbo');
    scene.pass(3_600_000);
    expect(sink.fault).toBeNull();
  });

  it('may last for ever where the limit is 0: the one for the body ends with it', () => {
    const scene = new ConnectionScene();
    const sink = scene.send({ firstByteMs: 0, idleMs: 400 }, ...postLines('Content-Length: 5000'));
    scene.wire.takesMore = false;
    scene.connection.writeBody(Buffer.alloc(5_000));
    scene.connection.endBody('');
    scene.pass(3_600_000);
    expect(sink.fault).toBeNull();
  });

  it('leaves nothing in the wheel after a whole exchange', () => {
    const scene = new ConnectionScene();
    const sink = scene.send(limits);
    scene.wire.respond('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    expect([sink.canReuse, scene.wheel.size]).toEqual([true, 0]);
  });
});
