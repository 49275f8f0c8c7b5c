/** Dates as HTTP writes them (RFC 9110 5.6.7). */
import type { Clock } from '../base/clock.ts';

/** Gives the Date of now as IMF-fixdate, formatted at most once a second. */
export class DateSource {
  readonly #clock: Clock;
  #second = -1;
  #text = '';

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): string {
    const second = Math.floor(this.#clock.wallSeconds());
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const imf = /^[A-Za-z]{3}, (\d\d) ([A-Za-z]{3}) (\d{4}) (\d\d):(\d\d):(\d\d) GMT$/;
const rfc850 = /^[A-Za-z]{6,9}, (\d\d)-([A-Za-z]{3})-(\d\d) (\d\d):(\d\d):(\d\d) GMT$/;
const asctime = /^[A-Za-z]{3} ([A-Za-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/;

/** Seconds since 1970 of any of the three formats that a recipient must read, or undefined. */
export function parseHttpDate(text: string, nowSeconds: number): number | undefined {
  let found = imf.exec(text);
  if (found !== null) return seconds(found[3], found[2], found[1], found.slice(4));
  found = asctime.exec(text);
  if (found !== null) return seconds(found[6], found[1], found[2], found.slice(3, 6));
  found = rfc850.exec(text);
  if (found === null) return undefined;
  // RFC 9110 5.6.7: two digits that seem more than 50 years ahead mean the latest past year that ends so.
  const thisYear = new Date(nowSeconds * 1000).getUTCFullYear();
  let year = Math.floor(thisYear / 100) * 100 + Number(found[3]);
  if (year > thisYear + 50) year -= 100;
  return seconds(String(year), found[2], found[1], found.slice(4));
}

function seconds(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  time: string[],
): number | undefined {
  const monthIndex = months.indexOf((month ?? '').toLowerCase());
  if (monthIndex === -1) return undefined;
  const [hours = 0, minutes = 0, secs = 0] = time.map(Number);
  const dayOfMonth = Number(day);
  // RFC 9110 5.6.7: a leap second is 60. What is out of range would roll over into another day.
  if (dayOfMonth < 1 || hours > 23 || minutes > 59 || secs > 60) return undefined;
  const midnight = new Date(0);
  // Not Date.UTC, which takes the years 0 to 99 for 1900 to 1999.
  midnight.setUTCFullYear(Number(year), monthIndex, dayOfMonth);
  if (midnight.getUTCDate() !== dayOfMonth) return undefined;
  return midnight.getTime() / 1000 + hours * 3600 + minutes * 60 + secs;
}

/** Milliseconds to wait by a Retry-After value: delay in seconds or a date (RFC 9110 10.2.3); undefined if neither. */
export function parseRetryAfter(text: string, nowSeconds: number): number | undefined {
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = parseHttpDate(text, nowSeconds);
  return at === undefined ? undefined : Math.max(0, (at - nowSeconds) * 1000);
}
