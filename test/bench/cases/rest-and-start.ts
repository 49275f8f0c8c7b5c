/** What a proxy does when there is nothing to do, and how long it takes until it can do something. */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { atRest } from '../at-rest.ts';
import { keepAliveLoad } from '../load.ts';
import type { Peer, Running, Target } from '../peers/peer.ts';
import { withScene } from '../scene.ts';
import { type Case, type CaseContext, rotated } from './case.ts';
import { FigureTable, unlessItFails } from './figure-case.ts';

const restSeconds = 5;

export const restCase: Case = {
  name: 'rest',
  title: 'At rest',
  about: `After a load that has ended, with kept connections to the origin: processor time and wakeups of all its threads. All proxies rest at the same time, ${restSeconds} s a round.`,
  base: 'nginx',
  programs: ['wrk'],
  without: ['direct'],
  expectedSeconds: (peers, rounds) => peers * 2 + rounds * (restSeconds + 2),
  run: (context) =>
    withScene({ tls: false }, async (target) => {
      const table = new FigureTable([
        { name: 'processor', title: 'processor time', unit: 'ms a second', digits: 2 },
        { name: 'wakeups', title: 'wakeups', unit: 'a second', digits: 1 },
      ]);
      const resting = await loadedOnce(target, context);
      try {
        for (let round = 0; round < context.rounds; round++) {
          context.progress.step(`rest: round ${round + 1} of ${context.rounds}`, restSeconds + 2);
          await Promise.all(
            resting.map(async ({ peer, proxy: { pid = 0 } }) => {
              const figures = await atRest(pid, restSeconds);
              table.add(peer, {
                processor: figures.processorMsPerSecond,
                wakeups: figures.wakeupsPerSecond,
              });
            }),
          );
        }
        return table.measured();
      } finally {
        await Promise.all(resting.map(({ proxy }) => proxy.stop()));
      }
    }),
};

async function loadedOnce(target: Target, context: CaseContext) {
  const resting: { peer: Peer; proxy: Running }[] = [];
  for (const peer of context.peers) {
    context.progress.step(`rest: load ${peer.title}`, 2);
    await unlessItFails(peer, context, async () => {
      const proxy = await peer.start(target);
      resting.push({ peer, proxy });
      await keepAliveLoad(1).run(proxy.urls);
    });
  }
  return resting;
}

export const startCase: Case = {
  name: 'start',
  title: 'From start to ready',
  about:
    'From the start of the program to the first response of the origin through it, over TLS to the origin. Sidepool is ready once its warm floor has its first connection.',
  base: 'nginx',
  programs: [],
  without: ['direct'],
  expectedSeconds: (peers, rounds) => peers * rounds,
  run: (context) =>
    withScene({ tls: true }, async (target) => {
      const table = new FigureTable([
        { name: 'first-response', title: 'start to the first response', unit: 'ms', digits: 0 },
      ]);
      let left = context.peers;
      for (let round = 0; round < context.rounds; round++) {
        for (const peer of rotated(left, round)) {
          context.progress.step(`start: round ${round + 1} of ${context.rounds}: ${peer.title}`, 1);
          const measured = await unlessItFails(peer, context, async () => {
            table.add(peer, { 'first-response': await firstResponseMs(peer, target) });
          });
          if (!measured) left = left.filter((each) => each !== peer);
        }
      }
      return table.measured();
    }),
};

async function firstResponseMs(peer: Peer, target: Target): Promise<number> {
  const begin = performance.now();
  // That it is ready is found out here, by asking every 2 ms.
  const proxy = await peer.start({ ...target, readiness: 'none' });
  try {
    while (!(await answers(`${proxy.urls[0]}/small`))) {
      if (performance.now() - begin > 15_000) throw new Error('no response in 15 s');
      await sleep(2);
    }
    return performance.now() - begin;
  } finally {
    await proxy.stop();
  }
}

function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(url, { agent: false });
    asked.on('response', (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', () => resolve(false));
    });
    asked.on('error', () => resolve(false));
    asked.end();
  });
}
