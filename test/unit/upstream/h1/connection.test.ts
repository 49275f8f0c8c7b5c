import { describe, expect, it } from 'vitest';
import { ConnectionScene, postLines } from './scene.ts';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

describe('a request', () => {
  it('without a body leaves in one write', () => {
    const { wire, ...scene } = withScene();
    scene.send();
    expect(wire.writes).toEqual(['GET / HTTP/1.1\r\nHost: origin.example\r\n\r\n']);
  });

  it('with a small body at hand leaves in one write', () => {
    const { connection, wire, send } = withScene();
    send({}, ...postLines('Content-Length: 5'));
    connection.writeBody(Buffer.from('hello'));
    expect(wire.writes).toEqual([]);
    connection.endBody('');
    expect(wire.writes).toHaveLength(1);
    expect(wire.written).toMatch(/Content-Length: 5\r\n\r\nhello$/);
  });

  it('counts as sent from its first write, not before', () => {
    const { connection, send } = withScene();
    send({}, ...postLines('Content-Length: 5'));
    expect(connection.hasSent).toBe(false);
    connection.flush();
    expect(connection.hasSent).toBe(true);
  });

  it('whose write fails at once was not sent, and the connection is no longer good', () => {
    const { connection, wire, send, settle } = withScene();
    wire.failsWith = 'EPIPE';
    const sink = send();
    expect(connection.hasSent).toBe(false);
    settle();
    expect(sink.fault).toMatchObject({ kind: 'write-failed', sent: 'not-sent', code: 'EPIPE' });
  });

  it('that was not sent after one that was: the earlier one does not count for it', () => {
    const { connection, wire, send, settle, ask } = withScene();
    ask('GET', ok);
    wire.failsWith = 'EPIPE';
    const sink = send();
    expect(connection.hasSent).toBe(false);
    settle();
    expect(sink.fault).toMatchObject({ kind: 'write-failed', sent: 'not-sent' });
  });

  it('whose second write fails was sent', () => {
    const { connection, wire, send, settle } = withScene();
    const sink = send({}, ...postLines('Content-Length: 10'));
    connection.flush();
    wire.failsWith = 'EPIPE';
    connection.writeBody(Buffer.from('hello'));
    settle();
    expect(sink.fault).toMatchObject({ kind: 'connection-ended', sent: 'sent' });
  });

  it('is asked to wait while the wire is full, and told when it is not', () => {
    const { connection, wire, send } = withScene();
    const sink = send({}, ...postLines('Content-Length: 20000'));
    wire.takesMore = false;
    expect(connection.writeBody(Buffer.alloc(10_000))).toBe(false);
    wire.drain();
    expect(sink.calls).toEqual(['writable']);
    expect(connection.writeBody(Buffer.alloc(10_000))).toBe(true);
  });

  it('counts octets both ways', () => {
    const scene = new ConnectionScene();
    scene.ask('GET', ok);
    expect(scene.sent).toBe(scene.wire.written.length);
    expect(scene.received).toBe(ok.length);
  });
});

describe('a response', () => {
  it.each<[string, string, string, string]>([
    ['a length', 'GET', ok, 'ok'],
    ['a length of nothing', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', ''],
    ['HEAD, whatever its length', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n', ''],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n', ''],
    ['304 with a length', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n', ''],
    [
      'chunks',
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n',
      'abcde',
    ],
    [
      'HTTP/1.0 that keeps alive',
      'GET',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok',
      'ok',
    ],
  ])('with %s is whole, and its connection good for another', (_, method, response, body) => {
    // However it is cut, byte by byte.
    for (let cut = 1; cut <= response.length; cut += 1) {
      const scene = new ConnectionScene();
      const sink = scene.send({}, `${method} / HTTP/1.1`, 'Host: a');
      scene.wire.respond(response.slice(0, cut));
      expect(sink.isOver).toBe(cut === response.length);
      scene.wire.respond(response.slice(cut));
      expect([sink.body, sink.canReuse]).toEqual([body, true]);
      expect(scene.ask('GET', ok).canReuse).toBe(true);
      expect(scene.lost).toEqual([]);
    }
  });

  it.each<[string, string]>([
    ['Connection: close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'],
    ['HTTP/1.0 without keep-alive', 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ])('whole with %s: the connection is not used again', (_, response) => {
    expect(withScene().ask('GET', response)).toMatchObject({
      body: 'ok',
      canReuse: 'not-reusable',
    });
  });

  it('without a length ends with the connection (RFC 9112 6.3)', () => {
    const { wire, ask } = withScene();
    const sink = ask('GET', 'HTTP/1.1 200 OK\r\n\r\nall of');
    wire.respond(' it');
    expect(sink.isOver).toBe(false);
    wire.end();
    expect(sink).toMatchObject({ body: 'all of it', canReuse: 'not-reusable', fault: null });
  });

  it('gives its trailers', () => {
    const sink = withScene().ask(
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n',
    );
    expect(sink).toMatchObject({ trailers: 'X-Sum: 1\r\n', canReuse: true });
  });

  it('is told in order: head, data, end, and that the read is over', () => {
    expect(withScene().ask('GET', ok).calls).toEqual(['head:200', 'data:ok', 'end']);
    const { wire, send } = withScene();
    const sink = send();
    wire.respond(ok.slice(0, -1));
    expect(sink.calls).toEqual(['head:200', 'data:o', 'read-end']);
  });

  it('may have others before it: 1xx', () => {
    const sink = withScene().ask(
      'GET',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok}`,
    );
    expect(sink).toMatchObject({ interims: [100, 103], status: 200, body: 'ok', canReuse: true });
  });

  it('with interim ones without end is refused', () => {
    const sink = withScene().ask('GET', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(1_001));
    expect(sink.interims).toHaveLength(1_000);
    expect(sink.fault).toMatchObject({ kind: 'malformed-response', sent: 'sent' });
  });

  it('that comes before the request is whole ends the connection with it', () => {
    const { connection, wire, send } = withScene();
    const sink = send({}, ...postLines('Content-Length: 5'));
    connection.writeBody(Buffer.from('he'));
    connection.flush();
    wire.respond('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n');
    expect(sink).toMatchObject({ status: 413, canReuse: 'early-response' });
  });

  it('is known by the part of a whole body that the upstream has not taken yet', () => {
    const scene = new ConnectionScene();
    const sink = scene.send({}, ...postLines('Content-Length: 5000'));
    scene.wire.takesMore = false;
    scene.connection.writeBody(Buffer.alloc(5_000, 'a'));
    scene.connection.endBody('');
    scene.wire.respond('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n');
    expect(sink).toMatchObject({ status: 413, canReuse: 'early-response' });
  });

  it('followed by bytes that nobody asked for ends the connection', () => {
    expect(withScene().ask('GET', `${ok}HTTP/1.1 200 OK\r\n`)).toMatchObject({
      body: 'ok',
      canReuse: 'unexpected-bytes',
    });
  });

  it.each<[string, string]>([
    ['no HTTP at all', 'SSH-2.0-OpenSSH\r\n'],
    ['both framings', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['chunks from 1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ])('that is malformed is refused: %s', (_, response) => {
    expect(withScene().ask('GET', response).fault).toMatchObject({
      kind: 'malformed-response',
      sent: 'sent',
    });
  });

  it('whose head is too large is refused', () => {
    const sink = withScene().ask('GET', `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(1_000)}`);
    expect(sink.fault?.kind).toBe('response-too-large');
  });

  it('whose chunks are malformed is cut', () => {
    const sink = withScene().ask(
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab',
    );
    expect(sink).toMatchObject({ status: 200, fault: { kind: 'body-cut', received: 'head' } });
  });

  it('tells the owner its version, its keep-alive and its repaired lines', () => {
    const scene = new ConnectionScene();
    scene.ask(
      'GET',
      'HTTP/1.1 200 OK\r\nKeep-Alive: max=9, timeout=7\r\nContent-Length: 0\r\n\r\n',
    );
    scene.ask(
      'GET',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nX-Odd : 1\r\nContent-Length: 0\r\n\r\n',
    );
    expect(scene.told).toEqual([7]);
    expect(scene.versions).toEqual([false, true]);
    expect(scene.repaired).toBe(1);
  });

  it('gives what is left of it as far as it is known', () => {
    const { connection, wire, send } = withScene();
    send();
    expect(connection.leftBytes).toBe(Number.POSITIVE_INFINITY);
    wire.respond('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc');
    expect(connection.leftBytes).toBe(7);
  });

  it('redirected goes on to another', () => {
    const { connection, wire, send, settle } = withScene();
    const first = send();
    wire.respond('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
    connection.pause();
    const second = withScene().send();
    connection.redirect(second);
    settle();
    wire.respond('cd');
    expect(first.body).toBe('ab');
    expect(second).toMatchObject({ body: 'cd', canReuse: true });
  });
});

describe('a switch of protocols', () => {
  const switched =
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const upgrade = { extras: { upgrade: 'websocket', plan: { kind: 'as-received' } } } as const;

  it('that was asked for hands the wire over, with what came behind it', () => {
    const { connection, wire, send } = withScene();
    const sink = send(upgrade);
    wire.respond(`${switched}first frame`);
    expect(sink.calls).toEqual(['switched:101']);
    expect(sink.switchedRest).toBe('first frame');
    expect(sink.socket).toBe(wire.tunnel);
    expect([wire.isReleased, connection.isOpen]).toEqual([true, false]);
  });

  it('keeps what came behind it though the read buffer is used again', () => {
    const { wire, send } = withScene();
    const sink = send(upgrade);
    let rest: Buffer | null = null;
    sink.onSwitched = (_head, _socket, bytes) => {
      rest = bytes;
    };
    wire.respond(`${switched}first frame`);
    expect(String(rest)).toBe('first frame');
  });

  it.each<[string, string]>([
    ['to another protocol', switched.replace('websocket', 'h2c')],
    ['to several', switched.replace('websocket', 'websocket, h2c')],
    ['to none', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
  ])('%s is refused (RFC 9110 7.8)', (_, response) => {
    const { wire, send } = withScene();
    const sink = send(upgrade);
    wire.respond(response);
    expect(sink.fault?.kind).toBe('unasked-upgrade');
    expect(wire.isReleased).toBe(false);
  });

  it('that nobody asked for is refused (RFC 9110 7.8)', () => {
    expect(withScene().ask('GET', switched).fault?.kind).toBe('unasked-upgrade');
  });
});

/** A scene whose methods can be taken out of it. */
function withScene() {
  const scene = new ConnectionScene();
  return {
    connection: scene.connection,
    wire: scene.wire,
    send: scene.send.bind(scene),
    ask: scene.ask.bind(scene),
    settle: scene.settle.bind(scene),
  };
}
