/** What each attempt of an exchange tells of its endpoint: once, and with the status of its response. */
import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../src/base/fault.ts';
import { get, post, scenes } from '../downstream/scene.ts';
import { Scene } from './scene.ts';

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));

describe('an attempt that is answered', () => {
  it.each([200, 404, 500, 503])(
    'tells so when the response is whole, with its status: %i',
    (status) => {
      const on = scene();
      on.connect().send(get());
      on.upstream.last.respond([`HTTP/1.1 ${status} X`, 'Content-Length: 4'], 'ab');
      expect(on.upstream.outcomes).toEqual([]);
      on.upstream.last.data('cd');
      on.upstream.last.end();
      expect(on.upstream.outcomes).toEqual([['good', status]]);
    },
  );

  it('and whose response is dropped for another attempt tells of both', () => {
    const on = scene({ retry: { statuses: [503] } });
    on.connect().send(get());
    on.upstream.last.answer('no', { status: 'HTTP/1.1 503 X' });
    on.pass(100);
    on.upstream.last.answer();
    expect(on.upstream.outcomes).toEqual([
      ['good', 503],
      ['good', 200],
    ]);
  });

  it('by a switch of protocols tells so at once', () => {
    const on = scene();
    on.connect().send(get('/', 'Connection: Upgrade', 'Upgrade: websocket'));
    const tunnel = on.upstream.last.switch();
    expect(on.upstream.outcomes.map(([outcome]) => outcome)).toEqual(['good']);
    tunnel.fin();
  });
});

describe('an attempt that fails', () => {
  it.each<[FaultKind, readonly string[]]>([
    ['connection-ended', ['bad']],
    ['first-byte-timeout', ['bad']],
    ['partial-response', ['bad']],
    ['malformed-response', ['bad']],
    ['response-too-large', ['error']],
    ['internal', []],
  ])('%s: %j', (kind, outcomes) => {
    const on = scene();
    on.connect().send(post('x'));
    on.upstream.last.fault(kind);
    expect(on.upstream.outcomes.map(([outcome]) => outcome)).toEqual(outcomes);
  });

  it('in the middle of its body tells of that alone, though its head was good', () => {
    const on = scene();
    on.connect().send(get());
    on.upstream.last.respond(['HTTP/1.1 200 OK', 'Content-Length: 4'], 'ab');
    on.upstream.last.fault('body-cut');
    expect(on.upstream.outcomes).toEqual([['bad', 200]]);
  });

  it('unsent says nothing of its endpoint, and the next one speaks for itself', () => {
    const on = scene();
    on.connect().send(get());
    on.upstream.last.fault('write-failed', { sent: 'not-sent' });
    on.upstream.last.answer();
    expect(on.upstream.outcomes).toEqual([['good', 200]]);
  });
});

describe('a client that goes away', () => {
  it.each<[string, number, readonly string[]]>([
    ['after a long wait in vain', 1_000, ['given-up']],
    ['soon', 999, []],
  ])('%s', (_, waitMs, outcomes) => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.pass(waitMs);
    client.reset();
    on.settle();
    expect(on.upstream.outcomes.map(([outcome]) => outcome)).toEqual(outcomes);
  });

  it('while its own request is not whole has nobody waited for', () => {
    const on = scene();
    const client = on.connect();
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf');
    on.pass(2_000);
    client.reset();
    on.settle();
    expect(on.upstream.outcomes).toEqual([]);
  });

  it('in the middle of a response had an answer', () => {
    const on = scene();
    const client = on.connect();
    client.send(get());
    on.upstream.last.respond(['HTTP/1.1 200 OK', 'Content-Length: 4'], 'ab');
    on.pass(2_000);
    client.reset();
    on.settle();
    expect(on.upstream.outcomes).toEqual([]);
  });

  it('is like a time limit for the whole exchange, after a long wait', () => {
    const on = scene({ timeouts: { requestMs: 1_500 } });
    on.connect().send(get());
    on.passLimit(1_500);
    expect(on.upstream.outcomes).toEqual([['given-up', 0]]);
  });
});
