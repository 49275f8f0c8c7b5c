/** How a connection ends: in the middle of an exchange, while idle, and by our own hand. */
import { describe, expect, it } from 'vitest';
import { ConnectionScene, postLines } from './scene.ts';

const withLength = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody';
const withChunks =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nX: 1\r\n\r\n';
const behindInterim = `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${withLength}`;

const endings: readonly (readonly [string, (scene: ConnectionScene) => void])[] = [
  ['the upstream ends it', (scene) => scene.wire.end()],
  ['the upstream resets it', (scene) => scene.wire.reset()],
  ['it closes without a reason', (scene) => scene.wire.destroy()],
];

describe.each(endings)('in the middle of an exchange, when %s', (_, end) => {
  it.each([
    ['a response with a length', withLength],
    ['a response in chunks', withChunks],
  ])('at every octet of %s, the fault says how far it had come', (_name, response) => {
    const headEnd = response.indexOf('\r\n\r\n') + 4;
    for (let cut = 0; cut < response.length; cut += 1) {
      for (const step of [cut, 1]) {
        const scene = new ConnectionScene();
        const sink = scene.send();
        for (let at = 0; at < cut; at += step)
          scene.wire.respond(response.slice(at, Math.min(cut, at + step)));
        end(scene);
        scene.settle();
        const expected =
          cut === 0
            ? { kind: 'connection-ended', sent: 'sent', received: 'nothing' }
            : cut < headEnd
              ? { kind: 'partial-response', sent: 'sent', received: 'part-of-head' }
              : { kind: 'body-cut', sent: 'sent', received: 'head' };
        expect(sink.fault, `cut at ${cut}`).toMatchObject(expected);
        expect(scene.lost).toEqual([]);
        if (cut === 0) break;
      }
    }
  });

  it('behind an interim response, the upstream had the request in hand', () => {
    const scene = new ConnectionScene();
    const sink = scene.send();
    scene.wire.respond(behindInterim.slice(0, behindInterim.indexOf('\r\n\r\n') + 4));
    end(scene);
    scene.settle();
    expect(sink.fault).toMatchObject({ kind: 'connection-ended', received: 'interim' });
  });

  it('before anything of the request was written, it was not sent', () => {
    const scene = new ConnectionScene();
    const sink = scene.send({}, ...postLines('Content-Length: 5'));
    end(scene);
    scene.settle();
    expect(sink.fault).toMatchObject({ kind: 'write-failed', sent: 'not-sent' });
  });

  it('with part of the request written, it was sent', () => {
    const scene = new ConnectionScene();
    const sink = scene.send({}, ...postLines('Content-Length: 5'));
    scene.connection.flush();
    end(scene);
    scene.settle();
    expect(sink.fault).toMatchObject({ kind: 'connection-ended', sent: 'sent' });
  });

  it('leaves no deadline behind', () => {
    const scene = new ConnectionScene();
    scene.send({ firstByteMs: 1_000, idleMs: 1_000 });
    scene.wire.respond(withLength.slice(0, -1));
    end(scene);
    scene.settle();
    scene.connection.close('fault');
    expect(scene.wheel.size).toBe(0);
  });
});

it('a reset cuts a response without a length, which an end completes', () => {
  const scene = new ConnectionScene();
  const sink = scene.ask('GET', 'HTTP/1.1 200 OK\r\n\r\nsome');
  scene.wire.reset();
  expect(sink.fault).toMatchObject({ kind: 'body-cut', received: 'head', code: 'ECONNRESET' });
});

describe('an idle connection', () => {
  it.each<[string, (scene: ConnectionScene) => void, string]>([
    ['ended by the upstream', (scene) => scene.wire.end(), 'idle-closed-by-upstream'],
    ['reset by the upstream', (scene) => scene.wire.reset(), 'idle-closed-by-upstream'],
    [
      'given bytes',
      (scene) => scene.wire.respond('HTTP/1.1 408 Request Timeout\r\n\r\n'),
      'unexpected-bytes',
    ],
  ])('%s is lost, and that is told once', (_, end, reason) => {
    const scene = new ConnectionScene();
    scene.ask('GET', withLength);
    end(scene);
    expect(scene.connection.isOpen).toBe(false);
    scene.settle();
    expect(scene.lost).toEqual([reason]);
    expect(scene.wire.closed).toBe('destroyed');
  });

  it('that we close is not lost: its end is no news', () => {
    const scene = new ConnectionScene();
    scene.ask('GET', withLength);
    scene.connection.close('idle-limit');
    scene.settle();
    expect(scene.lost).toEqual([]);
  });

  it('that we have closed does not mind what the upstream still says', () => {
    const scene = new ConnectionScene();
    scene.ask('GET', withLength);
    scene.connection.close('idle-limit');
    scene.wire.respondThoughPaused('HTTP/1.1 408 Request Timeout\r\n\r\n');
    scene.wire.endThoughPaused();
    scene.settle();
    expect(scene.lost).toEqual([]);
  });

  it('on lease and not yet used tells nobody: its holder looks before it sends', () => {
    const scene = new ConnectionScene();
    scene.ask('GET', withLength);
    scene.connection.leases = 1;
    scene.wire.end();
    scene.settle();
    expect([scene.connection.isOpen, scene.lost]).toEqual([false, []]);
  });
});

describe('closing', () => {
  it.each(['fault', 'client-gone', 'early-response'] as const)('for %s cuts it off', (reason) => {
    const scene = new ConnectionScene();
    const sink = scene.send({ firstByteMs: 1_000 });
    scene.connection.close(reason);
    scene.settle();
    expect(scene.wire.closed).toBe('destroyed');
    expect(sink.isOver).toBe(false);
    expect(scene.wheel.size).toBe(0);
  });

  it.each(['idle-limit', 'max-age', 'shutdown', 'not-reusable'] as const)(
    'for %s says goodbye',
    (reason) => {
      const scene = new ConnectionScene();
      scene.ask('GET', withLength);
      scene.connection.close(reason);
      expect(scene.wire.closed).toBe('closed');
    },
  );

  it('takes its idle deadline with it', () => {
    const scene = new ConnectionScene();
    scene.wheel.set(scene.connection.idleDeadline, 1_000);
    scene.connection.close('shutdown');
    expect(scene.wheel.size).toBe(0);
  });
});
