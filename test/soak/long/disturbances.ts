/** What happens to the gateway during a long run, on a schedule, and which failures each may cause. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure, Kind } from './clients.ts';
import type { SoakScene, upstreamNames } from './scene.ts';

type UpstreamName = (typeof upstreamNames)[number];

interface Disturbance {
  readonly name: string;
  readonly everySeconds: number;
  /** Upstreams whose exchanges under way it may break. */
  readonly hits: readonly UpstreamName[];
  readonly run: (scene: SoakScene, nth: number) => Promise<void>;
}

export interface Happening {
  readonly name: string;
  readonly hits: readonly UpstreamName[];
  readonly fromMs: number;
  readonly toMs: number;
}

const plain: readonly UpstreamName[] = ['api', 'pages'];

function schedule(hostsPath: string | null): Disturbance[] {
  return [
    {
      name: 'connections reset',
      everySeconds: 60,
      hits: plain,
      run: async (scene) => scene.reset(scene.at),
    },
    {
      name: 'TLS connections reset',
      everySeconds: 97,
      hits: ['secure'],
      run: async (scene) => scene.reset('secure'),
    },
    {
      name: 'origin restarted',
      everySeconds: 151,
      hits: plain,
      run: async (scene, nth) => {
        const { at } = scene;
        await scene.kill(at, nth % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
        await sleep(500);
        await scene.raise(at);
      },
    },
    {
      name: 'TLS origin restarted',
      everySeconds: 223,
      hits: ['secure'],
      run: async (scene, nth) => {
        await scene.kill('secure', nth % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
        await sleep(300);
        await scene.raise('secure');
      },
    },
    ...(hostsPath === null ? [] : [moves(hostsPath)]),
    {
      name: 'configuration reloaded',
      everySeconds: 45,
      hits: [],
      run: async (scene, nth) =>
        scene.reload({
          team: `team-${nth}`,
          // Now and then a change that makes a new upstream of it.
          apiConnections: 16 + (Math.floor(nth / 3) % 4),
          hasExtraListener: nth % 2 === 0,
        }),
    },
    {
      name: 'configuration refused',
      everySeconds: 301,
      hits: [],
      run: async (scene) => {
        scene.reloadWrongly();
        await sleep(1_500);
        scene.reload(scene.variant);
      },
    },
    {
      name: 'certificate renewed',
      everySeconds: 80,
      hits: [],
      run: (scene) => scene.renewCertificate(),
    },
    {
      name: 'admin looked at',
      everySeconds: 15,
      hits: [],
      run: async ({ gateway }) => {
        for (const path of ['/', '/pools', '/config', '/faults', '/readyz', '/nothing'])
          await (await fetch(`${gateway.adminUrl}${path}`)).arrayBuffer();
      },
    },
  ];
}

/** Every second time the old address is gone without a word. */
function moves(hostsPath: string): Disturbance {
  return {
    name: 'name moved',
    everySeconds: 187,
    hits: plain,
    run: async (scene, nth) => {
      const from = await scene.move(hostsPath);
      if (nth % 2 === 0) await sleep(20_000);
      await scene.kill(from, 'SIGKILL');
    },
  };
}

/** One at a time, so that an origin that is down is never the only one that a name has. */
export class Disturber {
  readonly happenings: Happening[] = [];
  readonly #scene: SoakScene;
  readonly #due: { each: Disturbance; atMs: number; nth: number }[];
  readonly #running: Promise<void>;
  #isStopping = false;

  constructor(scene: SoakScene, hostsPath: string | null) {
    this.#scene = scene;
    const nowMs = performance.now();
    this.#due = schedule(hostsPath).map((each, place) => ({
      each,
      atMs: nowMs + 10_000 + place * 2_000,
      nth: 0,
    }));
    this.#running = this.#run();
  }

  stop(): Promise<void> {
    this.#isStopping = true;
    return this.#running;
  }

  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { name } of this.happenings) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      await sleep(250);
      for (const one of this.#due) {
        if (performance.now() < one.atMs || this.#isStopping) continue;
        const fromMs = performance.now();
        one.atMs = fromMs + one.each.everySeconds * 1_000;
        await one.each.run(this.#scene, one.nth);
        one.nth += 1;
        const { name, hits } = one.each;
        this.happenings.push({ name, hits, fromMs, toMs: performance.now() });
        // What it breaks is over before the next one.
        if (hits.length > 0) await sleep(2_000);
      }
    }
  }
}

/** What was under way and cannot be made again, or only its caller may do so. */
export const breakable: readonly Kind[] = ['upload', 'drip', 'download', 'tunnel'];
/** A second below `timeouts.wait`: an origin that was away for so long is not waited out by everybody. */
const longAwayMs = 2_000;
/** From its cause until a client notices, on a machine that others use too. */
const noticeMs = 3_000;

/** Failures that nothing excuses. */
export function unexcused(
  failures: readonly Failure[],
  happenings: readonly Happening[],
): Failure[] {
  return failures.filter((failure) => {
    const causes = happenings.filter(
      ({ hits, fromMs, toMs }) =>
        hits.includes(failure.upstream) &&
        failure.beganMs <= toMs + noticeMs &&
        failure.endedMs >= fromMs - noticeMs / 10,
    );
    if (breakable.includes(failure.kind)) return causes.length === 0 || !isTruthful(failure);
    return !causes.some((cause) => isBeyond(failure, cause));
  });
}

/**
 * Of a small GET, what is not in a gateway's power: its resend ended as well, which RFC 9110 9.2.2 forbids to send again; or
 * its origin was away for about as long as a request may wait. Each is listed on the page.
 */
function isBeyond({ what }: Failure, { fromMs, toMs }: Happening): boolean {
  if (what.startsWith('502 ')) return what.includes('sent-no-response');
  return what.startsWith('503 ') && what.includes('not-sent') && toMs - fromMs >= longAwayMs;
}

/** A break that its caller can see, and where there was room for an answer one that says what was sent. */
function isTruthful({ kind, what }: Failure): boolean {
  if (kind === 'upload' && /^50[23] /.test(what))
    return /not-sent|sent-no-response|partial-response/.test(what);
  return /^502 .*(sent-no-response|partial-response)|aborted|ECONNRESET|EPIPE|socket hang up|cut off|Unexpected server response: 502/i.test(
    what,
  );
}
