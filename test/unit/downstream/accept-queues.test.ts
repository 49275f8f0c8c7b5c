import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { AcceptQueues } from '../../../src/downstream/accept-queues.ts';
import type { ListenAddress } from '../../../src/downstream/options.ts';
import { freePort } from '../../support/free-port.ts';
import { makeTempDir } from '../../support/temp-dir.ts';

const onLinux = it.runIf(process.platform === 'linux');
const ends: (() => void)[] = [];

afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

interface Opened {
  readonly queues: AcceptQueues;
  /** Connections that were accepted; each has been told its number. */
  readonly accepted: Socket[];
}

async function open(address: ListenAddress): Promise<Opened> {
  const accepted: Socket[] = [];
  const queues = await AcceptQueues.open({
    address,
    backlog: 511,
    onConnection: (socket) => {
      accepted.push(socket);
      socket.on('error', () => undefined);
      socket.write('in');
    },
    onError: () => undefined,
  });
  ends.push(() => {
    queues.close();
    for (const socket of accepted) socket.destroy();
  });
  return { queues, accepted };
}

/** Resolves once the server's first octets have come. */
async function enter(where: { port: number; host?: string } | { path: string }): Promise<void> {
  const socket = connect(where);
  ends.push(() => socket.destroy());
  await once(socket, 'data');
}

function portOf({ queues }: Opened): number {
  return (queues.address as { port: number }).port;
}

/** Sockets that listen on this port of 127.0.0.1. */
function listening(port: number): number {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'latin1').split('\n');
  return rows.filter((row) => {
    const [, at, , state] = row.trim().split(/\s+/);
    return at === local && state === '0A';
  }).length;
}

const tcp = (port: number): ListenAddress => ({ kind: 'tcp', host: '127.0.0.1', port });

it('every one of a crowd that comes at once is accepted, once', async () => {
  const opened = await open(tcp(0));
  await Promise.all(Array.from({ length: 60 }, () => enter({ port: portOf(opened) })));
  expect(opened.accepted).toHaveLength(60);
});

onLinux('four sockets listen, on a port that was asked for and on one that was not', async () => {
  const port = await freePort();
  expect(portOf(await open(tcp(port)))).toBe(port);
  expect(listening(port)).toBe(4);
  expect(listening(portOf(await open(tcp(0))))).toBe(4);
});

it('a second gateway is not let in beside the first, and does not disturb it', async () => {
  const first = await open(tcp(0));
  await expect(open(tcp(portOf(first)))).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await Promise.all(Array.from({ length: 8 }, () => enter({ port: portOf(first) })));
  expect(first.accepted).toHaveLength(8);
});

onLinux('nor is one let in beside another program that would share the port', async () => {
  const other = createServer();
  other.listen({ host: '127.0.0.1', port: 0, reusePort: true });
  await once(other, 'listening');
  ends.push(() => other.close());
  const { port } = other.address() as { port: number };
  await expect(open(tcp(port))).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

it('closed, nobody is let in any more, the address is free, and who is in stays', async () => {
  const opened = await open(tcp(0));
  const port = portOf(opened);
  const inside = connect(port);
  ends.push(() => inside.destroy());
  await once(inside, 'data');
  opened.queues.close();
  expect(opened.queues.address).toBeNull();
  await expect(enter({ port })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await open(tcp(port));
  opened.accepted[0]?.write('still');
  await once(inside, 'data');
});

it('a Unix socket is one queue, and a second gateway is not let in either', async () => {
  const dir = makeTempDir('queues');
  ends.push(() => dir.remove());
  const path = dir.file('a.sock');
  const opened = await open({ kind: 'unix', path });
  expect(opened.queues.address).toBeNull();
  await Promise.all([enter({ path }), enter({ path })]);
  expect(opened.accepted).toHaveLength(2);
  await expect(open({ kind: 'unix', path })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
