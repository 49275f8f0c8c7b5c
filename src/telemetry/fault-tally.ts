/** Faults counted by kind and side. */
import type { FaultKind, FaultSide } from '../base/fault.ts';

interface BySide {
  client: number;
  upstream: number;
  gateway: number;
}

export class FaultTally {
  /** Kinds enter when they first occur: their number is bounded by the union that names them. */
  readonly #byKind = new Map<FaultKind, BySide>();

  add(kind: FaultKind, side: FaultSide): void {
    let sides = this.#byKind.get(kind);
    if (sides === undefined) {
      sides = { client: 0, upstream: 0, gateway: 0 };
      this.#byKind.set(kind, sides);
    }
    sides[side] += 1;
  }

  get total(): number {
    let total = 0;
    for (const sides of this.#byKind.values()) {
      total += sides.client + sides.upstream + sides.gateway;
    }
    return total;
  }

  /** Gives each pair that has occurred. */
  each(visit: (kind: FaultKind, side: FaultSide, count: number) => void): void {
    for (const [kind, sides] of this.#byKind) {
      if (sides.client > 0) visit(kind, 'client', sides.client);
      if (sides.upstream > 0) visit(kind, 'upstream', sides.upstream);
      if (sides.gateway > 0) visit(kind, 'gateway', sides.gateway);
    }
  }
}
