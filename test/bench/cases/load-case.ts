/** Cases that are loads: every peer takes every load once a round, and gives processor time, latency and errors. */
import type { Load } from '../load.ts';
import { measure } from '../load.ts';
import type { Peer, Running, Target } from '../peers/peer.ts';
import type { LoadResult, LoadRound } from '../result.ts';
import { type SceneOptions, withScene } from '../scene.ts';
import { type Case, type CaseContext, rotated } from './case.ts';

export interface LoadCaseOptions
  extends Pick<Case, 'name' | 'title' | 'about' | 'base' | 'without'> {
  readonly scene: SceneOptions;
  readonly programs: readonly string[];
  /** Of the loads together, for the estimate. */
  readonly seconds: number;
  /** Taken once by each peer before the first round, where the loads themselves are too thin to warm it up. */
  readonly warmUp?: Load;
  readonly loads: (target: Target) => readonly (Load & { readonly relativeTo?: string })[];
}

/** A start, and what a load program needs around its load. */
const overheadSeconds = 0.5;

export function loadCase(options: LoadCaseOptions): Case {
  const { scene, loads, seconds, warmUp, ...told } = options;
  return {
    ...told,
    // One round more than is counted: the first warms up.
    expectedSeconds: (peers, rounds) =>
      peers * ((rounds + 1) * (seconds + overheadSeconds) + (warmUp?.seconds ?? 0)),
    run: (context) =>
      withScene(scene, async (target) => {
        const run = { name: told.name, loads: loads(target), warmUp };
        const results = await runLoads(run, target, context);
        return { loads: results, figures: [] };
      }),
  };
}

interface Entrant {
  readonly peer: Peer;
  readonly proxy: Running;
  readonly rounds: Map<string, LoadRound[]>;
}

interface LoadRun {
  readonly name: string;
  readonly loads: ReturnType<LoadCaseOptions['loads']>;
  readonly warmUp: Load | undefined;
}

async function runLoads(
  { name, loads, warmUp }: LoadRun,
  target: Target,
  context: CaseContext,
): Promise<LoadResult[]> {
  let entrants = await startAll(target, context);
  const all = [...entrants];
  try {
    for (const { peer, proxy } of entrants) {
      if (warmUp === undefined || proxy.pid === undefined) continue;
      context.progress.step(`${name}: ${warmUp.name}: warm-up: ${peer.title}`, warmUp.seconds);
      await warmUp.run(proxy.urls);
    }
    for (let round = 0; round <= context.rounds; round++) {
      for (const load of loads) {
        for (const entrant of rotated(entrants, round)) {
          const which = round === 0 ? 'warm-up' : `round ${round} of ${context.rounds}`;
          context.progress.step(
            `${name}: ${load.name}: ${which}: ${entrant.peer.title}`,
            load.seconds + overheadSeconds,
          );
          try {
            const figures = await oneRound(load, entrant.proxy, target);
            if (round > 0)
              entrant.rounds.set(load.name, [...(entrant.rounds.get(load.name) ?? []), figures]);
          } catch (cause) {
            context.leaveOut(entrant.peer, cause);
            entrants = entrants.filter((each) => each !== entrant);
          }
        }
      }
    }
  } finally {
    await Promise.all(all.map(({ proxy }) => proxy.stop()));
  }
  return loads.map(({ name: loadName, title, seconds, relativeTo }) => ({
    name: loadName,
    title,
    seconds,
    ...(relativeTo && { relativeTo }),
    rounds: Object.fromEntries(
      entrants.map(({ peer, rounds }) => [peer.name, rounds.get(loadName) ?? []]),
    ),
  }));
}

async function startAll(target: Target, context: CaseContext): Promise<Entrant[]> {
  const entrants: Entrant[] = [];
  for (const peer of context.peers) {
    try {
      entrants.push({ peer, proxy: await peer.start(target), rounds: new Map() });
    } catch (cause) {
      context.leaveOut(peer, cause);
    }
  }
  return entrants;
}

async function oneRound(load: Load, proxy: Running, target: Target): Promise<LoadRound> {
  const before = await accepted(target);
  const figures = await measure(load, proxy);
  return { ...figures, originConnections: (await accepted(target)) - before };
}

async function accepted({ origins }: Target): Promise<number> {
  const counts = await Promise.all(origins.map((origin) => origin.accepted()));
  return counts.reduce((sum, count) => sum + count, 0);
}
