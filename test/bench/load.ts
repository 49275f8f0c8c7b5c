/** The load: wrk for keep-alive clients, ab for clients of one HTTP/1.0 request. */
import { runToEnd } from '../support/process.ts';
import { requireProgram } from '../support/program.ts';
import type { Running } from './contenders.ts';
import { processorTimeUs } from './process-figures.ts';

export interface LoadFigures {
  readonly requests: number;
  readonly requestsPerSecond: number;
  /** Processor time of the proxy for each request. */
  readonly processorUs: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Responses that were not 200, and connections that failed. */
  readonly errors: number;
}

interface Answered extends Omit<LoadFigures, 'processorUs'> {}

export interface Load {
  readonly name: string;
  readonly program: 'wrk' | 'ab';
  readonly run: (url: string) => Promise<Answered>;
}

export function keepAliveLoad(seconds: number): Load {
  return {
    name: 'keep-alive, 64 clients (wrk)',
    program: 'wrk',
    run: (url) => runWrk(url, seconds),
  };
}

export function oneRequestLoad(requests: number): Load {
  return {
    name: 'one HTTP/1.0 request a connection, 32 at a time (ab)',
    program: 'ab',
    run: (url) => runAb(url, ['-n', String(requests), '-c', '32']),
  };
}

export async function measure(load: Load, proxy: Running): Promise<LoadFigures> {
  const before = processorTimeUs(proxy.process.pid);
  const answered = await load.run(proxy.url);
  const used = processorTimeUs(proxy.process.pid) - before;
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

async function runWrk(url: string, seconds: number): Promise<Answered> {
  const { stdout, stderr, code } = await runToEnd({
    command: requireProgram('wrk'),
    args: ['-t1', '-c64', `-d${seconds}s`, '--latency', url],
    timeoutMs: seconds * 1_000 + 20_000,
  });
  if (code !== 0) throw new Error(`wrk failed: ${stdout}${stderr}`);
  const requests = number(stdout, /(\d+) requests in/);
  const socketErrors = [...(/Socket errors: (.*)/.exec(stdout)?.[1] ?? '').matchAll(/\d+/g)];
  const lost = socketErrors.reduce((sum, [count]) => sum + Number(count), 0);
  return {
    requests,
    requestsPerSecond: number(stdout, /Requests\/sec:\s+([\d.]+)/),
    medianMs: wrkTimeMs(stdout, '50'),
    p99Ms: wrkTimeMs(stdout, '99'),
    errors: lost + (number(stdout, /Non-2xx or 3xx responses: (\d+)/) || 0),
  };
}

async function runAb(url: string, args: readonly string[]): Promise<Answered> {
  const { stdout, stderr, code } = await runToEnd({
    command: requireProgram('ab'),
    args: ['-q', ...args, url],
    timeoutMs: 120_000,
  });
  if (code !== 0) throw new Error(`ab failed: ${stdout}${stderr}`);
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
