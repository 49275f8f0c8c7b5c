/** One run of the keep-alive race: origin, gateway and clients, each a process of its own; and what came of it. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningGateway, startGatewayFor } from '../support/gateway.ts';
import { sumOf } from '../support/metrics.ts';
import { type RunningProcess, runToEnd, startProcess } from '../support/process.ts';
import { detailsOf, firstSpacingMs, wallMs } from './one-request.ts';
import type { RaceAnswer, RacePlan } from './race-clients.ts';
import type { OriginReport } from './race-origin.ts';

export interface RaceOptions {
  readonly method: string;
  readonly count: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** `pool.learnIdleTimeout`. */
  readonly learns: boolean;
  /** Afterwards, to the same gateway, so many more with this spacing; 0 for none. */
  readonly thenCount?: number;
  readonly thenSpacingMs?: number;
}

/** The origin of the issue: it stops reading 60 ms after its last response, and resets 6 ms later. */
export const stopReadingMs = 60;
export const resetMs = 66;
export const atATime = 3;
/** A request that is later than this was held up by the machine, and says nothing of its spacing. */
const punctualMs = 5;

export interface Phase {
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  /** Of the failed, those that were sent once a limit had been learned; all when nothing learns. */
  readonly failedOnceLearned: number;
  /** Failures by what Proxy-Status says was sent; `none` for one that does not say. */
  readonly failedByDetails: Readonly<Record<string, number>>;
  /** The spacing that the machine really gave: least, median, greatest, milliseconds. */
  readonly spacingMs: readonly [number, number, number];
  /** Over connections used before, by the gateway's own count. */
  readonly reused: number;
  /** Requests that had the spacing asked for, give or take `punctualMs`; and of these, those over connections used before. */
  readonly punctual: number;
  readonly punctualReused: number;
  readonly stale: number;
  readonly retried: number;
  /** Retries that the budget refused, of `retried`. */
  readonly budgetSpent: number;
  readonly opened: number;
  /** Failures by the spacing that they really had, in bins of 2 ms: `[from, sent, failed]`. */
  readonly bySpacing: readonly (readonly [number, number, number])[];
}

export interface RaceResult {
  readonly method: string;
  readonly learns: boolean;
  /** Requests sent before the gateway had learned a limit; null when it learned none. */
  readonly sentBeforeLearned: number | null;
  readonly idleLimitMs: number;
  readonly sweep: Phase;
  readonly steady: Phase | null;
  /** Connections opened in the two seconds after the clients had ended: what the warm floor costs at rest. */
  readonly openedAtRest: number;
  readonly origin: OriginReport;
}

interface Learned {
  /** Wall clock; infinite until it has happened. */
  atMs: number;
}

export async function race(options: RaceOptions): Promise<RaceResult> {
  const { method, learns, thenCount = 0, thenSpacingMs = 20 } = options;
  const origin = await startRaceOrigin();
  try {
    const port = Number((await origin.waitForLine(/listening (\d+)/))[1]);
    const gateway = await startGatewayFor(`http://127.0.0.1:${port}`, {
      pool: { learnIdleTimeout: learns },
    });
    try {
      const learned: Learned = { atMs: Number.POSITIVE_INFINITY };
      const { count, fromMs, toMs } = options;
      const shared = { port: gateway.port, method, atATime };
      const watching = new AbortController();
      const watch = learns ? watchLearning(gateway, learned, watching.signal) : Promise.resolve();
      const sweep = await runPhase(gateway, { ...shared, count, fromMs, toMs }, learned, learns);
      watching.abort();
      await watch;
      const idleLimitMs = 1000 * (await gateway.metric('sidepool_upstream_idle_limit_seconds'));
      const steady =
        thenCount === 0
          ? null
          : await runPhase(
              gateway,
              { ...shared, count: thenCount, fromMs: thenSpacingMs, toMs: thenSpacingMs },
              learned,
              learns,
            );
      const openedAtRest = await openedDuring(gateway, 2_000);
      await gateway.stop();
      await origin.stop();
      return {
        openedAtRest,
        method,
        learns,
        sentBeforeLearned: Number.isFinite(learned.atMs)
          ? sweep.answers.filter(({ sentAtMs }) => sentAtMs < learned.atMs).length
          : null,
        idleLimitMs,
        sweep: sweep.phase,
        steady: steady?.phase ?? null,
        origin: JSON.parse(origin.stdout().trim().split('\n').at(-1) ?? '{}') as OriginReport,
      };
    } finally {
      await gateway.stop();
    }
  } finally {
    await origin.stop();
  }
}

function startRaceOrigin(): Promise<RunningProcess> {
  return startProcess({
    command: process.execPath,
    args: [join(import.meta.dirname, 'race-origin.ts'), String(stopReadingMs), String(resetMs)],
    ready: { kind: 'line', pattern: /listening \d+/ },
  });
}

/** Notes when the idle limit in force first comes down to the origin's. */
async function watchLearning(
  gateway: RunningGateway,
  learned: Learned,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    const limitSeconds = await gateway.metric('sidepool_upstream_idle_limit_seconds');
    if (limitSeconds * 1000 < 2 * resetMs) {
      learned.atMs = wallMs();
      return;
    }
    await sleep(100);
  }
}

async function runPhase(
  gateway: RunningGateway,
  plan: RacePlan,
  learned: Learned,
  learns: boolean,
): Promise<{ phase: Phase; answers: RaceAnswer[] }> {
  const before = await counts(gateway);
  const longestMs = (plan.count / plan.atATime) * (plan.toMs + 50) + 20_000;
  const { stdout, stderr, code } = await runToEnd({
    command: process.execPath,
    args: [join(import.meta.dirname, 'race-clients.ts'), JSON.stringify(plan)],
    timeoutMs: longestMs,
  });
  if (code !== 0) throw new Error(`the clients failed: ${stderr}`);
  const after = await counts(gateway);
  const answers = JSON.parse(stdout) as RaceAnswer[];
  const failed = answers.filter(({ status }) => status !== 200);
  const failedByDetails: Record<string, number> = {};
  for (const answer of failed) {
    const details = detailsOf(answer) || 'none';
    failedByDetails[details] = (failedByDetails[details] ?? 0) + 1;
  }
  const punctual = answers.filter(({ spacingMs, askedMs }) => spacingMs < askedMs + punctualMs);
  const following = answers.filter(({ spacingMs }) => spacingMs < firstSpacingMs);
  const spacings = following.map(({ spacingMs }) => spacingMs).sort((a, b) => a - b);
  const isCounted = ({ sentAtMs }: RaceAnswer): boolean => !learns || sentAtMs >= learned.atMs;
  return {
    answers,
    phase: {
      sent: answers.length,
      ok: answers.length - failed.length,
      failed: failed.length,
      failedOnceLearned: failed.filter(isCounted).length,
      failedByDetails,
      spacingMs: [
        spacings[0] ?? Number.NaN,
        spacings[spacings.length >> 1] ?? Number.NaN,
        spacings.at(-1) ?? Number.NaN,
      ],
      reused: after.reused - before.reused,
      punctual: punctual.length,
      punctualReused: punctual.filter(({ nth }) => nth > 1).length,
      stale: after.stale - before.stale,
      retried: after.retried - before.retried,
      budgetSpent: after.budgetSpent - before.budgetSpent,
      opened: after.opened - before.opened,
      bySpacing: bySpacing(following),
    },
  };
}

interface Counts {
  readonly reused: number;
  readonly stale: number;
  readonly retried: number;
  readonly budgetSpent: number;
  readonly opened: number;
}

async function counts(gateway: RunningGateway): Promise<Counts> {
  const metrics = await gateway.metrics();
  return {
    reused: sumOf(metrics, 'sidepool_upstream_requests_reused_total'),
    stale: sumOf(metrics, 'sidepool_upstream_stale_total'),
    retried: sumOf(metrics, 'sidepool_upstream_retries_total'),
    budgetSpent: sumOf(metrics, 'sidepool_upstream_retries_total', { outcome: 'budget-spent' }),
    opened: sumOf(metrics, 'sidepool_upstream_connections_opened_total'),
  };
}

async function openedDuring(gateway: RunningGateway, forMs: number): Promise<number> {
  const before = (await counts(gateway)).opened;
  await sleep(forMs);
  return (await counts(gateway)).opened - before;
}

function bySpacing(answers: readonly RaceAnswer[]): [number, number, number][] {
  const bins = new Map<number, [number, number, number]>();
  for (const { spacingMs, status } of answers) {
    const from = 2 * Math.floor(spacingMs / 2);
    const bin = bins.get(from) ?? [from, 0, 0];
    bin[1] += 1;
    if (status !== 200) bin[2] += 1;
    bins.set(from, bin);
  }
  return [...bins.values()].sort(([a], [b]) => a - b);
}
