/** Whether what is said of failing endpoints and of a failing upstream goes together. */
import type { Findings } from './findings.ts';
import type { Path } from './mistake.ts';
import type { UpstreamOutput } from './schema.ts';
import { durationText } from './units.ts';

export function checkOutliers(at: Path, { outliers }: UpstreamOutput, findings: Findings): void {
  if (outliers === null) return;
  const path = [...at, 'outliers'];
  const { baseEjection, maxEjection } = outliers;
  if (baseEjection > maxEjection)
    findings.mistake(
      [...path, 'baseEjection'],
      durationText(baseEjection),
      `at most maxEjection (${durationText(maxEjection)}) is meant`,
    );
  if (countsNothing(outliers))
    findings.mistake(
      [...path, 'consecutiveFailures'],
      '0, and a successRate of 0%',
      'something must count as a failure: set one of them, or write outliers: off',
    );
}

export function checkBreaker(at: Path, { breaker }: UpstreamOutput, findings: Findings): void {
  if (breaker === null) return;
  const path = [...at, 'breaker'];
  const { baseOpen, maxOpen } = breaker;
  if (baseOpen > maxOpen)
    findings.mistake(
      [...path, 'baseOpen'],
      durationText(baseOpen),
      `at most maxOpen (${durationText(maxOpen)}) is meant`,
    );
  if (countsNothing(breaker))
    findings.mistake(
      [...path, 'consecutiveFailures'],
      '0, and a successRate of 0%',
      'something must open it: set one of them, or write breaker: off',
    );
}

function countsNothing(rules: {
  readonly consecutiveFailures: number;
  readonly successRate: number;
}): boolean {
  return rules.consecutiveFailures === 0 && rules.successRate === 0;
}
