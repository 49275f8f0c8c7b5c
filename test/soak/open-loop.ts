/**
 * An open-loop load, a process of its own: so many requests a second, each on a connection of its own, whether or not
 * the earlier ones were answered.
 *
 *   node test/soak/open-loop.ts '{"port":1234,"method":"GET","perSecond":200,"forMs":10000}'
 *
 * Prints one line of JSON: a list of `OneAnswer`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type OneAnswer, oneRequest, wallMs } from './one-request.ts';

export interface OpenLoopPlan {
  readonly port: number;
  readonly method: string;
  readonly perSecond: number;
  readonly forMs: number;
}

async function main({ port, method, perSecond, forMs }: OpenLoopPlan): Promise<void> {
  const body = method === 'GET' ? '' : 'a small body';
  const pending: Promise<OneAnswer>[] = [];
  const beganMs = wallMs();
  const count = Math.round((forMs / 1000) * perSecond);
  for (let nth = 0; nth < count; nth += 1) {
    const waitMs = beganMs + (nth * 1000) / perSecond - wallMs();
    if (waitMs > 0) await sleep(waitMs);
    pending.push(oneRequest({ port, method, body, id: `${process.pid}-${method}-${nth}` }));
  }
  process.stdout.write(`${JSON.stringify(await Promise.all(pending))}\n`);
}

await main(JSON.parse(process.argv[2] ?? '{}') as OpenLoopPlan);
