/** Clients as careless as they come: a connection for each HTTP/1.0 request, nothing kept and nothing resumed. */
import { connect, type Socket } from 'node:net';
import { type SecureContext, connect as tlsConnect } from 'node:tls';
import { codeOf, messageOf } from '../../base/fault.ts';
import { originBody } from './origin.ts';

/** How a client reaches its server. */
export type Way =
  | { readonly kind: 'plain'; readonly port: number }
  /** One context for all: what loading the authority's certificate costs is not held against the direct way. */
  | { readonly kind: 'tls'; readonly port: number; readonly context: SecureContext };

export interface LoadOptions {
  readonly requests: number;
  /** Requests under way at a time. */
  readonly clients: number;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

export interface LoadResult {
  readonly elapsedMs: number;
  /** From before the connect to the end of the response, of the requests that succeeded; ascending. */
  readonly latenciesMs: readonly number[];
  readonly failures: number;
  /** What the first failure was. */
  readonly firstFailure: string | null;
  /** Processor time of this process, which makes the load. */
  readonly processorMs: number;
}

const requestTimeoutMs = 10_000;

export async function runLoad(way: Way, options: LoadOptions): Promise<LoadResult> {
  const { requests, clients, signal, onProgress } = options;
  const latenciesMs: number[] = [];
  let begun = 0;
  let failures = 0;
  let firstFailure: string | null = null;
  const client = async (): Promise<void> => {
    while (begun < requests && !signal.aborted) {
      begun += 1;
      const startedMs = performance.now();
      try {
        check(await requestOnce(way));
        latenciesMs.push(performance.now() - startedMs);
      } catch (error) {
        failures += 1;
        firstFailure ??= explain(error);
      }
      onProgress(latenciesMs.length + failures);
    }
  };
  const processor = process.cpuUsage();
  const startedMs = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  const elapsedMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(processor);
  signal.throwIfAborted();
  return {
    elapsedMs,
    latenciesMs: latenciesMs.sort((a, b) => a - b),
    failures,
    firstFailure,
    processorMs: (user + system) / 1000,
  };
}

/** One connection, one request, and all that comes back. */
export function requestOnce(way: Way): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = open(way);
    let response = '';
    socket.setEncoding('latin1');
    socket.setTimeout(requestTimeoutMs, () => {
      socket.destroy(new Error(`no response within ${requestTimeoutMs / 1000} s`));
    });
    socket.on('data', (text: string) => {
      response += text;
    });
    socket.once('end', () => resolve(response));
    socket.once('error', reject);
    // After an end or an error it changes nothing.
    socket.once('close', () => reject(new Error('the connection was cut')));
    socket.write(`GET / HTTP/1.0\r\nHost: 127.0.0.1:${way.port}\r\n\r\n`);
  });
}

function open(way: Way): Socket {
  const to = { host: '127.0.0.1', port: way.port };
  return way.kind === 'plain'
    ? connect(to)
    : tlsConnect({ ...to, secureContext: way.context, servername: 'localhost' });
}

function check(response: string): void {
  const [statusLine = ''] = response.split('\r\n', 1);
  if (!/^HTTP\/1\.[01] 200 /.test(statusLine)) throw new Error(`answered "${statusLine}"`);
  if (!response.endsWith(`\r\n\r\n${originBody}`)) throw new Error('the response is not whole');
}

function explain(error: unknown): string {
  if (codeOf(error) === 'EADDRNOTAVAIL') {
    return 'no source port was left (EADDRNOTAVAIL): wait a minute, or ask for fewer with --requests';
  }
  return messageOf(error);
}

/** The value that a share of the ascending list does not exceed; NaN of an empty one. */
export function percentile(ascending: readonly number[], share: number): number {
  const at = Math.ceil(ascending.length * share) - 1;
  return ascending[Math.max(at, 0)] ?? Number.NaN;
}
