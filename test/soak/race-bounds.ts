/** The bounds of the keep-alive race, for the long run and for the short one. */
import type { RaceResult } from './race.ts';

/**
 * What a run with learning breaks of its promises; empty when it keeps them. `leastReuse`: the share of requests 20 ms
 * apart that must go over connections used before.
 */
export function raceBreaches(result: RaceResult, { leastReuse = 0.98 } = {}): string[] {
  const { method, sweep, steady, origin } = result;
  const breaches: string[] = [];
  const breach = (what: string): void => {
    breaches.push(`${method}: ${what}`);
  };
  const mayFail = method !== 'GET' && method !== 'PUT';
  if (!mayFail && sweep.failed > 0) breach(`${sweep.failed} of ${sweep.sent} failed`);
  if (mayFail) {
    if (result.sentBeforeLearned === null) breach('no limit was learned');
    const sent = sweep.sent + (steady?.sent ?? 0);
    const failed = sweep.failedOnceLearned + (steady?.failedOnceLearned ?? 0);
    if (failed > sent / 1000) breach(`${failed} of ${sent} failed once the limit was learned`);
    const repeated = origin.repeated[method] ?? 0;
    if (repeated > 0) breach(`the origin saw ${repeated} twice`);
  }
  // Told the truth: a failure after the request was sent says so, and none is without a word.
  for (const [details, count] of Object.entries(sweep.failedByDetails)) {
    if (details !== 'sent-no-response' && details !== 'not-sent')
      breach(`${count} failures with Proxy-Status details "${details}"`);
  }
  if (steady !== null) {
    if (steady.punctual < steady.sent / 2)
      breach(`only ${steady.punctual} of ${steady.sent} had the spacing asked for: run it again`);
    if (steady.punctualReused < leastReuse * steady.punctual)
      breach(`only ${steady.punctualReused} of ${steady.punctual} were reused with steady spacing`);
  }
  return breaches;
}
