/** A telemetry under a clock that stands still until told, with its log in an array. */
import type { Clock } from '../../../src/base/clock.ts';
import { FieldTable } from '../../../src/message/fields.ts';
import { RequestHead } from '../../../src/message/head.ts';
import type { HealthSnapshot } from '../../../src/resilience/endpoint-health.ts';
import { createLog, type Log } from '../../../src/telemetry/log.ts';
import { Telemetry } from '../../../src/telemetry/telemetry.ts';
import type {
  ConnectionSnapshot,
  EndpointSnapshot,
  UpstreamSnapshot,
} from '../../../src/upstream/observer.ts';

export class StillClock implements Clock {
  ms = 1000;
  wall = 1_700_000_000;
  #sleepers: { atMs: number; wake: () => void }[] = [];

  now(): number {
    return this.ms;
  }

  wallSeconds(): number {
    return this.wall;
  }

  sleep(delayMs: number, wake: () => void): () => void {
    const sleeper = { atMs: this.ms + delayMs, wake };
    this.#sleepers.push(sleeper);
    return () => {
      this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
    };
  }

  afterTurn(): void {
    throw new Error('telemetry has no business with turns');
  }

  get sleeping(): number {
    return this.#sleepers.length;
  }

  pass(ms: number): void {
    this.ms += ms;
    this.wall += ms / 1000;
    const due = this.#sleepers.filter((one) => one.atMs <= this.ms);
    this.#sleepers = this.#sleepers.filter((one) => one.atMs > this.ms);
    for (const { wake } of due) wake();
  }
}

type Line = Readonly<Record<string, unknown>>;

export interface Scene {
  readonly clock: StillClock;
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** The log as text, and parsed. */
  text(): string;
  lines(): Line[];
}

export function scene(): Scene {
  let text = '';
  const clock = new StillClock();
  const log = createLog({
    level: 'info',
    destination: {
      write(line: string) {
        text += line;
      },
    },
  });
  const telemetry = new Telemetry({ clock, version: '1.2.3', log });
  return {
    clock,
    log,
    telemetry,
    text: () => text,
    lines: () =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
  };
}

export function snapshot(
  name: string,
  rest: Partial<Omit<UpstreamSnapshot, 'name'>> = {},
): UpstreamSnapshot {
  return {
    name,
    endpoints: [],
    active: 0,
    waiting: 0,
    warmWanted: 0,
    isDown: false,
    lastDialFault: null,
    maxConnections: 32,
    pipelining: null,
    isPanic: false,
    breaker: null,
    ...rest,
  };
}

export function endpoint(
  address: string,
  rest: Partial<Omit<EndpointSnapshot, 'address'>> = {},
): EndpointSnapshot {
  return {
    address,
    isDraining: false,
    connecting: 0,
    connections: [],
    idleLimitMs: 60_000,
    learnedIdleLimitMs: null,
    health: null,
    ...rest,
  };
}

export function healthOf(
  state: HealthSnapshot['state'],
  reason: HealthSnapshot['reason'] = null,
): HealthSnapshot {
  const endsInMs = state === 'ejected' ? 9_000 : null;
  const consecutiveFailures = state === 'healthy' ? 0 : 5;
  return {
    state,
    reason,
    forMs: 1_000,
    endsInMs,
    consecutiveFailures,
    requests: 4,
    successRate: 0.25,
  };
}

export function connections(
  counts: Partial<Record<ConnectionSnapshot['state'], number>>,
): ConnectionSnapshot[] {
  const made: ConnectionSnapshot[] = [];
  for (const state of ['active', 'idle', 'draining'] as const) {
    for (let i = 0; i < (counts[state] ?? 0); i += 1) {
      const idleMs = state === 'idle' ? 3000 + i : null;
      made.push({ id: made.length + 1, state, ageMs: 40_000, idleMs, requests: 12 + i });
    }
  }
  return made;
}

export function request(
  method: string,
  target: string,
  fields: readonly (readonly [string, string])[] = [],
): RequestHead {
  const head = new RequestHead();
  head.method = method;
  head.target = target;
  const table = FieldTable.of(fields);
  head.fields.text = table.text;
  for (let index = 0; index < table.count; index += 1) {
    const start = table.lineStart(index);
    const nameEnd = start + table.name(index).length;
    const valueStart = nameEnd + 2;
    const valueEnd = valueStart + table.value(index).length;
    head.fields.add(table.id(index), start, nameEnd, valueStart, valueEnd, valueEnd + 2);
  }
  return head;
}

/** The value of one series, written as on the page without braces' order mattering; undefined if it is not there. */
export function seriesOf(
  page: string,
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const wanted = Object.entries(labels)
    .map(([key, value]) => `${key}="${value}"`)
    .sort()
    .join(',');
  for (const line of page.split('\n')) {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null || match[1] !== name) continue;
    if ((match[2] ?? '').split(',').sort().join(',') === wanted) return Number(match[3]);
  }
  return undefined;
}
