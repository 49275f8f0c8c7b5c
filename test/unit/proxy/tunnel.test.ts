/** Two sockets joined after a switch of protocols. */
import { describe, expect, it } from 'vitest';
import { get, scenes } from '../downstream/scene.ts';
import { Scene, type SceneOptions } from './scene.ts';

const scene = scenes((...options: ConstructorParameters<typeof Scene>) => new Scene(...options));
const upgrade = get('/', 'Connection: Upgrade', 'Upgrade: websocket');

/** A tunnel that is open, and has carried what came with request and answer. */
function open(options: SceneOptions = {}, { clientRest = '', upstreamRest = '' } = {}) {
  const on = scene(options);
  const client = on.connect();
  client.send(upgrade + clientRest);
  const upstream = on.upstream.last.switch(upstreamRest);
  on.settle();
  const head = client.takeReceived();
  return { on, client, upstream, head };
}

describe('a tunnel', () => {
  it('begins with the 101 of the upstream, and bytes go both ways', () => {
    const { on, client, upstream, head } = open();
    expect(head).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
    );
    client.send('ping');
    expect(upstream.written).toBe('ping');
    upstream.data('pong');
    expect(client.received).toBe('pong');
    expect(on.gate.active).toBe(1);
    expect(on.upstream.settled).toEqual([]);
    expect(on.ended).toEqual([]);
  });

  it('carries first what came behind the request and behind the answer', () => {
    const { client, upstream, head } = open({}, { clientRest: 'early', upstreamRest: 'hello' });
    expect(upstream.written).toBe('early');
    expect(head).toMatch(/\r\n\r\nhello$/);
    client.send(' bird');
    expect(upstream.written).toBe('early bird');
  });

  it('carries what came while the answer was awaited, in order', () => {
    const on = scene();
    const client = on.connect();
    client.send(upgrade, 'one', 'two', 'three');
    const upstream = on.upstream.last.switch();
    on.settle();
    expect(upstream.written).toBe('onetwothree');
  });

  it('stops the client while the upstream takes no more', () => {
    const { on, client, upstream } = open();
    upstream.takesMore = false;
    client.send('one', 'two');
    expect(client.isPaused).toBe(true);
    expect(upstream.written).toBe('one');
    upstream.drain();
    on.settle();
    expect(upstream.written).toBe('onetwo');
  });

  it('stops the upstream while the client takes no more', () => {
    const { on, client, upstream } = open();
    client.block();
    upstream.data('x'.repeat(70_000));
    expect(upstream.isPaused).toBe(true);
    client.drain();
    on.settle();
    expect(upstream.isPaused).toBe(false);
    upstream.data('y');
    expect(client.received).toHaveLength(70_001);
  });

  it("passes on the end of the client's side, and goes on the other way", () => {
    const { on, client, upstream } = open();
    client.send('last');
    client.fin();
    expect(upstream.calls).toEqual(['end']);
    upstream.data('reply');
    expect(client.received).toBe('reply');
    expect(client.incoming).toBe('open');
    upstream.fin();
    upstream.close();
    on.settle();
    expect(client.incoming).toBe('fin');
    expect(client.isClosed).toBe(true);
    expect(on.upstream.settled).toEqual(['tunnel-ended']);
    expect(on.statuses).toEqual([101]);
  });

  it("passes on the end of the upstream's side, and goes on the other way", () => {
    const { on, client, upstream } = open();
    upstream.data('last');
    upstream.fin();
    on.settle();
    expect(client.received).toBe('last');
    expect(client.incoming).toBe('fin');
    expect(client.isClosed).toBe(false);
    client.send('reply');
    expect(upstream.written).toBe('reply');
    client.fin();
    on.settle();
    expect(client.isClosed).toBe(true);
    expect(upstream.isClosed).toBe(true);
  });

  it("passes on an end of the client's side that came before the switch", () => {
    const on = scene();
    const client = on.connect();
    client.send(upgrade);
    client.fin();
    const upstream = on.upstream.last.switch();
    expect(upstream.calls).toEqual(['end']);
    upstream.data('reply');
    expect(client.received).toMatch(/reply$/);
    upstream.fin();
    upstream.close();
    on.settle();
    expect(client.isClosed).toBe(true);
  });

  it('delivers what the upstream sent before it closed, however slowly the client takes it', () => {
    const { on, client, upstream } = open();
    client.block();
    upstream.data('x'.repeat(50_000));
    upstream.fin();
    upstream.close();
    on.settle();
    expect(client.isClosed).toBe(false);
    client.drain();
    on.settle();
    expect(client.received).toHaveLength(50_000);
    expect(client.lostBytes).toBe(0);
    expect(client.isClosed).toBe(true);
  });

  it('delivers what the client sent before it closed, however slowly the upstream takes it', () => {
    const { on, client, upstream } = open();
    upstream.takesMore = false;
    client.send('last');
    client.reset();
    client.resume();
    on.settle();
    expect(client.isClosed).toBe(true);
    expect(upstream.isClosed).toBe(false);
    expect(on.upstream.settled).toEqual([]);
    upstream.drain();
    expect(upstream.written).toBe('last');
    expect(upstream.isClosed).toBe(true);
    expect(on.upstream.settled).toEqual(['tunnel-ended']);
  });

  it('ends with a reset of either side', () => {
    const first = open({ timeouts: { tunnelIdleMs: 1_000 } });
    first.client.reset();
    first.on.settle();
    expect(first.upstream.isClosed).toBe(true);
    const second = open();
    second.upstream.close();
    second.on.settle();
    expect(second.client.isClosed).toBe(true);
    for (const { on } of [first, second]) {
      expect(on.gate.active).toBe(0);
      expect(on.upstream.settled).toEqual(['tunnel-ended']);
      expect(on.statuses).toEqual([101]);
      expect(on.told).toEqual([]);
      expect(on.wheel.size).toBe(0);
    }
  });

  it('ends after its idle limit, which each octet either way sets anew', () => {
    const { on, client, upstream } = open({ timeouts: { tunnelIdleMs: 1_000 } });
    on.pass(900);
    client.send('x');
    on.pass(900);
    upstream.data('y');
    on.pass(999);
    expect(client.isClosed).toBe(false);
    on.passLimit(1);
    expect(client.isClosed).toBe(true);
    expect(upstream.isClosed).toBe(true);
    expect(on.wheel.size).toBe(0);
  });

  it('ends after its idle limit though one side takes nothing', () => {
    const { on, client, upstream } = open({ timeouts: { tunnelIdleMs: 1_000 } });
    upstream.takesMore = false;
    client.send('stuck');
    client.reset();
    client.resume();
    on.settle();
    expect(upstream.isClosed).toBe(false);
    on.passLimit(1_000);
    expect(upstream.isClosed).toBe(true);
    expect(on.upstream.settled).toEqual(['tunnel-ended']);
  });

  it('has no idle limit with 0', () => {
    const { on, client } = open();
    on.pass(100_000_000);
    expect(client.isClosed).toBe(false);
    expect(on.wheel.size).toBe(0);
  });

  it('is no part of the limit of a request: nothing of ours is put into it', () => {
    const { on, client } = open({ timeouts: { requestMs: 100 } });
    on.pass(1_000);
    expect(client.received).toBe('');
    expect(on.told).toEqual([]);
    expect(on.gate.active).toBe(1);
    expect(on.wheel.size).toBe(0);
  });

  it('ends when the listener closes everything', () => {
    const { on, client, upstream } = open();
    on.connections[0]?.destroy();
    on.settle();
    expect(client.isClosed).toBe(true);
    expect(upstream.isClosed).toBe(true);
    expect(on.gate.active).toBe(0);
  });
});
