/**
 * The clients of the keep-alive race, a process of their own: some requests at a time, then a pause, and so on; the
 * pause sweeps from one length to another and begins again.
 *
 *   node test/soak/race-clients.ts '{"port":1234,"method":"GET","count":3000,"fromMs":56,"toMs":74,"atATime":3}'
 *
 * Prints one line of JSON: a list of `RaceAnswer`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { firstSpacingMs, type OneAnswer, oneRequest, wallMs } from './one-request.ts';

export interface RacePlan {
  readonly port: number;
  readonly method: string;
  readonly count: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly atATime: number;
}

export interface RaceAnswer extends OneAnswer {
  /** From the end of the last response to this request: as asked, and as the machine let it be. */
  readonly askedMs: number;
  readonly spacingMs: number;
}

/** Not a whole number of milliseconds, so that a sweep does not meet the same phases of anybody's timers. */
const stepMs = 0.3;

async function main(plan: RacePlan): Promise<void> {
  const { port, method, count, fromMs, toMs, atATime } = plan;
  const answers: RaceAnswer[] = [];
  const body = method === 'GET' ? '' : 'a small body';
  const run = `${process.pid}`;
  let askedMs = fromMs;
  // The first round follows nothing: it counts as late.
  let restedSinceMs = wallMs() - firstSpacingMs;
  while (answers.length < count) {
    await sleepUntil(restedSinceMs + askedMs);
    const round = Array.from({ length: atATime }, (_, nth) =>
      oneRequest({ port, method, body, id: `${run}-${method}-${answers.length + nth}` }),
    );
    const done = await Promise.all(round);
    for (const answer of done) {
      answers.push({ ...answer, askedMs, spacingMs: answer.sentAtMs - restedSinceMs });
    }
    restedSinceMs = Math.max(...done.map(({ endedAtMs }) => endedAtMs));
    askedMs += stepMs;
    if (askedMs > toMs) askedMs = fromMs;
  }
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}

/** A timer of whole milliseconds, and turns of the loop for the rest. */
async function sleepUntil(atMs: number): Promise<void> {
  const wholeMs = Math.floor(atMs - wallMs()) - 1;
  if (wholeMs > 0) await sleep(wholeMs);
  while (wallMs() < atMs) await new Promise((resolve) => setImmediate(resolve));
}

await main(JSON.parse(process.argv[2] ?? '{}') as RacePlan);
