/**
 * How long to wait before the next try: exponential with full jitter, so that those who failed together do not come
 * back together (M. Brooker, "Exponential Backoff And Jitter").
 */
import type { Random } from '../base/clock.ts';

export interface BackoffRules {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Milliseconds, from 0 up to the bound for the `failures`-th failure in a row (1 for the first). */
export function backoffMs(failures: number, rules: BackoffRules, random: Random): number {
  return random() * Math.min(rules.maxMs, rules.baseMs * 2 ** Math.min(30, failures - 1));
}

/**
 * The same with half of it certain. For dials: with full jitter a run of small numbers would dial a server that is
 * down many times within a few milliseconds.
 */
export function steadyBackoffMs(failures: number, rules: BackoffRules, random: Random): number {
  const boundMs = Math.min(rules.maxMs, rules.baseMs * 2 ** Math.min(30, failures - 1));
  return boundMs / 2 + (random() * boundMs) / 2;
}
