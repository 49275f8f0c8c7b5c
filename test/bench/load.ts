/** The load: wrk for keep-alive clients, ab for clients of one HTTP/1.0 request. */
import { runToEnd } from '../support/process.ts';
import { requireProgram } from '../support/program.ts';
import type { Running } from './peers/peer.ts';
import { processorTimeUs } from './process-figures.ts';

export interface LoadFigures {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Processor time of the proxy for each request; NaN where there is no proxy. */
  readonly processorUs: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Responses that were not 2xx, and connections that failed. */
  readonly errors: number;
}

export interface Answered extends Omit<LoadFigures, 'processorUs'> {}

export interface Load {
  /** Short, and the same from run to run: a key in the result files. */
  readonly name: string;
  readonly title: string;
  readonly programs: readonly string[];
  readonly seconds: number;
  /** Told the addresses of the proxy, one for each origin. */
  readonly run: (urls: readonly string[]) => Promise<Answered>;
}

export interface WrkOptions {
  readonly clients?: number;
  readonly path?: string;
  /** A Lua script for wrk. */
  readonly script?: string;
}

export function keepAliveLoad(
  seconds: number,
  options: WrkOptions & { title?: string } = {},
): Load {
  const { clients = 64, path = '/small' } = options;
  return {
    name: `wrk-${clients}${path.replaceAll('/', '-')}`,
    title: options.title ?? `${clients} keep-alive clients`,
    programs: ['wrk'],
    seconds,
    run: ([url]) => runWrk(`${url}${path}`, seconds, { ...options, clients }),
  };
}

/** Clients of one HTTP/1.0 request each, 32 at a time, for so many seconds. */
export function oneRequestLoad(
  seconds: number,
  options: { title?: string; path?: string; args?: readonly string[]; name?: string } = {},
): Load {
  const { path = '/small', args = [] } = options;
  return {
    name: options.name ?? `ab-32${path.replaceAll('/', '-')}`,
    title: options.title ?? 'one HTTP/1.0 request a connection, 32 at a time',
    programs: ['ab'],
    seconds,
    // -t alone would mean 50,000 requests at most.
    run: ([url]) =>
      runAb(`${url}${path}`, ['-t', String(seconds), '-n', '1000000', '-c', '32', ...args]),
  };
}

export async function measure(load: Load, proxy: Running): Promise<LoadFigures> {
  const { pid } = proxy;
  const before = pid === undefined ? Number.NaN : processorTimeUs(pid);
  const answered = await load.run(proxy.urls);
  const used = pid === undefined ? Number.NaN : processorTimeUs(pid) - before;
  return { ...answered, processorUs: used / answered.requests };
}

/** Keep-alive requests until there were at least so many; gives how many there were. */
export async function atLeast(
  requests: number,
  url: string,
  programs: ReadonlySet<string>,
): Promise<number> {
  if (requests <= 0) return 0;
  if (programs.has('ab'))
    return (await runAb(url, ['-k', '-n', String(requests), '-c', '64'])).requests;
  let done = 0;
  while (done < requests) done += (await runWrk(url, 2)).requests;
  return done;
}

export async function runWrk(
  url: string,
  seconds: number,
  { clients = 64, script }: WrkOptions = {},
): Promise<Answered> {
  const more = script === undefined ? [] : ['-s', script];
  const { stdout, stderr, code } = await runToEnd({
    command: requireProgram('wrk'),
    args: ['-t1', `-c${clients}`, `-d${seconds}s`, '--timeout', '10s', '--latency', ...more, url],
    timeoutMs: seconds * 1_000 + 30_000,
  });
  if (code !== 0) throw new Error(`wrk failed: ${stdout}${stderr}`);
  return readWrk(stdout);
}

export function readWrk(stdout: string): Answered {
  const socketErrors = [...(/Socket errors: (.*)/.exec(stdout)?.[1] ?? '').matchAll(/\d+/g)];
  const lost = socketErrors.reduce((sum, [count]) => sum + Number(count), 0);
  return {
    requests: number(stdout, /(\d+) requests in/),
    requestsPerSecond: number(stdout, /Requests\/sec:\s+([\d.]+)/),
    medianMs: wrkTimeMs(stdout, '50'),
    p99Ms: wrkTimeMs(stdout, '99'),
    errors: lost + (number(stdout, /Non-2xx or 3xx responses: (\d+)/) || 0),
  };
}

export async function runAb(url: string, args: readonly string[]): Promise<Answered> {
  const { stdout, stderr, code } = await runToEnd({
    command: requireProgram('ab'),
    args: ['-q', '-r', ...args, url],
    timeoutMs: 120_000,
  });
  if (code !== 0) throw new Error(`ab failed: ${stdout}${stderr}`);
  return readAb(stdout);
}

export function readAb(stdout: string): Answered {
  return {
    requests: number(stdout, /Complete requests:\s+(\d+)/),
    requestsPerSecond: number(stdout, /Requests per second:\s+([\d.]+)/),
    medianMs: number(stdout, /^\s+50%\s+(\d+)/m),
    p99Ms: number(stdout, /^\s+99%\s+(\d+)/m),
    errors:
      (number(stdout, /Failed requests:\s+(\d+)/) || 0) +
      (number(stdout, /Non-2xx responses:\s+(\d+)/) || 0),
  };
}

function wrkTimeMs(text: string, percentile: string): number {
  const [, value, unit] =
    new RegExp(`^\\s+${percentile}%\\s+([\\d.]+)(us|ms|s)`, 'm').exec(text) ?? [];
  return Number(value) * ({ us: 0.001, ms: 1, s: 1_000 }[unit ?? 'ms'] ?? 1);
}

function number(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? Number.NaN);
}
