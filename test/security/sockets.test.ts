/** Unix sockets of listeners: whose they are decides who speaks to the upstream. */
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { type RunningProcess, startProcess } from '../support/process.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait-for.ts';

// Programs are started: on a busy machine that takes its time.
vi.setConfig({ testTimeout: 120_000 });

const toEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of toEnd.splice(0).reverse()) await end();
});

function tempDir() {
  const dir = makeTempDir('security-sockets');
  toEnd.push(() => dir.remove());
  return dir;
}

async function started(address: string, rest: Record<string, string> = {}) {
  const gateway = await startGateway({
    listeners: [{ address, upstream: 'api', ...rest }],
    upstreams: { api: { url: 'http://127.0.0.1:9' } },
  });
  toEnd.push(() => gateway.stop());
  return gateway;
}

/** A server with a queue of one that has stopped, as under a debugger: alive, and not accepting. */
async function stoppedServer(path: string): Promise<RunningProcess> {
  const script = `require('net').createServer(() => {}).listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => console.log('listening'))`;
  const server = await startProcess({
    command: process.execPath,
    args: ['-e', script],
    ready: { kind: 'line', pattern: /listening/ },
  });
  toEnd.push(async () => {
    server.signal('SIGCONT');
    await server.stop();
  });
  server.signal('SIGSTOP');
  return server;
}

describe("a listener's socket", () => {
  it('is not taken from a server that lives and whose queue is full', async () => {
    const path = tempDir().file('api.sock');
    await stoppedServer(path);
    const inode = statSync(path).ino;
    const sockets: Socket[] = [];
    toEnd.push(() => {
      for (const socket of sockets) socket.destroy();
    });
    // Until the kernel says that there is no more room.
    let isFull = false;
    await waitFor(() => {
      const socket = connect(path);
      sockets.push(socket);
      socket.on('error', () => {
        isFull = true;
      });
      return isFull;
    });
    await expect(started(`unix:${path}`)).rejects.toThrow('is in use');
    expect(statSync(path).ino).toBe(inode);
  });

  it('has the mode that was asked for', async () => {
    const path = tempDir().file('api.sock');
    await started(`unix:${path}`, { mode: '0600' });
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
  });

  it('takes the place of no file, folder or link to one', async () => {
    const dir = tempDir();
    writeFileSync(dir.file('file'), 'precious');
    mkdirSync(dir.file('folder'));
    symlinkSync(dir.file('file'), dir.file('link'));
    for (const name of ['file', 'folder', 'link'])
      await expect(started(`unix:${dir.file(name)}`), name).rejects.toThrow('is no socket');
    expect(statSync(dir.file('file')).size).toBe(8);
  });
});
