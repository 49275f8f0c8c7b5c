/** Bodies that say whose they are at every octet: a piece at the wrong place, or of somebody else, is seen. */
import { seeded } from '../../src/base/clock.ts';

const SPAN = 256 * 1024;
export const LONGEST_BODY = 160 * 1024;

const whole = Buffer.alloc(SPAN);
const random = seeded(20_261_122);
for (let index = 0; index < SPAN; index += 1) whole[index] = 0x41 + Math.floor(random() * 26);

/** The body of `length` octets that belongs to `key`. A view: not to be written to. */
export function bodyOf(key: number, length: number): Buffer {
  const at = (key * 7919) % (SPAN - LONGEST_BODY);
  return whole.subarray(at, at + length);
}

/** Whether `data` is what stands at `at` in the body of `key`. */
export function isPartOf(key: number, at: number, data: Buffer): boolean {
  const start = ((key * 7919) % (SPAN - LONGEST_BODY)) + at;
  return data.equals(whole.subarray(start, start + data.length));
}
