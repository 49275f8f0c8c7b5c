/** One abuse of one proxy: calm, during, after, and how long until all is as before. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../support/free-port.ts';
import { type Metrics, sumOf } from '../support/metrics.ts';
import { RunningProcess, startProcess } from '../support/process.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import type { AbuseReport } from './abuser.ts';
import type { CalmAnswer } from './calm.ts';
import type { CaseScene, OverloadCase } from './case.ts';
import { descriptorsOf, type Latency, latencyOf, type Usage, Watch } from './figures.ts';
import { type Subject, type SubjectName, startSubject, type Way } from './subject.ts';

export interface Phases {
  readonly calm: Latency;
  readonly during: Latency;
  readonly after: Latency;
}

export interface Measured {
  readonly name: string;
  readonly subject: SubjectName;
  readonly ways: Readonly<Partial<Record<Way, Phases>>>;
  readonly before: Usage;
  readonly during: Usage;
  /** Until connections, descriptors and latencies are as before; null: not within the time it was given. */
  readonly recoveredSeconds: number | null;
  readonly abusers: readonly AbuseReport[];
  /** What Sidepool counted meanwhile: faults, refused clients. */
  readonly counted: Readonly<Record<string, number>>;
  readonly notes: readonly string[];
  readonly endedEarly: boolean;
  readonly exitCode: number | null;
}

const warmSeconds = 3;
const calmSeconds = 6;
const afterSeconds = 4;
const recoverWithinSeconds = 45;
const perSecond = 50;
/** Connections to upstreams that a peak leaves idle for a minute, up to 32 each, and the admin's own: no leak. */
const spareDescriptors = 80;

export async function measure(
  each: OverloadCase,
  name: SubjectName,
  goodPort: number,
): Promise<Measured> {
  const dir = makeTempDir('overload');
  const scene: CaseScene = { dir, name: each.name };
  const running: RunningProcess[] = [];
  let subject: Subject | undefined;
  try {
    const badPort = await freePort();
    if (each.harm !== 'dead') running.push(await startBad(each.harm ?? 'silent', badPort));
    const plan = each.plan?.(scene) ?? {};
    subject = await startSubject(name, { dir, goodPort, badPort, ...plan });
    return await phases(each, name, subject, scene, running);
  } finally {
    for (const each of running) await each.stop(2_000);
    await subject?.stop();
    each.after?.(scene);
    dir.remove();
  }
}

async function phases(
  each: OverloadCase,
  name: SubjectName,
  subject: Subject,
  scene: CaseScene,
  running: RunningProcess[],
): Promise<Measured> {
  const ways: readonly Way[] = each.calm ?? ['among', 'beside'];
  const calm = startChild('calm.ts', {
    targets: ways.map((way) => ({ name: way, port: subject.ports[way] })),
    perSecond,
    path: '/ok',
  });
  running.push(calm);
  await sleep(warmSeconds * 1_000);
  const descriptorsBefore = descriptorsOf(subject.pid);
  const metricsBefore = await subject.metrics();
  const calmFromMs = wallMs();
  let watch = new Watch(subject.pid);
  await sleep(calmSeconds * 1_000);
  const before = watch.stop();

  const duringFromMs = wallMs();
  watch = new Watch(subject.pid);
  const abusers = each.abusers.map(({ way, ...plan }) =>
    startChild('abuser.ts', { ...plan, port: subject.ports[way] }),
  );
  running.push(...abusers);
  const meanwhile = each.meanwhile?.(subject, scene) ?? Promise.resolve([]);
  const [notes] = await Promise.all([meanwhile, sleep(each.seconds * 1_000)]);
  watch.endOfWork();
  const metricsAfter = await subject.metrics().catch(() => null);
  const overMs = wallMs();
  const reports = await Promise.all(abusers.map((abuser) => endChild<AbuseReport>(abuser)));
  // Ten thousand connections are not closed in a moment.
  const afterFromMs = wallMs();
  const settledMs = await settled(subject, descriptorsBefore);
  const during = watch.stop();
  await sleep(afterSeconds * 1_000);
  const answers = await endChild<CalmAnswer[]>(calm);
  const endedEarly = subject.process.exit !== undefined;

  const between = (way: Way, fromMs: number, toMs: number): CalmAnswer[] =>
    answers.filter(({ target, dueMs }) => target === way && dueMs >= fromMs && dueMs < toMs);
  const lastMs = wallMs();
  const tailFromMs = lastMs - afterSeconds * 1_000;
  const told: Partial<Record<Way, Phases>> = {};
  let calmAgainMs: number | null = afterFromMs;
  for (const way of ways) {
    const calmLatency = latencyOf(between(way, calmFromMs, duringFromMs));
    told[way] = {
      calm: calmLatency,
      during: latencyOf(between(way, duringFromMs, overMs)),
      after: latencyOf(between(way, tailFromMs, lastMs)),
    };
    const again = calmFrom(between(way, afterFromMs, lastMs), calmLatency, afterFromMs);
    calmAgainMs = calmAgainMs === null || again === null ? null : Math.max(calmAgainMs, again);
  }
  const missing = [
    ...(settledMs === null
      ? [`descriptors ${descriptorsBefore} before and ${descriptorsOf(subject.pid)} at the end`]
      : []),
    ...(calmAgainMs === null ? ['no second of calm answers as before'] : []),
  ];
  const isRecovered = settledMs !== null && calmAgainMs !== null && !endedEarly;
  return {
    name: each.name,
    subject: name,
    ways: told,
    before,
    during,
    recoveredSeconds: isRecovered
      ? Math.max(0, Math.max(settledMs, calmAgainMs ?? 0) - afterFromMs) / 1_000
      : null,
    abusers: reports,
    counted: countedOf(metricsBefore, metricsAfter),
    notes: [...notes, ...missing.map((each) => `not recovered: ${each}`)],
    endedEarly,
    exitCode: (await subject.stop()) ?? null,
  };
}

/** The beginning of the first second whose answers are all good, and nine of ten of them about as quick as before. */
function calmFrom(answers: readonly CalmAnswer[], calm: Latency, fromMs: number): number | null {
  // What a busy machine does to a few must not look like an abuse that goes on.
  const limitMs = Math.max(2 * calm.p99Ms, 20);
  const lastMs = Math.max(...answers.map(({ dueMs }) => dueMs), fromMs);
  for (let atMs = fromMs; atMs + 1_000 <= lastMs; atMs += 100) {
    const window = answers.filter(({ dueMs }) => dueMs >= atMs && dueMs < atMs + 1_000);
    const slow = window.filter(({ tookMs }) => tookMs > limitMs).length;
    const isGood = window.every(({ failure }) => failure === '') && slow <= window.length / 10;
    if (isGood && window.length > 0) return atMs;
  }
  return null;
}

/** When nobody of the crowd is connected any more, and descriptors are as before. */
async function settled(subject: Subject, descriptorsBefore: number): Promise<number | null> {
  const untilMs = wallMs() + recoverWithinSeconds * 1_000;
  while (wallMs() < untilMs) {
    if (subject.process.exit !== undefined) return null;
    const metrics = await subject.metrics().catch(() => undefined);
    const clients = metrics ? sumOf(metrics, 'sidepool_client_connections') : 0;
    const waiting = metrics ? sumOf(metrics, 'sidepool_upstream_waiting') : 0;
    const isSettled =
      metrics !== undefined &&
      clients < 40 &&
      waiting === 0 &&
      descriptorsOf(subject.pid) <= descriptorsBefore + spareDescriptors;
    if (isSettled) return wallMs();
    await sleep(100);
  }
  return null;
}

function countedOf(before: Metrics | null, after: Metrics | null): Record<string, number> {
  const counted: Record<string, number> = {};
  for (const [key, value] of after ?? []) {
    const grown = value - (before?.get(key) ?? 0);
    if (grown > 0 && /^sidepool_(faults|client_refused|client_evicted|log_lines)/.test(key))
      counted[key.replace(/^sidepool_/, '')] = grown;
  }
  return counted;
}

function startBad(harm: string, port: number): Promise<RunningProcess> {
  return startProcess({
    command: process.execPath,
    args: [join(import.meta.dirname, 'bad-origin.ts'), JSON.stringify({ harm, port })],
    ready: { kind: 'port', port },
  });
}

function startChild(file: string, plan: object): RunningProcess {
  return new RunningProcess({
    command: process.execPath,
    args: [join(import.meta.dirname, file), JSON.stringify(plan)],
  });
}

/** Lets it finish, and reads what it says at its end. */
async function endChild<T>(child: RunningProcess): Promise<T> {
  await child.stop(30_000);
  const line = child.stdout().trim().split('\n').at(-1) ?? '';
  if (line === '') throw new Error(`nothing was told: ${child.output().slice(-2_000)}`);
  return JSON.parse(line) as T;
}

function wallMs(): number {
  return performance.timeOrigin + performance.now();
}
