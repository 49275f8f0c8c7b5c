/** Amounts as Kubernetes writes them: `250m`, `64Mi`, `1.5`. */
import { bad, good, type Reading } from '../../config/units.ts';

export type Resource = 'cpu' | 'memory';

const FACTORS: Readonly<Record<string, number>> = {
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

const MEANT: Readonly<Record<Resource, string>> = {
  cpu: 'a quantity such as 50m or 1 is meant, or none',
  memory: 'a quantity such as 64Mi or 1Gi is meant, or none',
};

/** Below this nothing runs: somebody forgot the unit. */
const LEAST_MEMORY_OCTETS = 4 * 2 ** 20;

/** The text if it is a quantity of this kind, null for `none`. */
export function readQuantity(raw: unknown, resource: Resource): Reading<string | null> {
  const text = typeof raw === 'number' ? String(raw) : raw;
  if (typeof text !== 'string') return bad(MEANT[resource]);
  if (text === 'none') return good(null);
  const amount = amountOf(text);
  if (amount === null || amount <= 0) return bad(MEANT[resource]);
  if (resource === 'memory' && amount < LEAST_MEMORY_OCTETS)
    return bad(`${MEANT.memory}: ${text} is ${Math.round(amount * 1000) / 1000} octets`);
  if (resource === 'cpu' && amount > 1024)
    return bad(`${MEANT.cpu}: ${text} is ${amount} processors`);
  return good(text);
}

/** In processors or octets; null if it is no quantity. */
export function amountOf(text: string): number | null {
  const found = /^(\d{1,15}(?:\.\d{1,9})?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/.exec(text);
  if (found === null) return null;
  return Number(found[1]) * (FACTORS[found[2] ?? ''] as number);
}

/** Whether both are given and the first is less than the second. */
export function isBelow(a: string | null, b: string | null): boolean {
  if (a === null || b === null) return false;
  return (amountOf(a) ?? 0) < (amountOf(b) ?? 0);
}
