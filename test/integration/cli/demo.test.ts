import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningProcess, runToEnd, startProcess } from '../../support/process.ts';
import { findProgram } from '../../support/program.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { waitFor } from '../../support/wait-for.ts';

const repository = join(import.meta.dirname, '..', '..', '..');
const program = join(repository, 'cmd/sidepool.ts');

/** Where the demo writes what it writes. */
let dir: TempDir;
beforeEach(() => {
  dir = makeTempDir('demo-test');
});
const demos: RunningProcess[] = [];
afterEach(async () => {
  for (const demo of demos.splice(0)) await demo.stop();
  dir.remove();
});

/** The number in one row and column of the table; the columns are separated by three spaces at least. */
function figure(output: string, row: string, column: 1 | 2): number {
  const line = output.split('\n').find((each) => each.trim().startsWith(row)) ?? '';
  return Number.parseFloat((line.trim().split(/\s{3,}/)[column] ?? '').replaceAll(',', ''));
}

function processes(): { readonly pid: number; readonly words: string }[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      return { pid: Number(pid), words: readFileSync(`/proc/${pid}/cmdline`, 'utf8') };
    } catch {
      return []; // It has ended since.
    }
  });
}

/** What still runs with this directory on its command line: the gateway has its configuration there. */
function gateways(): number[] {
  return processes()
    .filter(({ words }) => words.includes(dir.path) && words.includes('sidepool.yaml'))
    .map(({ pid }) => pid);
}

/** The gateway is its child; `script` and a shell may stand above it. */
function demoPid(): number {
  return parentOf(gateways()[0]);
}

/** 0 of one that has ended. */
function parentOf(pid: number | undefined): number {
  return numberIn(`/proc/${pid}/status`, /^PPid:\s+(\d+)/m);
}

/** Whether a TCP connection of this process is established: proc(5), state 01. */
function hasClient(pid: number): boolean {
  const own = readdirSync(`/proc/${pid}/fd`).map((fd) => inodeOf(`/proc/${pid}/fd/${fd}`));
  const inodes = new Set(own);
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some((fields) => fields[3] === '01' && inodes.has(fields[9]));
}

/** That of a socket; undefined for other files, and for one that was closed meanwhile. */
function inodeOf(path: string): string | undefined {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(path))?.[1];
  } catch {
    return undefined;
  }
}

function numberIn(path: string, pattern: RegExp): number {
  try {
    return Number(pattern.exec(readFileSync(path, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

describe('the demo, once', () => {
  it('prints the table, ends with 0, and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await runToEnd({
      command: process.execPath,
      args: [program, 'demo', '--once', '--requests', '1000'],
      env: { TMPDIR: dir.path },
      timeoutMs: 60_000,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const row of ['connections opened', 'TLS handshakes', 'source ports used']) {
      // The kernel gives a port a second time once its first connection is over.
      const isExact = row !== 'source ports used';
      expect(figure(stdout, row, 1), row).toBeGreaterThanOrEqual(isExact ? 1_000 : 500);
      expect(figure(stdout, row, 1), row).toBeLessThanOrEqual(1_000);
      expect(figure(stdout, row, 2), row).toBeGreaterThan(0);
      expect(figure(stdout, row, 2), row).toBeLessThanOrEqual(16);
    }
    expect(figure(stdout, 'reuse', 1)).toBe(0);
    expect(figure(stdout, 'reuse', 2)).toBeGreaterThanOrEqual(98);
    for (const row of ['requests per second', 'p50', 'p99', 'processor time: origin']) {
      expect(figure(stdout, row, 1), row).toBeGreaterThan(0);
      expect(figure(stdout, row, 2), row).toBeGreaterThan(0);
    }
    // No bar and no colours where there is no terminal.
    for (const mark of ['\r', '\u001b', '█']) expect(stdout).not.toContain(mark);
    expect(readdirSync(dir.path)).toEqual([]);
    expect(gateways()).toEqual([]);
  }, 90_000);

  it('ends by itself when its output is no terminal', async () => {
    const { code, stdout } = await runToEnd({
      command: process.execPath,
      args: [program, 'demo', '--requests', '100'],
      env: { TMPDIR: dir.path },
      timeoutMs: 60_000,
    });
    expect(code).toBe(0);
    expect(stdout).toContain('TLS handshakes');
    expect(stdout).not.toContain('Ctrl-C');
  }, 90_000);

  it('ends with 130 and leaves nothing when it is interrupted under load', async () => {
    const demo = await startDemo(['--requests', '1000000']);
    await waitFor(() => readdirSync(dir.path).length > 0);
    demo.signal('SIGINT');
    expect(await demo.exited).toMatchObject({ code: 130 });
    expect(readdirSync(dir.path)).toEqual([]);
  }, 60_000);

  it('ends with 1 and says why when a process of its own dies', async () => {
    const demo = await startDemo(['--requests', '1000000']);
    const origin = await waitFor(() =>
      processes().find(
        ({ pid, words }) => words.includes('demo-origin') && parentOf(pid) === demo.pid,
      ),
    );
    // Serving by now, and not only starting: then it is told in other words.
    await waitFor(() => hasClient(origin.pid));
    process.kill(origin.pid, 'SIGKILL');
    expect(await demo.exited).toMatchObject({ code: 1 });
    expect(demo.output()).toContain('sidepool demo: the origin ended by itself (SIGKILL).');
    expect(readdirSync(dir.path)).toEqual([]);
  }, 60_000);
});

const script = findProgram('script');

describe.skipIf(script === undefined)('the demo on a terminal (needs script)', () => {
  it('serves on until Ctrl-C, on other ports when its own are taken', async () => {
    const taken = await takePorts([15_100, 15_101]);
    try {
      const demo = await startDemo(['--requests', '200'], { terminal: true });
      const [, admin] = await demo.waitForLine(/status page +(http:\S+)\//, 60_000);
      const [, listener] = await demo.waitForLine(/--http1\.0 (http:\S+)\//);
      expect(`${admin} ${listener}`).not.toMatch(/:1510[01]\b/);
      expect(await (await fetch(`${listener}/`)).text()).toBe('Hello from the origin.\n');
      const failed = await fetch(`${listener}/drop`, { method: 'POST', body: 'order=1' });
      expect(failed.headers.get('proxy-status')).toContain('details="sent-no-response"');
      expect(await (await fetch(`${admin}/`)).text()).toContain('<!doctype html>');
      expect(await (await fetch(`${admin}/metrics`)).text()).toContain('sidepool_upstream_');
      expect(demo.output()).toContain('█');
      expect(demo.output()).toContain('\u001b[1m');
      // As Ctrl-C does: to all of the terminal's group. Two at once are one.
      const pid = demoPid();
      expect(pid).toBeGreaterThan(1);
      const group = numberIn(`/proc/${pid}/stat`, /\) \S \d+ (\d+)/);
      expect(group).toBeGreaterThan(1);
      process.kill(-group, 'SIGINT');
      process.kill(pid, 'SIGINT');
      expect(await demo.exited).toMatchObject({ code: 0 });
      expect(readdirSync(dir.path)).toEqual([]);
      expect(gateways()).toEqual([]);
    } finally {
      for (const server of taken) server.close();
    }
  }, 90_000);

  it('has no colours with NO_COLOR', async () => {
    const demo = await startDemo(['--once', '--requests', '100'], {
      terminal: true,
      env: { NO_COLOR: '1' },
    });
    expect(await demo.exited).toMatchObject({ code: 0 });
    expect(demo.output()).toContain('TLS handshakes');
    expect(demo.output()).not.toContain('\u001b[1m');
  }, 90_000);

  it('leaves nothing behind when it is killed', async () => {
    const demo = await startDemo(['--requests', '100'], { terminal: true });
    await demo.waitForLine(/Ctrl-C ends it/, 60_000);
    const pid = demoPid();
    expect(pid).toBeGreaterThan(1);
    process.kill(pid, 'SIGKILL');
    await waitFor(() => gateways().length === 0 && readdirSync(dir.path).length === 0);
  }, 90_000);
});

async function startDemo(
  args: string[],
  { terminal = false, env = {} }: { terminal?: boolean; env?: Record<string, string> } = {},
): Promise<RunningProcess> {
  const words = [process.execPath, program, 'demo', ...args];
  const [command = '', ...rest] =
    terminal && script !== undefined
      ? [script, '-qefc', `exec ${words.join(' ')}`, '/dev/null']
      : words;
  const demo = await startProcess({
    command,
    args: rest,
    // Under CI Node takes no terminal for one that shows colours, unless told.
    env: {
      TERM: 'xterm',
      ...('NO_COLOR' in env ? {} : { FORCE_COLOR: '1' }),
      ...env,
      TMPDIR: dir.path,
    },
  });
  demos.push(demo);
  return demo;
}

/** Those that others hold are taken already. */
async function takePorts(ports: readonly number[]) {
  return await Promise.all(
    ports.map(async (port) => {
      const server = createServer();
      await new Promise<void>((resolve) => {
        server.once('error', () => resolve());
        server.listen(port, '127.0.0.1', () => resolve());
      });
      return server;
    }),
  );
}
