/** Starts programs, waits until they are ready, collects what they print, and ends them. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { forgetGroup, watchGroup } from './reaper.ts';
import { waitFor, within } from './wait-for.ts';

export type Readiness =
  | { readonly kind: 'port'; readonly port: number; readonly host?: string }
  | { readonly kind: 'line'; readonly pattern: RegExp }
  | { readonly kind: 'http'; readonly url: string; readonly status?: number }
  | { readonly kind: 'file'; readonly path: string };

export interface StartOptions {
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Added to the environment of the test process. */
  readonly env?: Readonly<Record<string, string>>;
  readonly ready?: Readiness;
  readonly readyTimeoutMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class RunningProcess {
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #describe: string;
  #stdout = '';
  #output = '';
  #exit: Exit | undefined;

  constructor(options: StartOptions) {
    const { command, args = [], cwd, env } = options;
    this.#describe = [command, ...args].join(' ');
    // A process group each, so that the workers of a server end with it.
    this.#child = spawn(command, args, {
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.exited = this.#watchExit();
    this.#child.stdin.on('error', () => {}); // It ended before it read all: its exit says so.
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#output += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.pid = this.#child.pid ?? 0;
    if (this.pid !== 0) watchGroup(this.pid);
  }

  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Standard output and error, in the order in which they came. */
  output(): string {
    return this.#output;
  }

  stdout(): string {
    return this.#stdout;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.#exit === undefined) this.#child.kill(signal);
  }

  waitForLine(pattern: RegExp, timeoutMs = 5_000): Promise<RegExpExecArray> {
    return this.#whileAlive(() => pattern.exec(this.#output) ?? undefined, timeoutMs, `${pattern}`);
  }

  async waitUntil(ready: Readiness, timeoutMs = 10_000): Promise<void> {
    await this.#whileAlive(() => isReady(ready, this.#output), timeoutMs, JSON.stringify(ready));
  }

  /** SIGTERM, and SIGKILL for what is still there after the grace; resolves when all of it has ended. */
  async stop(graceMs = 5_000): Promise<Exit> {
    this.signal('SIGTERM');
    try {
      return await within(this.exited, graceMs, 'exit');
    } catch {
      this.#killGroup();
      return await this.exited;
    }
  }

  async #watchExit(): Promise<Exit> {
    try {
      // 'close' and not 'exit': what it printed last has then been read.
      this.#child.once('exit', () => this.#killGroup());
      // 'close' and not 'exit': what it printed last has then been read.
      const [code, signal] = await once(this.#child, 'close');
      this.#exit = { code, signal };
    } catch (cause) {
      this.#output += `could not start: ${cause}\n`;
      this.#exit = { code: 127, signal: null };
    }
    if (this.pid !== 0) forgetGroup(this.pid);
    return this.#exit;
  }

  /** The group outlives its leader when a server leaves workers behind. */
  #killGroup(): void {
    if (!this.#child.pid) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // ESRCH: nothing was left.
    }
  }

  #whileAlive<T>(
    probe: () => T | undefined | false | Promise<T | undefined | false>,
    timeoutMs: number,
    what: string,
  ) {
    return waitFor(
      async () => {
        const value = await probe();
        if (value !== undefined && value !== false) return value;
        if (this.#exit)
          throw new Error(`ended with ${JSON.stringify(this.#exit)}: ${this.#story()}`);
        return undefined;
      },
      { timeoutMs, what: () => `${what} of ${this.#story()}` },
    );
  }

  #story(): string {
    return `${this.#describe}\n${this.#output.slice(-4_000)}`;
  }
}

/** Starts a program and waits for its readiness; one that does not become ready is ended. */
export async function startProcess(options: StartOptions): Promise<RunningProcess> {
  const started = new RunningProcess(options);
  try {
    if (options.ready) await started.waitUntil(options.ready, options.readyTimeoutMs);
    return started;
  } catch (cause) {
    await started.stop(500);
    throw cause;
  }
}

export interface RunOptions extends Omit<StartOptions, 'ready' | 'readyTimeoutMs'> {
  readonly input?: string | Uint8Array;
  readonly timeoutMs?: number;
}

export interface RunResult extends Exit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. A code other than zero is a result, not an error. */
export async function runToEnd(options: RunOptions): Promise<RunResult> {
  const { command, args = [], cwd, env, input, timeoutMs = 15_000 } = options;
  const child = spawn(command, args, {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  const { pid } = child;
  if (pid !== undefined) watchGroup(pid);
  let stdout = '';
  let stderr = '';
  child.stdin.on('error', () => {}); // It ended before it read all.
  child.stdin.end(input);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  try {
    const story = () => `the end of ${command} ${args.join(' ')}\n${stdout}${stderr}`;
    const [code, signal] = await within(once(child, 'close'), timeoutMs, story);
    return { code, signal, stdout, stderr };
  } finally {
    if (pid !== undefined) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // ESRCH: it has ended, and left nothing behind.
      }
      forgetGroup(pid);
    }
  }
}

async function isReady(ready: Readiness, output: string): Promise<true | undefined> {
  switch (ready.kind) {
    case 'port':
      return (await canConnect(ready.port, ready.host ?? '127.0.0.1')) || undefined;
    case 'line':
      return ready.pattern.test(output) || undefined;
    case 'file':
      return existsSync(ready.path) || undefined;
    case 'http':
      return (await answers(ready.url, ready.status ?? 200)) || undefined;
  }
}

function canConnect(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function answers(url: string, status: number): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.status === status;
  } catch {
    return false;
  }
}
