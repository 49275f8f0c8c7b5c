import { once } from 'node:events';
import { expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { noise, sha256 } from '../../support/bodies.ts';
import { connectRawClient } from '../../support/raw-client.ts';
import { describeClient } from './client-suite.ts';

describeClient({ title: 'a WebSocket client', programs: [] }, (bench) => {
  it('sends and receives text and a binary message of 200 kB, then closes with its code', async () => {
    const { gateway, socketPath } = bench();
    for (const url of [`ws://127.0.0.1:${gateway.port}/chat`, `ws+unix:${socketPath}:/chat`]) {
      const socket = new WebSocket(url);
      await once(socket, 'open');
      for (const message of [Buffer.from('hello'), noise(200_000, 5)]) {
        socket.send(message);
        const [echoed] = await once(socket, 'message');
        expect(sha256(echoed)).toBe(sha256(message));
      }
      socket.close(4001, 'done');
      const [code, reason] = await once(socket, 'close');
      expect([code, String(reason)]).toEqual([4001, 'done']);
    }
  });

  it('ten at once', async () => {
    const { gateway } = bench();
    const sockets = Array.from(
      { length: 10 },
      () => new WebSocket(`ws://127.0.0.1:${gateway.port}/`),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    const echoes = sockets.map((socket) => once(socket, 'message'));
    for (const [nth, socket] of sockets.entries()) socket.send(`message ${nth}`);
    const texts = (await Promise.all(echoes)).map(([data]) => String(data));
    expect(texts).toEqual(sockets.map((_, nth) => `message ${nth}`));
    for (const socket of sockets) socket.terminate();
  });

  it('an upgrade to h2c is not carried on', async () => {
    const client = await connectRawClient(bench().gateway.port);
    const fields =
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
    const answer = await client.exchange(`GET /ok HTTP/1.1\r\nHost: a\r\n${fields}\r\n`);
    expect([answer.status, answer.body.toString()]).toEqual([200, 'ok']);
    client.close();
  });
});
