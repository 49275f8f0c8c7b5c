/** Choices by a seed, so that each trial can be made again. */
import type { Random } from '../../src/base/clock.ts';

export class Chance {
  readonly #random: Random;
  /** How likely a single choice is odd; drawn anew for each trial. */
  oddness = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  is(probability: number): boolean {
    return this.#random() < probability;
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }

  /** Nearly always a proper one; an odd one now and then. */
  pick(proper: readonly string[], odd: readonly string[]): string {
    return this.one(this.is(this.oddness) ? odd : proper);
  }

  /** Octets of any value. */
  octets(length: number): string {
    let text = '';
    for (let nth = 0; nth < length; nth += 1) text += String.fromCharCode(this.below(256));
    return text;
  }

  shuffled<T>(of: readonly T[]): T[] {
    const left = [...of];
    const mixed: T[] = [];
    while (left.length > 0) mixed.push(...left.splice(this.below(left.length), 1));
    return mixed;
  }
}
