import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { percentile, requestOnce, runLoad } from '../../../../src/cli/demo/load.ts';
import { originBody } from '../../../../src/cli/demo/origin.ts';

const whole = `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${originBody}`;
const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Answers each connection by `answer`; gives its port and what it was asked. */
async function serve(answer: (socket: Socket) => void) {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data) => {
      asked.push(data.toString('latin1'));
      answer(socket);
    });
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, asked };
}

const signal = new AbortController().signal;
const onProgress = () => undefined;

describe('the load', () => {
  it('is one HTTP/1.0 request a connection, as often as asked', async () => {
    const { port, asked } = await serve((socket) => socket.end(whole));
    const seen: number[] = [];
    const result = await runLoad(
      { kind: 'plain', port },
      { requests: 20, clients: 3, signal, onProgress: (done) => seen.push(done) },
    );
    expect(asked).toHaveLength(20);
    expect(new Set(asked)).toEqual(new Set([`GET / HTTP/1.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`]));
    expect(result.failures).toBe(0);
    expect(result.latenciesMs).toHaveLength(20);
    expect(result.latenciesMs).toEqual([...result.latenciesMs].sort((a, b) => a - b));
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  });

  it.each([
    ['another status', 'HTTP/1.1 502 Bad Gateway\r\n\r\n', 'answered "HTTP/1.1 502 Bad Gateway"'],
    ['a body cut short', whole.slice(0, -1), 'the response is not whole'],
    ['nothing at all', '', 'answered ""'],
  ])('counts %s as a failure and tells the first', async (_, response, told) => {
    const { port } = await serve((socket) => socket.end(response));
    const result = await runLoad(
      { kind: 'plain', port },
      { requests: 5, clients: 2, signal, onProgress },
    );
    expect(result).toMatchObject({ failures: 5, firstFailure: told, latenciesMs: [] });
  });

  it('does not wait for a connection that is cut', async () => {
    const { port } = await serve((socket) => socket.resetAndDestroy());
    await expect(requestOnce({ kind: 'plain', port })).rejects.toThrow(/ECONNRESET|cut/);
  });

  it('stops when told to, and says why', async () => {
    const stop = new AbortController();
    const { port, asked } = await serve((socket) => {
      stop.abort(new Error('enough'));
      socket.end(whole);
    });
    const running = runLoad(
      { kind: 'plain', port },
      { requests: 1_000, clients: 2, signal: stop.signal, onProgress },
    );
    await expect(running).rejects.toThrow('enough');
    expect(asked.length).toBeLessThan(5);
  });
});

describe('a percentile', () => {
  it('is the value that the share does not exceed', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(percentile(hundred, 0.5)).toBe(50);
    expect(percentile(hundred, 0.99)).toBe(99);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile([7], 0.01)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });
});
