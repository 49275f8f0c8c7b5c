/**
 * The access log: one line for each request, or for some of them and each that failed. Off unless configured.
 *
 * It must not slow the path it tells of. A line is put together by hand, once, from what the request's record holds;
 * lines are gathered and handed over together, at most once in a tenth of a second unless there are many. If the reader
 * of standard output is too slow they are dropped, and counted: no request waits for its line.
 */
import type { Cancel, Clock, Random } from '../base/clock.ts';
import type { AccessOptions } from '../config/gateway-config.ts';
import { detailsOf } from '../message/own-response.ts';
import type { AccessObserver, AccessRecord } from '../proxy/access-record.ts';
import { methodOf, pathOf, requestIdOf, traceParentOf } from './scrub.ts';

export interface LineSink {
  /** Takes whole lines, or none of them and gives false. */
  offer(lines: Buffer): boolean;
}

const GATHER_MS = 100;
const GATHER_BYTES = 32 * 1024;
/** More than any line can have: what a client can make long is bounded. */
const LONGEST_LINE = 16 * 1024;

export interface AccessLogParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly sink: LineSink;
  /** A name that no other exchange of any gateway has. */
  readonly nameExchange: () => string;
}

export class AccessLog {
  readonly #parts: AccessLogParts;
  #options: AccessOptions | null = null;
  /** As bytes, not as text: thousands of pieces of text that wait would be copied by each small collection. */
  #gathered: Buffer | null = null;
  #length = 0;
  #lines = 0;
  #second = 0;
  #secondText = '';
  #cancel: Cancel | null = null;
  written = 0;
  dropped = 0;

  constructor(parts: AccessLogParts) {
    this.#parts = parts;
  }

  /** Null for off. What is under way is told as it was when it began. */
  set options(options: AccessOptions | null) {
    this.#options = options;
  }

  /** The observer of one listener; undefined while the log is off. */
  of(listener: string): AccessObserver | undefined {
    if (this.#options === null) return undefined;
    const { nameExchange } = this.#parts;
    return { nameExchange, onAccess: (record) => this.#onAccess(listener, record) };
  }

  #onAccess(listener: string, record: AccessRecord): void {
    const options = this.#options;
    if (options === null) return;
    if (!hasFailed(record) && this.#parts.random() >= options.sample) return;
    const line = this.#lineOf(listener, record, options);
    this.#gathered ??= Buffer.allocUnsafe(GATHER_BYTES + LONGEST_LINE);
    this.#length += this.#gathered.write(line, this.#length);
    this.#lines += 1;
    if (this.#length >= GATHER_BYTES) this.flush();
    else this.#cancel ??= this.#parts.clock.sleep(GATHER_MS, () => this.flush());
  }

  /** Hands over what was gathered: for the end of the process too. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    if (this.#gathered === null) return;
    const lines = this.#gathered.subarray(0, this.#length);
    if (this.#parts.sink.offer(lines)) this.written += this.#lines;
    else this.dropped += this.#lines;
    this.#gathered = null;
    this.#length = 0;
    this.#lines = 0;
  }

  #lineOf(listener: string, record: AccessRecord, { path }: AccessOptions): string {
    const { request, durationMs, endpoint, upstream } = record;
    const endMs = this.#parts.clock.wallSeconds() * 1000;
    const target = path === 'with-query' ? bounded(request.target) : pathOf(request.target);
    const requestId = requestIdOf(request.fields.find('x-request-id'));
    const traceParent = traceParentOf(request.fields.find('traceparent'));
    // What came from outside or from a file is quoted by JSON.stringify; all else is plain by its making.
    return `{"level":"info","time":"${this.#iso(endMs)}","event":"access","start_time":"${this.#iso(endMs - durationMs)}","method":${JSON.stringify(methodOf(request.method))}${
      path === 'off' ? '' : `,"path":${JSON.stringify(target)}`
    },"protocol":"HTTP/1.${request.version === 10 ? 0 : 1}","status":${record.status},"response_flags":[${flagsOf(record)}],"duration_ms":${Math.round(durationMs * 100) / 100},"request_bytes":${record.requestBytes},"response_bytes":${record.responseBytes},"listener":${JSON.stringify(listener)}${
      upstream === null ? '' : `,"upstream":${JSON.stringify(upstream)}`
    }${endpoint === null ? '' : `,"endpoint":${JSON.stringify(endpoint)}`},"attempts":${record.attempts},"reused":${record.isReused}${
      record.name === '' ? '' : `,"exchange":${JSON.stringify(record.name)}`
    }${requestId === undefined ? '' : `,"request_id":${JSON.stringify(requestId)}`}${traceParent === undefined ? '' : `,"traceparent":"${traceParent}"`}}\n`;
  }

  /** ISO 8601. Most lines of a second share all but the milliseconds. */
  #iso(wallMs: number): string {
    const ms = Math.floor(wallMs);
    const second = Math.floor(ms / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondText = new Date(second * 1000).toISOString().slice(0, 20);
    }
    const rest = ms - second * 1000;
    return `${this.#secondText}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
  }
}

/** What is always told: what failed, here or at the upstream. */
function hasFailed({ fault, status }: AccessRecord): boolean {
  return fault !== null || status >= 500;
}

/** In words, as JSON strings: the fault's kind, how far its request had come, and what else was out of the ordinary. */
function flagsOf(record: AccessRecord): string {
  const { fault } = record;
  let flags = '';
  const add = (flag: string) => {
    flags += `${flags === '' ? '' : ','}"${flag}"`;
  };
  if (fault !== null) {
    add(fault.kind);
    if (fault.side !== 'client') add(detailsOf(fault));
  }
  if (record.isOwnAnswer) add('answered-by-sidepool');
  if (record.wasCutOff) add('cut-off');
  if (record.retries > 0) add('retried');
  if (record.wasStale) add('stale-connection');
  if (record.isTunnel) add('tunnel');
  return flags;
}

function bounded(target: string): string {
  return target.length > 2048 ? `${target.slice(0, 2048)}...` : target;
}
