/** The kinds of value that an option can have: how each is read, and how the reference names it. */
import * as v from 'valibot';
import { isAuthority } from '../http1/request-target.ts';
import { readAddress, readOriginUrl } from './addresses.ts';
import { isProperName } from './field-rules.ts';
import { bad, good, type Reading, readDuration, readPercent, readSize } from './units.ts';

/** An option's value: read from what stands in the file; `notation` is what the reference says of it. */
export function leaf<T>(notation: string, read: (raw: unknown) => Reading<T>) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const reading = read(dataset.value);
      if (reading.ok) return reading.value;
      addIssue({ message: reading.meant });
      return NEVER;
    }),
    v.metadata({ notation }),
  );
}

/** Milliseconds. `zero` says what 0s means; without it 0s is a mistake. */
export function duration(zero?: string) {
  return leaf(zero === undefined ? 'duration' : `duration; 0s: ${zero}`, (raw) => {
    const reading = readDuration(raw);
    return reading.ok && reading.value === 0 && zero === undefined
      ? bad('a duration of more than 0s is meant')
      : reading;
  });
}

/** Octets. `zero` says what 0B means; without it the least is `least`. */
export function size({ zero, least = 1 }: { zero?: string; least?: number } = {}) {
  return leaf(zero === undefined ? 'size' : `size; 0B: ${zero}`, (raw) => {
    const reading = readSize(raw);
    if (!reading.ok || (reading.value === 0 && zero !== undefined)) return reading;
    return reading.value < least ? bad(`a size of at least ${least}B is meant`) : reading;
  });
}

export const percent = () => leaf('percentage', readPercent);
export const address = () => leaf('address', readAddress);
export const originUrl = () => leaf('URL', readOriginUrl);

/** A whole number. `zero` says what 0 means where it means something other than none. */
export function whole(least: number, most: number, zero?: string) {
  const notation = `${least} to ${most}${zero === undefined ? '' : `; 0: ${zero}`}`;
  return leaf(notation, (raw) =>
    typeof raw === 'number' && Number.isInteger(raw) && raw >= least && raw <= most
      ? good(raw)
      : bad(`a whole number from ${least} to ${most} is meant${unquoted(raw)}`),
  );
}

function unquoted(raw: unknown): string {
  return typeof raw === 'string' && /^\d+$/.test(raw) ? `: write ${raw} without quotes` : '';
}

export function flag() {
  return leaf('true or false', (raw) =>
    typeof raw === 'boolean'
      ? good(raw)
      : bad(
          `true or false is meant${/^(?:yes|no|on|off)$/i.test(String(raw)) ? ` (YAML 1.2 has no ${raw})` : ''}`,
        ),
  );
}

export function oneOf<const T extends string>(...choices: readonly T[]) {
  return leaf(choices.join(', '), (raw) => {
    const choice = choices.find((each) => each === raw);
    return choice === undefined ? bad(`one of ${choices.join(', ')} is meant`) : good(choice);
  });
}

/** Text, read as a whole. Numbers are refused: YAML has already lost how they were written. */
export function text<T>(notation: string, read: (raw: string) => Reading<T>) {
  return leaf(notation, (raw) =>
    typeof raw === 'string'
      ? read(raw)
      : bad(
          `${notation} is meant${typeof raw === 'number' || typeof raw === 'boolean' ? `: write it in quotes, "${raw}"` : ''}`,
        ),
  );
}

export function filePath() {
  return text('a file path', (raw) =>
    raw === '' || raw.includes('\0') ? bad('a file path is meant') : good(raw),
  );
}

/** What `off` turns off. `false` is what YAML 1.1 tools such as Helm make of `off`. */
export function isOff(raw: unknown): boolean {
  return raw === 'off' || raw === false;
}

/** A name in lower case. */
export function token(what: string) {
  return text(what, (raw) =>
    isProperName(raw) ? good(raw.toLowerCase()) : bad(`${what} is meant`),
  );
}

export function authority() {
  return text('a host with an optional port', (raw) =>
    isAuthority(raw)
      ? good(raw.toLowerCase())
      : bad('a host with an optional port is meant, such as api.internal or api.internal:8080'),
  );
}

/** The name of an entry; `mistake` says what is wrong with one, or null. */
export function entryName(mistake: (name: string) => string | null) {
  return v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      const meant = dataset.typed ? mistake(dataset.value) : null;
      if (meant !== null) addIssue({ message: meant });
    }),
  );
}
