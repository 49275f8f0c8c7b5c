/**
 * The first request: after a start, after a silence, after the origin was restarted, after its name moved.
 *
 * The trials of a part lie side by side: a listener and a pool of its own for each, in one proxy, so that ninety seconds of
 * silence are waited out once. That each trial has really a pool of its own is checked: the origin tells its
 * connections apart.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Transfer, transfers } from './client.ts';
import { farAddresses } from './link.ts';
import type { FirstPartName } from './options.ts';
import { type PeerName, type RunningPeer, startPeer } from './peers.ts';
import { poolsAtMost, type Site, ttlSeconds } from './site.ts';

export interface FirstFigures {
  readonly peer: PeerName;
  /** Of those that were answered, in the order in which they were made. */
  readonly answeredUs: readonly number[];
  /** Why the others were not, one each. */
  readonly failures: readonly string[];
}

const trials = poolsAtMost;
const silenceMs = 90_000;
const downMs = 500;
const afterRestartMs = 2_000;
const restarts = 4;
const afterTtlMs = 2_000;
/** A first request that takes longer has failed. */
const patienceSeconds = 3;

type Trials = Map<PeerName, Transfer[]>;

export async function measureFirst(
  part: FirstPartName,
  site: Site,
  peers: readonly PeerName[],
): Promise<FirstFigures[]> {
  const done: Trials = new Map(peers.map((name) => [name, []]));
  if (part === 'start') await afterStart(site, done);
  else await withPools(site, peers, (running) => sideBySide[part](site, running, done));
  return [...done].map(([peer, own]) => {
    const answered = own.filter(({ status }) => status === 200);
    const failed = own.filter(({ status }) => status !== 200);
    return {
      peer,
      answeredUs: answered.map(({ totalUs }) => totalUs),
      failures: failed.map(({ status, error }) => (status === 0 ? error : `status ${status}`)),
    };
  });
}

const sideBySide = { silence: afterSilence, restart: afterRestart, move: afterMove };

async function withPools(
  site: Site,
  peers: readonly PeerName[],
  measure: (running: readonly RunningPeer[]) => Promise<void>,
): Promise<void> {
  const running: RunningPeer[] = [];
  try {
    for (const name of peers) {
      running.push(await startPeer(name, { ...site, scheme: 'https', poolCount: trials }));
    }
    await measure(running);
  } finally {
    await Promise.all(running.map((peer) => peer.process.stop(100)));
  }
}

async function ask(site: Site, { pools }: RunningPeer, nth: number): Promise<Transfer> {
  const pool = pools[nth];
  const [transfer] = await transfers({
    url: `http://127.0.0.1:${pool?.port}/`,
    count: 1,
    caPath: site.caPath,
    timeoutSeconds: patienceSeconds,
  });
  if (transfer === undefined || pool === undefined) throw new Error(`no pool ${nth}`);
  if (transfer.status === 200 && transfer.originHost !== pool.host)
    throw new Error(`${pool.host} was asked, and ${transfer.originHost} answered`);
  return transfer;
}

/** A request that must succeed, so that the trial begins with a pool in use. */
async function use(site: Site, peer: RunningPeer, nth: number): Promise<Transfer> {
  const transfer = await ask(site, peer, nth);
  if (transfer.status !== 200)
    throw new Error(`${peer.name}: ${transfer.status} ${transfer.error} ${peer.process.output()}`);
  return transfer;
}

async function afterStart(site: Site, done: Trials): Promise<void> {
  for (let trial = 0; trial < trials; trial++) {
    site.say(`start ${trial + 1} of ${trials}`);
    for (const [name, own] of done) {
      const peer = await startPeer(name, { ...site, scheme: 'https', poolCount: 1 });
      try {
        own.push(await ask(site, peer, 0));
      } finally {
        await peer.process.stop(100);
      }
    }
  }
}

async function afterSilence(
  site: Site,
  peers: readonly RunningPeer[],
  done: Trials,
): Promise<void> {
  const used: Trials = new Map(peers.map(({ name }) => [name, []]));
  const beganMs = performance.now();
  site.say(`silence: ${trials} pools each are used, then not for ${silenceMs / 1_000} s`);
  for (let nth = 0; nth < trials; nth++) {
    await sleep(Math.max(0, beganMs + nth * 1_000 - performance.now()));
    for (const peer of peers) used.get(peer.name)?.push(await use(site, peer, nth));
  }
  for (const [name, own] of used) mustBeApart(name, own);
  for (let nth = 0; nth < trials; nth++) {
    await sleep(Math.max(0, beganMs + silenceMs + nth * 1_000 - performance.now()));
    for (const peer of inTurn(peers, nth)) done.get(peer.name)?.push(await ask(site, peer, nth));
  }
  for (const [name, own] of done) mustBeApart(name, own);
}

/** Several restarts with some pools each, so that each pool is asked soon after. */
async function afterRestart(
  site: Site,
  peers: readonly RunningPeer[],
  done: Trials,
): Promise<void> {
  const share = trials / restarts;
  for (let restart = 0; restart < restarts; restart++) {
    site.say(`restart ${restart + 1} of ${restarts}`);
    const pools = Array.from({ length: share }, (_, nth) => restart * share + nth);
    for (const peer of peers) {
      const used = [];
      for (const nth of pools) used.push(await use(site, peer, nth));
      mustBeApart(peer.name, used);
    }
    await site.origin.stop();
    await sleep(downMs);
    await site.origin.startAgain();
    await sleep(afterRestartMs);
    for (const nth of pools)
      for (const peer of inTurn(peers, nth)) done.get(peer.name)?.push(await ask(site, peer, nth));
  }
}

/** The old address is gone without a word, as a machine is that was taken away. */
async function afterMove(site: Site, peers: readonly RunningPeer[], done: Trials): Promise<void> {
  const [before, after] = farAddresses;
  for (const peer of peers) {
    const used = [];
    for (let nth = 0; nth < trials; nth++) used.push(await use(site, peer, nth));
    mustBeApart(peer.name, used);
  }
  site.say('move: the names get another address');
  site.moveNames(after);
  await site.link.setFarAddress(before, 'gone');
  try {
    await sleep(ttlSeconds * 1_000 + afterTtlMs);
    const slow = new Map<RunningPeer, number[]>();
    for (let nth = 0; nth < trials; nth++) {
      for (const peer of inTurn(peers, nth)) {
        const late = slow.get(peer);
        if (late !== undefined) late.push(nth);
        else if (!(await asked(site, peer, nth, done))) slow.set(peer, []);
      }
    }
    // One that waits for the old address must not hold up the others, nor disturb them.
    await Promise.all(
      [...slow].map(async ([peer, late]) => {
        for (const nth of late) await asked(site, peer, nth, done);
      }),
    );
  } finally {
    await site.link.setFarAddress(before, 'present');
    site.moveNames(before);
  }
}

/** Whether it was answered. */
async function asked(site: Site, peer: RunningPeer, nth: number, done: Trials): Promise<boolean> {
  const transfer = await ask(site, peer, nth);
  done.get(peer.name)?.push(transfer);
  return transfer.status === 200;
}

/** Each trial its own connection: a pool that two of them shared would be warm for the second. */
function mustBeApart(name: PeerName, own: readonly Transfer[]): void {
  const answered = own.filter(({ status }) => status === 200);
  const connections = new Set(answered.map(({ originConnection }) => originConnection));
  if (connections.size !== answered.length) throw new Error(`${name}: pools share connections`);
}

/** Another one begins each time. */
function inTurn<T>(all: readonly T[], nth: number): T[] {
  const first = nth % all.length;
  return [...all.slice(first), ...all.slice(0, first)];
}
