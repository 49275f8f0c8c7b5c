/**
 * Values with their unit in them. A bare number is refused: thirty what? Whoever copies `30` from another proxy's
 * file would be out by a thousand one day, and nothing would say so.
 */

/** A value that was read, or what is meant in its place. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly meant: string };

export function good<T>(value: T): Reading<T> {
  return { ok: true, value };
}

export function bad(meant: string): Reading<never> {
  return { ok: false, meant };
}

const MS_OF: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** A Node timer of more than 2^31 ms fires at once: 576 hours (24 days) stays below it. */
const LONGEST_MS = 576 * 3_600_000;

const DURATION = 'a duration such as 250ms, 30s, 10m or 1h is meant';

/** Milliseconds. */
export function readDuration(raw: unknown): Reading<number> {
  if (typeof raw === 'number')
    return bad(`a duration has its unit in it: write ${raw}s (or ${raw}ms, ${raw}m, ${raw}h)`);
  if (typeof raw !== 'string') return bad(DURATION);
  const found = /^(\d{1,12})(ms|s|m|h)$/.exec(raw);
  if (found === null) return bad(`${DURATION}${durationHint(raw)}`);
  const ms = Number(found[1]) * (MS_OF[found[2] as string] as number);
  return ms > LONGEST_MS ? bad('at most 576h (24 days) is meant') : good(ms);
}

function durationHint(raw: string): string {
  if (/^\d+$/.test(raw)) return `: write ${raw}s`;
  const decimal = /^(\d+\.\d+) ?(s|m|h)$/.exec(raw);
  if (decimal !== null) {
    const ms = Number(decimal[1]) * (MS_OF[decimal[2] as string] as number);
    if (Number.isInteger(ms)) return `: write ${durationText(ms)}`;
  }
  const day = /^(\d+) ?d$/.exec(raw);
  if (day !== null) return `: write ${Number(day[1]) * 24}h`;
  const spaced = /^(\d+) +(ms|s|m|h)$/.exec(raw);
  if (spaced !== null) return `: write ${spaced[1]}${spaced[2]}`;
  const named = /^(\d+) ?(sec|secs|seconds?|min|mins|minutes?|hours?|msec|millis)$/i.exec(raw);
  if (named !== null) {
    const unit = (named[2] as string).toLowerCase();
    const short = unit.startsWith('ms') || unit.startsWith('mil') ? 'ms' : unit.slice(0, 1);
    return `: write ${named[1]}${short}`;
  }
  if (/^(?:\d+(?:ms|s|m|h)){2,}$/.test(raw)) {
    let ms = 0;
    for (const [, count, unit] of raw.matchAll(/(\d+)(ms|s|m|h)/g))
      ms += Number(count) * (MS_OF[unit as string] as number);
    return `, in one unit: write ${durationText(ms)}`;
  }
  return '';
}

/** The shortest way to write so many milliseconds. */
export function durationText(ms: number): string {
  if (ms === 0) return '0s';
  for (const unit of ['h', 'm', 's']) {
    const size = MS_OF[unit] as number;
    if (ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

const OCTETS_OF: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};
const SIZE = 'a size such as 512B, 64KiB, 16MiB or 1GiB is meant';

/** Octets. */
export function readSize(raw: unknown): Reading<number> {
  if (typeof raw === 'number')
    return bad(`a size has its unit in it: write ${raw}B (or ${raw}KiB, ${raw}MiB)`);
  if (typeof raw !== 'string') return bad(SIZE);
  const found = /^(\d{1,12})(B|KiB|MiB|GiB)$/.exec(raw);
  if (found !== null) {
    const octets = Number(found[1]) * (OCTETS_OF[found[2] as string] as number);
    return Number.isSafeInteger(octets) ? good(octets) : bad('a smaller size is meant');
  }
  if (/^\d+$/.test(raw)) return bad(`${SIZE}: write ${raw}B`);
  const near = /^(\d+) ?([kmg])i?b?$/i.exec(raw);
  return bad(
    near === null ? SIZE : `${SIZE}: write ${near[1]}${(near[2] as string).toUpperCase()}iB`,
  );
}

const PERCENT = 'a percentage from 0% to 100% is meant';

/** A share, 0 to 1. */
export function readPercent(raw: unknown): Reading<number> {
  if (typeof raw === 'number')
    return bad(`${PERCENT}: write ${raw > 0 && raw < 1 ? Number((raw * 100).toFixed(6)) : raw}%`);
  if (typeof raw !== 'string') return bad(PERCENT);
  const found = /^(\d{1,3}(?:\.\d{1,6})?)%$/.exec(raw);
  if (found === null)
    return bad(/^\d+(?:\.\d+)?$/.test(raw) ? `${PERCENT}: write ${raw}%` : PERCENT);
  const share = Number(found[1]) / 100;
  return share > 1 ? bad(PERCENT) : good(share);
}
