/** Many runs, one seed after the other, until so many steps were made. */
import { type Finding, reportOf } from './report.ts';
import { planOf, runPlan } from './run-world.ts';

export interface CampaignTerms {
  readonly steps: number;
  readonly from: number;
  /** The defect that was put in, for the command that replays; null for none. */
  readonly bug: string | null;
  /** Told of the first failing run of each sort. */
  readonly onFinding?: (finding: Finding) => void;
  /** Ends with the first that breaks this rule, and passes over all others. */
  readonly until?: string;
}

export interface CampaignDone {
  readonly steps: number;
  readonly seeds: number;
  readonly exchanges: number;
  readonly attempts: number;
  readonly resends: number;
  readonly pipelined: number;
  /** What has happened, and how often. */
  readonly counts: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
  readonly seconds: number;
}

export function campaign(terms: CampaignTerms): CampaignDone {
  const begunMs = performance.now();
  const totals = { steps: 0, seeds: 0, exchanges: 0, attempts: 0, resends: 0, pipelined: 0 };
  const findings: Finding[] = [];
  const counts = new Map<string, number>();
  while (totals.steps < terms.steps) {
    const plan = planOf(terms.from + totals.seeds);
    const outcome = runPlan(plan);
    totals.seeds += 1;
    totals.steps += outcome.steps;
    totals.exchanges += outcome.exchanges;
    totals.attempts += outcome.attempts;
    totals.resends += outcome.resends;
    totals.pipelined += outcome.pipelined;
    for (const [what, count] of outcome.counts) counts.set(what, (counts.get(what) ?? 0) + count);
    const rule = outcome.failure?.rule;
    if (rule === undefined || rule !== (terms.until ?? rule)) continue;
    if (findings.some((finding) => finding.rule === rule)) continue;
    const finding = reportOf(plan, rule, terms.bug);
    findings.push(finding);
    terms.onFinding?.(finding);
    if (terms.until !== undefined) break;
  }
  return { ...totals, counts, findings, seconds: (performance.now() - begunMs) / 1000 };
}
