/** What can be said of endpoints that fail, and of an upstream that fails as a whole. */
import * as v from 'valibot';
import { duration, isOff, leaf, percent, whole } from './leaves.ts';
import { option } from './schema-options.ts';
import { bad, good } from './units.ts';

const status = leaf('429, or 500 to 599', (raw) => {
  const isOne = typeof raw === 'number' && Number.isInteger(raw);
  return isOne && (raw === 429 || (raw >= 500 && raw <= 599))
    ? good(raw)
    : bad('429, or a whole number from 500 to 599, is meant');
});

const off = leaf('off', () => good(null));

const failures = {
  consecutiveFailures: whole(0, 1_000_000, 'any number'),
  statuses: v.array(status),
  minRequests: whole(1, 1_000_000),
  trials: whole(1, 1_000),
};

const statusesMeaning =
  "Response statuses that count as failures: those that a gateway or an overloaded server gives in the application's place.";
const rowMeaning =
  'Those within 50 ms of each other count as one: what fails in one moment has one cause.';

const outliersSection = v.object({
  consecutiveFailures: option(
    5,
    `Failures in a row for which an endpoint is put aside. ${rowMeaning}`,
    failures.consecutiveFailures,
  ),
  statuses: option([502, 503, 504], statusesMeaning, failures.statuses),
  successRate: option(
    '50%',
    'An endpoint is put aside when less than this share of its attempts goes well, while the others fail at most half as often. Every 5xx counts here, and a client that leaves after waiting 1s in vain. `0%`: rates are not compared.',
    percent(),
  ),
  window: option('10s', 'The time over which rates are taken.', duration()),
  minRequests: option(
    20,
    'Attempts in that time, at the endpoint and at the others together, from which on rates are compared.',
    failures.minRequests,
  ),
  baseEjection: option(
    '10s',
    'For how long an endpoint is put aside, give or take a tenth: the second time in a row for twice as long, and so on.',
    duration(),
  ),
  maxEjection: option('5m', 'The longest that it is put aside.', duration()),
  trials: option(
    3,
    'Exchanges in a row, one at a time, that must go well before it is used as before.',
    failures.trials,
  ),
  maxEjected: option(
    '50%',
    'The share of the endpoints that may be put aside at once, rounded down. One always stays.',
    percent(),
  ),
  panic: option(
    '50%',
    'While fewer than this share of the endpoints is well (neither failing nor unreachable), none is put aside.',
    percent(),
  ),
});

const breakerSection = v.object({
  consecutiveFailures: option(
    10,
    `Failures in a row that open the breaker. ${rowMeaning}`,
    failures.consecutiveFailures,
  ),
  statuses: option([502, 503, 504], statusesMeaning, failures.statuses),
  successRate: option(
    '50%',
    'The breaker opens when less than this share of attempts goes well. Other 5xx count as answers here. `0%`: there is no rate.',
    percent(),
  ),
  window: option('10s', 'The time over which the rate is taken.', duration()),
  minRequests: option(
    20,
    'Attempts in that time from which on there is a rate.',
    failures.minRequests,
  ),
  baseOpen: option(
    '5s',
    'For how long it opens, give or take a tenth: the second time in a row for twice as long, and so on.',
    duration(),
  ),
  maxOpen: option('1m', 'The longest that it opens.', duration()),
  trials: option(
    3,
    'Requests in a row, one at a time, that must go well to close it.',
    failures.trials,
  ),
});

export const outliers = option(
  {},
  'Which of several endpoints are put aside because they fail, and for how long; `off` for none. See [Breaker and outliers](breaker.md).',
  v.lazy((raw): typeof outliersSection | typeof off => (isOff(raw) ? off : outliersSection)),
);

export const breaker = option(
  'off',
  'Whether requests are refused with 503 while the upstream as a whole fails: `off`, or options (`{}` for the defaults). See [Breaker and outliers](breaker.md).',
  v.lazy((raw): typeof breakerSection | typeof off => (isOff(raw) ? off : breakerSection)),
);
