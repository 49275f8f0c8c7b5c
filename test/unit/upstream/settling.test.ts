/** A connection is not used before what had arrived behind its last response was seen. */
import { describe, expect, it } from 'vitest';
import { RecordingSink } from './recording-sink.ts';
import { request, Scene } from './scene.ts';

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 16342\r\n\r\n';
/** It fills the buffer of one read: there may be more. */
const full = head + 'x'.repeat(16_342);

/** The only connection has a response that fills its read, and goes on to the one who waits for it. */
function handedOn() {
  expect(full).toHaveLength(16 * 1024);
  const scene = new Scene({ pool: { maxConnections: 1 } });
  const first = scene.lease();
  const sink = new RecordingSink();
  first.carrier.send(request(), sink);
  const second = scene.seek('second');
  sink.onOver = () => first.giveBack();
  return { scene, first, second, sink, wire: scene.wireOf(first) };
}

describe('a response that fills its read', () => {
  it('leaves the connection unsettled for a turn, which may be leased meanwhile', () => {
    const { scene, second, wire } = handedOn();
    wire.respond(full);
    expect(second.lease?.carrier.isSettled).toBe(false);
    scene.settle();
    expect(second.lease?.carrier).toMatchObject({ isSettled: true, isOpen: true });
  });

  it('and bytes behind it close the connection under the next lease', () => {
    const { scene, second, wire } = handedOn();
    wire.respond(`${full}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged`);
    expect(second.lease?.carrier.isOpen).toBe(false);
    second.lease?.discard('idle-closed-by-upstream');
    expect(scene.closed).toEqual(['unexpected-bytes']);
  });

  it('takes two turns if it was read after a pause: the socket is read again only in the next', () => {
    const { scene, first, second, sink, wire } = handedOn();
    sink.takesMore = false;
    wire.respond('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
    expect(wire.isPaused).toBe(true);
    first.carrier.resume();
    expect(second.lease?.carrier.isSettled).toBe(false);
    scene.clock.runTurn();
    expect(second.lease?.carrier.isSettled).toBe(false);
    scene.settle();
    expect(second.lease?.carrier.isSettled).toBe(true);
  });

  it('one that does not fill it is settled at once', () => {
    const { second, wire } = handedOn();
    wire.respond(full.slice(0, -1));
    wire.respond('x');
    expect(second.lease?.carrier.isSettled).toBe(true);
  });
});

describe('a request that could not be sent again, handed a connection in the turn of its response', () => {
  function steady(idleMs: number) {
    const scene = new Scene({ pool: { maxConnections: 1 } });
    const first = scene.lease();
    const sink = new RecordingSink();
    sink.onOver = () => first.giveBack();
    first.carrier.send(request(), sink);
    const wire = scene.wireOf(first);
    wire.respond('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    if (idleMs > 0) scene.pass(idleMs);
    return { scene, post: scene.seek('post', { need: 'steady' }) };
  }

  it('waits until an end that came with that response has been read: in the next turn', () => {
    const { scene, post } = steady(0);
    scene.clock.runTurn();
    expect(post.lease?.carrier.isSettled).toBe(false);
    scene.clock.runTurn();
    expect(post.lease?.carrier).toMatchObject({ isSettled: true, isOpen: true });
  });

  it('and no longer than that: one that was idle for longer has been looked at', () => {
    expect(steady(20).post.lease?.carrier.isSettled).toBe(true);
  });
});
