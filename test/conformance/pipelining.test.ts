/** Several requests on one upstream connection: order, and what becomes of them when it ends (RFC 9112 9.2, 9.3.2). */
import { describe, expect, it } from 'vitest';
import { get, scene } from '../integration/faults/scene.ts';
import type { InProcessGateway } from '../support/in-process-gateway.ts';
import type { RawClient } from '../support/raw-client.ts';
import { type RawOrigin, type RawOriginConnection, response } from '../support/raw-origin.ts';
import { waitFor } from '../support/wait-for.ts';

const on = scene();

interface Shared {
  readonly origin: RawOrigin;
  readonly gateway: InProcessGateway;
  /** The one connection; it has answered once. */
  readonly far: RawOriginConnection;
}

/** A gateway that may pipeline, with room for one connection, which is known to be good. */
async function oneConnection(): Promise<Shared> {
  const origin = await on.origin();
  const gateway = await on.gateway(origin, {
    pipelining: 4,
    pool: { warm: 1, warmMax: 1, maxConnections: 1 },
  });
  const first = await on.client(gateway);
  first.write(get('/first'));
  const far = origin.connectionOf(await origin.request());
  far.write(response());
  expect((await first.readResponse()).status).toBe(200);
  await gateway.settled();
  return { origin, gateway, far };
}

/** Clients that ask for these paths, all of which have reached the connection and none been answered. */
async function asking({ gateway, far }: Shared, paths: readonly string[]): Promise<RawClient[]> {
  const clients = await Promise.all(paths.map(() => on.client(gateway)));
  for (const [nth, path] of paths.entries()) {
    clients[nth]?.write(get(path));
    await far.request(nth + 2);
  }
  return clients;
}

const paths = ['/a', '/b', '/c', '/d'];

describe('requests that share a connection', () => {
  it('are sent without waiting for each other, and each gets the answer to its own, interim ones too [9112-9.2-01] [9112-9.2-02] [9112-9.3.2-01]', async () => {
    const shared = await oneConnection();
    const clients = await asking(shared, paths);
    expect(shared.origin.requests.slice(1).map(({ target }) => target)).toEqual(paths);
    const hints = 'HTTP/1.1 103 Early Hints\r\n\r\n';
    shared.far.write(paths.map((path) => `${hints}${response(`of ${path}`)}`).join(''));
    for (const [nth, client] of clients.entries()) {
      expect((await client.readResponse()).status).toBe(103);
      expect((await client.readResponse()).body.toString()).toBe(`of ${paths[nth]}`);
    }
  });

  it('are never behind one that may not be repeated [9112-9.3.2-06]', async () => {
    const { origin, gateway, far } = await oneConnection();
    const [poster, getter] = [await on.client(gateway), await on.client(gateway)];
    poster.write('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    await far.request(2);
    getter.write(get('/get'));
    await waitFor(() => gateway.upstreams[0]?.waiting === 1);
    expect(origin.requests.map(({ target }) => target)).toEqual(['/first', '/post']);
    far.write(response('posted'));
    expect((await poster.readResponse()).body.toString()).toBe('posted');
    await far.request(3);
    far.write(response('got'));
    expect((await getter.readResponse()).body.toString()).toBe('got');
  });

  const ends: readonly (readonly [name: string, answer: string])[] = [
    ['when it ends [9112-9.3.2-04] [9112-9.3.2-05]', response('of /a')],
    [
      'when an answer says that it closes: nothing behind that counts as done [9112-9.6-11] [9112-9.6-09]',
      response('of /a', { fields: { Connection: 'close' } }),
    ],
  ];
  for (const [name, answer] of ends)
    it(`are sent again, one at a time, ${name}`, async () => {
      const shared = await oneConnection();
      const { origin, far } = shared;
      const asked = ['/a', '/b', '/c'];
      const [one, ...others] = await asking(shared, asked);
      far.write(answer);
      far.fin();
      expect((await one?.readResponse())?.body.toString()).toBe('of /a');
      // First, /a, /b and /c on the old connection; /b and /c again on new ones.
      for (let nth = 5; nth <= 6; nth += 1) {
        const again = await origin.request(nth);
        expect(again.connectionId).not.toBe(far.id);
        // The other is not behind it: it comes once this one was answered.
        await new Promise((resolve) => setTimeout(resolve, 20));
        expect(origin.requests).toHaveLength(nth);
        origin.connectionOf(again).write(response(`again ${again.target}`));
      }
      const answers = await Promise.all(others.map((client) => client.readResponse()));
      expect(answers.map(({ body }) => body.toString())).toEqual(['again /b', 'again /c']);
    });
});
