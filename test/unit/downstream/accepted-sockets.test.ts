import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type AcceptedSocket,
  acceptByEvent,
  acceptSharing,
} from '../../../src/downstream/accepted-sockets.ts';
import { waitFor } from '../../support/wait-for.ts';

const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

type Accept = (server: Server, onSocket: (socket: AcceptedSocket) => void) => unknown;

async function listen(): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  return server;
}

async function pair(server: Server, accepted: AcceptedSocket[]) {
  const nth = accepted.length;
  const { port } = server.address() as { port: number };
  const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  ends.push(() => client.destroy());
  await once(client, 'connect');
  const socket = await waitFor(() => accepted[nth], { what: () => 'a socket' });
  return { client, socket };
}

async function open(accept: Accept) {
  const server = await listen();
  const accepted: AcceptedSocket[] = [];
  accept(server, (socket) => {
    accepted.push(socket);
    socket.on('error', () => undefined);
    ends.push(() => socket.destroy());
  });
  return { server, enter: () => pair(server, accepted) };
}

/** What has been read so far, copied as the contract asks. */
function read(socket: AcceptedSocket): { text: string } {
  const got = { text: '' };
  socket.setReader((bytes) => {
    got.text += bytes.toString('latin1');
  });
  return got;
}

function writes(client: Socket, text: string): Promise<void> {
  return new Promise((resolve) => client.write(text, () => resolve()));
}

describe.each([
  ['made here', acceptSharing],
  ["as Node's own", acceptByEvent],
] as [string, Accept][])('an accepted socket, %s', (_, accept) => {
  it('gives what comes to its reader, and then to the next one', async () => {
    const { enter } = await open(accept);
    const { client, socket } = await enter();
    const first = read(socket);
    await writes(client, 'one');
    await waitFor(() => first.text === 'one');
    const second = read(socket);
    await writes(client, 'two');
    await waitFor(() => second.text === 'two');
    expect(first.text).toBe('one');
  });

  it('gives nothing once it is paused, and all of it when it goes on', async () => {
    const { enter } = await open(accept);
    const { client, socket } = await enter();
    const other = await enter();
    const [got, others] = [read(socket), read(other.socket)];
    socket.pause();
    await writes(client, 'late');
    await writes(other.client, 'prompt');
    await waitFor(() => others.text === 'prompt');
    expect(got.text).toBe('');
    socket.resume();
    await waitFor(() => got.text === 'late');
  });

  it("tells the end of the client's side, can be written to after that, and closes when it ends too", async () => {
    const { enter } = await open(accept);
    const { client, socket } = await enter();
    const got = read(socket);
    const ended = once(socket, 'end');
    client.end('last');
    await ended;
    expect(got.text).toBe('last');
    const closed = once(socket, 'close');
    const answer = once(client, 'data');
    socket.write('answer');
    expect(String((await answer)[0])).toBe('answer');
    socket.end();
    expect(await closed).toEqual([false]);
  });

  it('tells a reset', async () => {
    const { enter } = await open(accept);
    const { client, socket } = await enter();
    read(socket);
    // Rejects with what comes as 'error'.
    const closed = once(socket, 'close');
    client.resetAndDestroy();
    await expect(closed).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it("that fails is told to the server's listeners", async () => {
    const { server } = await open(accept);
    const told = once(server, 'error');
    const { _handle: handle } = server as unknown as {
      _handle: { onconnection: (error: number) => void };
    };
    // -24 is EMFILE, as libuv gives it.
    handle.onconnection(-24);
    expect((await told)[0]).toMatchObject({ code: 'EMFILE', syscall: 'accept' });
  });
});

describe('sockets that are made here', () => {
  it('read into the same memory', async () => {
    const { enter } = await open(acceptSharing);
    const both = [await enter(), await enter()];
    const memory = new Set<unknown>();
    for (const { client, socket } of both) {
      socket.setReader((bytes) => memory.add(bytes.buffer));
      await writes(client, 'x');
    }
    await waitFor(() => both.every(({ socket }) => socket.bytesRead > 0));
    expect(memory.size).toBe(1);
  });

  it('are not, where Node has no such property: nothing is changed then', async () => {
    const closed = createServer();
    expect(acceptSharing(closed, () => undefined)).toBe(false);
    const other = { _handle: { onConnection: () => undefined } };
    expect(acceptSharing(other as unknown as Server, () => undefined)).toBe(false);
    expect(Object.keys(other._handle)).toEqual(['onConnection']);
  });
});

it('a read that cost much lets others be served before the next one, and nothing is lost by it', async () => {
  const { enter } = await open(acceptSharing);
  const [dear, other] = [await enter(), await enter()];
  const order: string[] = [];
  let octets = 0;
  dear.socket.setReader((bytes) => {
    octets += bytes.length;
    order.push('dear');
    return false;
  });
  other.socket.setReader(() => order.push('other'));
  // Many reads' worth; the other client has something to say each time.
  const whole = 4 * 1024 * 1024;
  dear.client.write(Buffer.alloc(whole));
  const speaking = setInterval(() => other.client.write('x'), 1);
  ends.push(() => clearInterval(speaking));
  await waitFor(() => octets === whole && order.includes('other'), { timeoutMs: 10_000 });
  // Paused by its owner it stays so.
  dear.socket.setReader(() => {
    octets += 1;
    dear.socket.pause();
    return false;
  });
  await writes(dear.client, 'a');
  await waitFor(() => octets === whole + 1);
  await writes(dear.client, 'b');
  const heard = order.length;
  await waitFor(() => order.length > heard + 5);
  expect(octets).toBe(whole + 1);
  dear.socket.resume();
  await waitFor(() => octets === whole + 2);
});
