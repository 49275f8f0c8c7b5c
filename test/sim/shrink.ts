/**
 * Makes a failing run small: steps are left out, as many at once as can be (delta debugging), and the surroundings are
 * made plain one by one, as long as the same rule is broken.
 */
import { type RunPlan, runPlan } from './run-world.ts';
import type { Step, StepKind } from './step.ts';
import { plainConfig, type WorldConfig } from './world-config.ts';

/** Runs that are spent on it. Most are short. */
const MOST_RUNS = 1_500;

export function shrink(plan: RunPlan, rule: string): RunPlan {
  let runs = 0;
  const fails = (candidate: RunPlan): boolean => {
    runs += 1;
    return runs <= MOST_RUNS && runPlan(candidate).failure?.rule === rule;
  };
  let best = cutOff(plan);
  for (let before = ''; before !== sizeOf(best) && runs < MOST_RUNS; ) {
    before = sizeOf(best);
    best = withFewerSteps(best, fails);
    best = withSimplerSteps(best, fails);
    best = withPlainerConfig(best, fails);
    const abrupt = { ...best, ending: 'abrupt' as const };
    if (best.ending !== 'abrupt' && fails(abrupt)) best = abrupt;
  }
  return best;
}

/** What follows the step that failed has never happened. */
function cutOff(plan: RunPlan): RunPlan {
  return { ...plan, steps: plan.steps.slice(0, runPlan(plan).steps) };
}

function sizeOf({ steps, config, ending }: RunPlan): string {
  return JSON.stringify([steps.map(({ kind }) => kind), config, ending]);
}

function withFewerSteps(plan: RunPlan, fails: (plan: RunPlan) => boolean): RunPlan {
  let steps: readonly Step[] = plan.steps;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let at = 0; at < steps.length; ) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
      if (fails({ ...plan, steps: fewer })) steps = fewer;
      else at += size;
    }
  }
  return { ...plan, steps };
}

/** A step that does much at once, as steps that do less. */
const simpler: Partial<Record<StepKind, readonly StepKind[]>> = {
  'client-burst': ['client-new', 'client-send-all'],
  'client-send-all': ['client-send'],
  'turn-race': ['turn'],
  'pass-long': ['pass'],
  pass: ['turn'],
  'origin-serve': ['origin-read', 'origin-answer', 'origin-send'],
};

function withSimplerSteps(plan: RunPlan, fails: (plan: RunPlan) => boolean): RunPlan {
  let { steps } = plan;
  for (let at = 0; at < steps.length; at += 1) {
    const { kind, r } = steps[at] as Step;
    const instead = simpler[kind]?.map((each) => ({ kind: each, r }));
    if (instead === undefined) continue;
    const tried = [...steps.slice(0, at), ...instead, ...steps.slice(at + 1)];
    if (fails({ ...plan, steps: tried })) steps = tried;
  }
  return { ...plan, steps };
}

function withPlainerConfig(plan: RunPlan, fails: (plan: RunPlan) => boolean): RunPlan {
  let best = plan;
  for (const key of Object.keys(plainConfig) as (keyof WorldConfig)[]) {
    if (best.config[key] === plainConfig[key]) continue;
    const plainer = { ...best, config: { ...best.config, [key]: plainConfig[key] } };
    if (fails(plainer)) best = plainer;
  }
  return best;
}

/** What of it is not plain. */
export function oddities(config: WorldConfig): string {
  const odd = (Object.keys(plainConfig) as (keyof WorldConfig)[]).filter(
    (key) => config[key] !== plainConfig[key],
  );
  return odd.length === 0 ? 'plain' : odd.map((key) => `${key} ${config[key]}`).join(', ');
}
