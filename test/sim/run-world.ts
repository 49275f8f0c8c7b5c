/** One run: a schedule from its seed, step by step, and the end of it all; what must be so is looked at after each. */
import { type Random, seeded } from '../../src/base/clock.ts';
import { act } from './act.ts';
import type { OriginConnection } from './origin-connection.ts';
import { makeSchedule, type Step } from './step.ts';
import { Violation } from './violation.ts';
import { World } from './world.ts';
import { configBy, type WorldConfig } from './world-config.ts';

export type Ending = 'calm' | 'silent' | 'abrupt';

export interface RunPlan {
  readonly seed: number;
  readonly config: WorldConfig;
  readonly steps: readonly Step[];
  readonly ending: Ending;
}

export interface RunOutcome {
  /** Steps that were made, the one that failed included. */
  readonly steps: number;
  readonly failure: { readonly rule: string; readonly message: string } | null;
  readonly exchanges: number;
  readonly attempts: number;
  readonly resends: number;
  readonly pipelined: number;
  /** What has happened, and how often. */
  readonly counts: ReadonlyMap<string, number>;
}

const LONGEST = 1_500;
const SHORTEST = 40;

export function planOf(seed: number): RunPlan {
  const random = seeded(seed);
  const config = configBy(random);
  const count = SHORTEST + Math.floor(random() ** 2 * (LONGEST - SHORTEST));
  const chance = random();
  const ending = chance < 0.5 ? 'calm' : chance < 0.8 ? 'silent' : 'abrupt';
  return { seed, config, steps: makeSchedule(count, random), ending };
}

export function runPlan(plan: RunPlan, tell: ((line: string) => void) | null = null): RunOutcome {
  let steps = 0;
  let world: World | null = null;
  let failure: RunOutcome['failure'] = null;
  try {
    world = new World({ config: plan.config, seed: plan.seed, tell });
    let lookedAt = -1;
    for (const step of plan.steps) {
      steps += 1;
      act(world, step);
      // What peers do among themselves changes nothing in the gateway.
      if (world.loop.calls !== lookedAt) look(world);
      lookedAt = world.loop.calls;
    }
    finish(world, plan.ending, seeded(plan.seed ^ 0x5bd1e995));
  } catch (error) {
    failure = failureOf(world?.violation ?? error);
  }
  const ledger = world?.ledger;
  return {
    steps,
    failure,
    exchanges: world?.gateway.began ?? 0,
    attempts: ledger?.attempts ?? 0,
    resends: ledger?.resends ?? 0,
    pipelined: ledger?.pipelined ?? 0,
    counts: world?.counts ?? new Map(),
  };
}

function failureOf(error: unknown): RunOutcome['failure'] {
  if (error instanceof Violation) return { rule: error.rule, message: error.message };
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const text = stack.split('\n').slice(0, 2).join(' ').replace(/\s+/g, ' ');
  return { rule: 'uncaught', message: text };
}

function look(world: World): void {
  world.check();
  if (world.violation !== null) throw world.violation;
}

/** More than all the limits of time together that an exchange can meet. */
const LONG_MS = 90_000;
const CALM_ROUNDS = 3_000;

function finish(world: World, ending: Ending, random: Random): void {
  if (ending === 'calm') beCalm(world, random);
  else if (ending === 'silent') beSilent(world, random);
  if (ending !== 'abrupt' && random() < 0.5) retireAll(world, random);
  world.tell('the gateway stops');
  world.isStopping = true;
  world.call(() => world.gateway.stop());
  // A tunnel's peer that takes nothing has its limit of time.
  world.pass(world.config.upgrades ? 4_000 : 200, random);
  nothingIsLeft(world);
}

/** From here on everybody behaves: whoever has asked gets an answer, or sees that there is none. */
function beCalm(world: World, random: Random): void {
  world.tell('from here on everybody behaves');
  world.allHostsUp();
  for (const client of world.clients) client.isDeaf = false;
  for (const origin of world.origins) origin.isDeaf = false;
  const { gateway, clients } = world;
  for (let round = 0; round < CALM_ROUNDS; round += 1) {
    for (const dial of world.dials) world.endDial(dial);
    for (const origin of world.origins) behave(world, origin);
    for (const client of clients) {
      if (client.canSend)
        world.tell(`${client.name} sends ${client.send(Number.POSITIVE_INFINITY)}`);
      if (client.scan.tunnelSerial !== null) client.fin();
    }
    world.pass(round < 100 ? 5 : 100, random);
    look(world);
    if (gateway.under === 0 && [...clients].every(({ isDone }) => isDone)) return;
  }
  const late = [...clients].filter(({ isDone }) => !isDone).map(({ state }) => state);
  throw new Violation('never-ends', `${gateway.under} exchanges go on; ${late.join('; ')}`);
}

function behave(world: World, origin: OriginConnection): void {
  const read = origin.read();
  let answered = 0;
  for (let next = origin.unanswered; next !== null; next = origin.unanswered) {
    if (!origin.isWholeRead(next) || origin.answerPlainly() === null) break;
    answered += 1;
  }
  const sent = origin.send();
  if (origin.scan.isTunnel) origin.fin();
  if (read + answered + sent > 0) {
    world.tell(`${origin.name}: the origin reads ${read}, answers ${answered}, sends all it has`);
  }
}

/** From here on nobody says or takes anything: every exchange ends by a limit of time. */
function beSilent(world: World, random: Random): void {
  world.tell('from here on nobody says anything');
  for (const client of world.clients) client.isDeaf = true;
  for (let passedMs = 0; passedMs < LONG_MS; passedMs += 1_000) {
    world.pass(1_000, random);
    look(world);
  }
  const { gate, under } = world.gateway;
  if (under > 0) throw new Violation('never-ends', `${under} exchanges go on in silence`);
  if (gate.open > 0) throw new Violation('never-ends', `${gate.open} clients stay in silence`);
}

/** All upstreams are taken out: each closes by itself when its last exchange is done. */
function retireAll(world: World, random: Random): void {
  for (const name of [...world.gateway.listeners.keys()]) {
    world.tell(`listener ${name} and its upstream are taken out`);
    world.call(() => world.gateway.removeListener(name));
    look(world);
  }
  world.pass(2_000, random);
  look(world);
  for (const { name, isOver } of world.gateway.all) {
    if (!isOver)
      throw new Violation('never-retired', `upstream ${name} has nobody left and goes on`);
  }
}

function nothingIsLeft(world: World): void {
  look(world);
  const { gateway, loop } = world;
  const { gate, wheel, context } = gateway;
  const left = (what: string): never => {
    throw new Violation('left-over', `when all is closed there is left: ${what}`);
  };
  if (gateway.began !== gateway.ended) left(`${gateway.began - gateway.ended} exchanges`);
  if (gate.open !== 0) left(`${gate.open} clients counted`);
  if (gate.active !== 0) left(`${gate.active} exchanges counted at the gate`);
  if (context.bodies.usedBytes !== 0) left(`${context.bodies.usedBytes} octets of held bodies`);
  if (wheel.size !== 0) left(`${wheel.size} deadlines`);
  if (loop.polled.size !== 0) left(`${loop.polled.size} sockets`);
  // What goes through a tunnel is not counted.
  if (!world.config.upgrades) for (const live of gateway.all) live.checkBytes();
}
