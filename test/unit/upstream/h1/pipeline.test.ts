/** Several requests on one connection: written together, answered in order, let go when the first is slow or it ends. */
import { describe, expect, it } from 'vitest';
import { PipelineSlot } from '../../../../src/upstream/h1/pipeline-slot.ts';
import { RecordingSink } from '../recording-sink.ts';
import { request } from '../scene.ts';
import { ConnectionScene } from './scene.ts';

const answer = (body: string, fields = '') =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;

function askers(scene: ConnectionScene, ...paths: string[]) {
  return paths.map((path) => {
    const slot = new PipelineSlot(scene.connection, 0);
    const sink = new RecordingSink();
    slot.send(request({}, [`GET /${path} HTTP/1.1`, 'Host: a']), sink);
    return { slot, sink };
  });
}

function three() {
  const scene = new ConnectionScene();
  const [a, b, c] = askers(scene, 'a', 'b', 'c') as ReturnType<typeof askers> &
    [Asker, Asker, Asker];
  return { scene, a, b, c };
}
type Asker = ReturnType<typeof askers>[number];

describe('requests of one turn', () => {
  it('leave in one write, in order', () => {
    const { scene } = three();
    expect(scene.wire.writes).toEqual([]);
    scene.settle();
    expect(scene.wire.writes).toHaveLength(1);
    expect(scene.wire.written.match(/GET \/\w/g)).toEqual(['GET /a', 'GET /b', 'GET /c']);
  });

  it('are answered in order, out of one read or many', () => {
    for (const step of [1, 10, 1_000]) {
      const { scene, a, b, c } = three();
      scene.settle();
      const all = answer('1') + answer('22') + answer('333');
      for (let at = 0; at < all.length; at += step) scene.wire.respond(all.slice(at, at + step));
      expect([a, b, c].map(({ sink }) => sink.body)).toEqual(['1', '22', '333']);
      expect([a, b, c].map(({ sink }) => sink.canReuse)).toEqual([true, true, true]);
      expect(scene.connection.outstanding).toBe(0);
    }
  });

  it('have each what came for it written out in the read in which it came', () => {
    const { scene, a, b, c } = three();
    scene.settle();
    scene.wire.respond(answer('1') + answer('22') + answer('333').slice(0, -1));
    expect(a.sink.isOver && b.sink.isOver).toBe(true);
    expect(c.sink.calls.at(-1)).toBe('read-end');
    expect(c.sink.body).toBe('33');
  });
});

it('a later turn joins behind those that are under way', () => {
  const { scene } = three();
  scene.settle();
  const [d] = askers(scene, 'd');
  scene.wire.respond(answer('1') + answer('22'));
  scene.settle();
  expect(scene.wire.writes).toHaveLength(2);
  scene.wire.respond(answer('333') + answer('4444'));
  expect(d?.sink.body).toBe('4444');
});

it('bytes that come before a request was written answer nothing', () => {
  const { scene, a, b } = three();
  scene.wire.respond(answer('forged'));
  expect(a.sink.fault).toMatchObject({ kind: 'write-failed', sent: 'not-sent' });
  expect(b.sink.fault).toMatchObject({ kind: 'write-failed', sent: 'not-sent' });
});

it('nor do those behind the last response that was asked for, if the next was not written yet', () => {
  const scene = new ConnectionScene();
  const [a] = askers(scene, 'a');
  scene.settle();
  const [b] = askers(scene, 'b');
  scene.wire.respond(answer('1') + answer('forged'));
  expect(a?.sink.canReuse).toBe('unexpected-bytes');
  expect(b?.sink.fault).toMatchObject({ kind: 'write-failed', sent: 'not-sent' });
});

describe('when the connection ends', () => {
  it('under the first, it has the fault, and the others waited behind it', () => {
    const { scene, a, b } = three();
    scene.settle();
    scene.wire.respond(answer('1').slice(0, 30));
    scene.wire.reset();
    expect(a.sink.fault).toMatchObject({ kind: 'partial-response' });
    expect(a.sink.fault?.behind).toBeUndefined();
    expect(b.sink.fault).toMatchObject({ sent: 'sent', received: 'nothing', behind: 'ended' });
    expect(scene.endedEarly).toBe(1);
    expect(scene.connection.takesMore).toBe(false);
  });

  it.each([
    ['ends', (scene: ConnectionScene) => scene.wire.end()],
    [
      'breaks off in a head',
      (scene: ConnectionScene) => {
        scene.wire.respond('HTTP/1.1 200');
        scene.wire.reset();
      },
    ],
    ['answers what is no HTTP', (scene: ConnectionScene) => scene.wire.respond('what?\r\n\r\n')],
  ])(
    'after one answer, and the upstream %s: the next was sent ahead, and may be sent again alone',
    (_, end) => {
      const { scene, a, b, c } = three();
      scene.settle();
      scene.wire.respond(answer('1'));
      end(scene);
      expect(a.sink.body).toBe('1');
      expect([b, c].map(({ sink }) => sink.fault?.behind)).toEqual(['ended', 'ended']);
      expect(scene.endedEarly).toBeGreaterThan(0);
    },
  );

  it('but not once the head of its response was passed on', () => {
    const { scene, b } = three();
    scene.settle();
    scene.wire.respond(answer('1') + answer('22').slice(0, -1));
    scene.wire.reset();
    expect(b.sink.fault).toMatchObject({ kind: 'body-cut' });
    expect(b.sink.fault?.behind).toBeUndefined();
  });

  it('is told by a head, nobody waits for the rest of that response', () => {
    const { scene, a, b, c } = three();
    scene.settle();
    scene.wire.respond(answer('1', 'Connection: close\r\n').slice(0, -1));
    expect([b, c].map(({ sink }) => sink.fault?.behind)).toEqual(['ended', 'ended']);
    scene.wire.respond('1');
    expect(a.sink).toMatchObject({ body: '1', canReuse: 'not-reusable' });
  });

  it('as it has said, it is no early end, and it is known after how many', () => {
    const { scene, a, b, c } = three();
    scene.settle();
    scene.wire.respond(answer('1') + answer('22', 'Connection: close\r\n'));
    expect([a.sink.canReuse, b.sink.canReuse]).toEqual([true, 'not-reusable']);
    expect(c.sink.fault).toMatchObject({ behind: 'ended' });
    expect([scene.endedEarly, scene.toldCloses]).toEqual([0, [2]]);
  });

  it('with a response that cannot be relayed, those behind it are let go too', () => {
    const { scene, a, b } = three();
    scene.settle();
    scene.wire.respond('SSH-2.0-OpenSSH\r\n');
    expect(a.sink.fault).toMatchObject({ kind: 'malformed-response' });
    expect(b.sink.fault).toMatchObject({ behind: 'ended' });
  });
});

describe('gathered in a turn in which the connection turns out to end or to be slow, they never leave', () => {
  it('with a response that says close', () => {
    const scene = new ConnectionScene();
    const [a] = askers(scene, 'a');
    scene.settle();
    const [b] = askers(scene, 'b');
    scene.wire.respond(answer('1', 'Connection: close\r\n').slice(0, -1));
    expect(b?.sink.fault).toMatchObject({ kind: 'write-failed', sent: 'not-sent' });
    scene.settle();
    scene.wire.respond('1');
    expect(a?.sink).toMatchObject({ body: '1', canReuse: 'not-reusable' });
    expect(scene.wire.written).not.toContain('GET /b');
  });

  it('behind one that nobody waits for and that has no end; what was sent before is still read', () => {
    const { scene, a, b, c } = three();
    scene.settle();
    scene.wire.respond('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnow\r\n');
    const [d] = askers(scene, 'd');
    a.slot.abandon();
    expect([b, c, d].map((asker) => asker?.sink.fault?.sent)).toEqual(['sent', 'sent', 'not-sent']);
    scene.settle();
    expect(scene.wire.written).not.toContain('GET /d');
    scene.wire.respond(`0\r\n\r\n${answer('22')}${answer('333')}`);
    expect(scene.connection.outstanding).toBe(0);
  });
});

it('one that leaves after all before it were answered was sent alone, and has no more than one resend', () => {
  const scene = new ConnectionScene();
  askers(scene, 'a');
  scene.settle();
  const [b] = askers(scene, 'b');
  scene.wire.respond(answer('1'));
  scene.settle();
  scene.wire.end();
  expect(b?.sink.fault).toMatchObject({ kind: 'connection-ended', sent: 'sent' });
  expect(b?.sink.fault?.behind).toBeUndefined();
});

it('what those behind have not got out yet is no reason to end the connection', () => {
  const { scene, a, b } = three();
  scene.settle();
  scene.wire.hasUnsent = true;
  scene.wire.respond(answer('1'));
  expect(a.sink.canReuse).toBe(true);
  expect(b.sink.fault).toBeNull();
});

describe('behind a slow response', () => {
  it('those who wait go elsewhere, and what comes for them is dropped', () => {
    const { scene, a, b, c } = three();
    scene.settle();
    scene.wire.respond(answer('1').slice(0, -1));
    scene.pass(108);
    // The clock was first after a pause of our own, perhaps: what has arrived is read before it is believed.
    expect(b.sink.fault).toBeNull();
    scene.pass(16);
    expect([b, c].map(({ sink }) => sink.fault?.behind)).toEqual(['slow', 'slow']);
    expect(scene.rescues).toBe(1);
    scene.wire.respond(`1${answer('22')}${answer('333')}`);
    expect(a.sink.body).toBe('1');
    expect(b.sink.body).toBe('');
    expect(scene.connection.outstanding).toBe(0);
  });

  it('they stay for a second while the upstream answers nobody', () => {
    const { scene, b } = three();
    scene.answersOthers = false;
    scene.settle();
    for (let round = 0; round < 18; round += 1) scene.pass(50);
    expect(b.sink.fault).toBeNull();
    for (let round = 0; round < 6; round += 1) scene.pass(50);
    expect(b.sink.fault?.behind).toBe('slow');
  });

  it('they do not stay behind one that streams, though the upstream answers nobody else', () => {
    const { scene, b } = three();
    scene.answersOthers = false;
    scene.settle();
    scene.wire.respond(
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    for (let round = 0; round < 6; round += 1) {
      scene.wire.respond('3\r\nnow\r\n');
      scene.pass(50);
    }
    expect(b.sink.fault?.behind).toBe('slow');
  });

  it('nor behind one that nobody waits for and that has no end', () => {
    const { scene, a, b } = three();
    scene.settle();
    scene.wire.respond('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nnow\r\n');
    a.slot.abandon();
    expect(b.sink.fault?.behind).toBe('slow');
    expect(scene.connection.takesMore).toBe(false);
  });

  it('one that was sent ahead and is never answered is doubted after a second', () => {
    const { scene, b, c } = three();
    scene.settle();
    scene.wire.respond(answer('1'));
    for (let round = 0; round < 30; round += 1) scene.pass(50);
    expect([b, c].map(({ sink }) => sink.fault?.behind)).toEqual(['slow', 'slow']);
    expect(scene.endedEarly).toBe(1);
    expect(scene.connection.takesMore).toBe(false);
  });

  it('the time counts anew for each that is the first', () => {
    const { scene, b, c } = three();
    scene.settle();
    scene.pass(90);
    scene.wire.respond(answer('1'));
    scene.pass(90);
    scene.wire.respond(answer('22'));
    scene.pass(90);
    expect([b.sink.fault, c.sink.fault]).toEqual([null, null]);
  });
});

it('one who leaves is read for, so that those behind get theirs', () => {
  const { scene, a, b, c } = three();
  scene.settle();
  b.slot.abandon();
  scene.wire.respond(answer('1') + answer('22') + answer('333'));
  expect([a, b, c].map(({ sink }) => sink.body)).toEqual(['1', '', '333']);
});

it('leaves no deadline behind when it is closed', () => {
  const { scene } = three();
  scene.settle();
  scene.connection.close('shutdown');
  expect(scene.wheel.size).toBe(0);
});
