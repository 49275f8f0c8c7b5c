/** A failing run for a person: shrunk, and told step by step. */
import { type RunPlan, runPlan } from './run-world.ts';
import { oddities, shrink } from './shrink.ts';

export interface Finding {
  readonly seed: number;
  readonly rule: string;
  readonly message: string;
  readonly text: string;
}

export function reportOf(plan: RunPlan, rule: string, bug: string | null): Finding {
  const small = shrink(plan, rule);
  const lines: string[] = [];
  const { failure } = runPlan(small, (line) => lines.push(line));
  const message = failure?.message ?? 'it does not fail any more';
  const replay = `node test/sim/run.ts --seed ${plan.seed}${bug === null ? '' : ` --bug ${bug}`}`;
  const story = lines.map((line, index) => `${String(index + 1).padStart(4)}  ${line}`);
  const text = [
    `seed ${plan.seed}: ${rule}: ${message}`,
    `shrunk from ${plan.steps.length} steps to ${small.steps.length}; surroundings: ${oddities(small.config)}`,
    ...story,
    `      -> ${rule}: ${message}`,
    `replay: ${replay}`,
  ].join('\n');
  return { seed: plan.seed, rule, message, text };
}
