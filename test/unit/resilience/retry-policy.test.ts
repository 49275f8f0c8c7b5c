import { describe, expect, it } from 'vitest';
import { type FaultKind, fault, type Received, type Sent } from '../../../src/base/fault.ts';
import {
  isRepeatable,
  mayRetryStatus,
  type RequestState,
  type RetryReason,
  type RetryRules,
  retryReason,
} from '../../../src/resilience/retry-policy.ts';

const defaults: RetryRules = {
  resends: 1,
  onNewConnection: 'safe',
  statuses: [],
  perTryTimeoutMs: 0,
};

const safe = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'];
const idempotent = [...safe, 'PUT', 'DELETE'];
/** CONNECT and unknown methods promise nothing; names are case-sensitive. */
const others = ['POST', 'PATCH', 'CONNECT', 'PURGE', 'get', 'Put'];
const promised = 'POST with an idempotency field';
const everything = [...idempotent, ...others, promised];

function requestOf(name: string, rest: Partial<RequestState> = {}): RequestState {
  return {
    method: name === promised ? 'POST' : name,
    isPromisedIdempotent: name === promised,
    isBodyHeld: true,
    resends: 0,
    hasResponded: false,
    ...rest,
  };
}

interface Happening {
  readonly kind: FaultKind;
  readonly sent?: Sent;
  readonly received?: Received;
  readonly on: 'reused' | 'new';
}

function decide(
  happening: Happening,
  request: RequestState,
  rules: Partial<RetryRules> = {},
): RetryReason | null {
  const { kind, sent = 'sent', received = 'nothing', on } = happening;
  const failure = fault(kind, 'upstream', 'It failed.', { sent, received });
  return retryReason(failure, on === 'reused', request, { ...defaults, ...rules });
}

const notSent: Happening = { kind: 'write-failed', sent: 'not-sent', on: 'reused' };
const endedReused: Happening = { kind: 'connection-ended', on: 'reused' };
const endedNew: Happening = { kind: 'connection-ended', on: 'new' };
const silentReused: Happening = { kind: 'first-byte-timeout', on: 'reused' };
const silentNew: Happening = { kind: 'first-byte-timeout', on: 'new' };
const partHead: Happening = { kind: 'partial-response', received: 'part-of-head', on: 'reused' };

interface Row {
  readonly what: string;
  readonly happening: Happening;
  readonly rules?: Partial<RetryRules>;
  readonly reason: RetryReason;
  readonly methods: readonly string[];
}

/** Design 4.3, line by line. Methods that a row does not name are not retried. */
const rows: readonly Row[] = [
  {
    what: 'not sent on a reused connection: any method',
    happening: notSent,
    reason: 'not-sent',
    methods: everything,
  },
  {
    what: 'not sent on a new connection: any method',
    happening: { ...notSent, on: 'new' },
    reason: 'not-sent',
    methods: everything,
  },
  {
    what: 'not sent, though nothing may be resent: any method, for it is no resend',
    happening: notSent,
    rules: { resends: 0, onNewConnection: 'never' },
    reason: 'not-sent',
    methods: everything,
  },
  {
    what: 'a reused connection ended without a byte: what may be done twice',
    happening: endedReused,
    reason: 'reused-connection-ended',
    methods: [...idempotent, promised],
  },
  {
    what: 'the same, whatever holds for new connections',
    happening: endedReused,
    rules: { onNewConnection: 'never' },
    reason: 'reused-connection-ended',
    methods: [...idempotent, promised],
  },
  {
    what: 'a reused connection ended, no resends allowed: nothing',
    happening: endedReused,
    rules: { resends: 0 },
    reason: 'reused-connection-ended',
    methods: [],
  },
  {
    what: 'a new connection ended without a byte: the safe ones',
    happening: endedNew,
    reason: 'new-connection-ended',
    methods: [...safe, promised],
  },
  {
    what: 'the same with `idempotent`: PUT and DELETE too',
    happening: endedNew,
    rules: { onNewConnection: 'idempotent' },
    reason: 'new-connection-ended',
    methods: [...idempotent, promised],
  },
  {
    what: 'the same with `never`: nothing',
    happening: endedNew,
    rules: { onNewConnection: 'never' },
    reason: 'new-connection-ended',
    methods: [],
  },
  {
    what: 'no response in time, without a limit for each try: nothing',
    happening: silentReused,
    reason: 'try-timeout',
    methods: [],
  },
  {
    what: 'no response in time, with a limit for each try: what may be done twice',
    happening: silentReused,
    rules: { perTryTimeoutMs: 500 },
    reason: 'try-timeout',
    methods: [...idempotent, promised],
  },
  {
    what: 'the same on a new connection',
    happening: silentNew,
    rules: { perTryTimeoutMs: 500 },
    reason: 'try-timeout',
    methods: [...idempotent, promised],
  },
  {
    what: 'part of a head, then the end: nothing',
    happening: partHead,
    reason: 'reused-connection-ended',
    methods: [],
  },
  {
    what: 'a limit for each try that ends within a head: nothing',
    happening: { ...silentReused, received: 'part-of-head' },
    rules: { perTryTimeoutMs: 500 },
    reason: 'try-timeout',
    methods: [],
  },
  {
    what: 'the end within a body: nothing',
    happening: { kind: 'body-cut', received: 'head', on: 'reused' },
    reason: 'reused-connection-ended',
    methods: [],
  },
  {
    what: 'a response that is refused: nothing',
    happening: { kind: 'malformed-response', received: 'part-of-head', on: 'reused' },
    reason: 'reused-connection-ended',
    methods: [],
  },
  {
    what: 'a switch that nobody asked for: nothing',
    happening: { kind: 'unasked-upgrade', received: 'head', on: 'reused' },
    reason: 'reused-connection-ended',
    methods: [],
  },
  {
    what: 'a body of the request that is taken no more: nothing',
    happening: { kind: 'idle-timeout', on: 'reused' },
    reason: 'reused-connection-ended',
    methods: [],
  },
];

describe('what happened, and by which method it may be made again', () => {
  it.each(rows)('$what', ({ happening, rules, reason, methods }) => {
    const retried = everything.filter((name) => {
      const decision = decide(happening, requestOf(name), rules);
      expect(decision === null || decision === reason).toBe(true);
      return decision !== null;
    });
    expect(retried).toEqual(everything.filter((name) => methods.includes(name)));
  });

  const happenings = { notSent, endedReused, endedNew, silentReused, silentNew, partHead };
  const generous = {
    onNewConnection: 'idempotent',
    perTryTimeoutMs: 500,
    statuses: [503],
    resends: 5,
  } as const;

  it.each(Object.entries(happenings))('nothing when the body is no longer held: %s', (_, each) => {
    for (const name of everything)
      expect(decide(each, requestOf(name, { isBodyHeld: false }), generous)).toBeNull();
  });

  it.each(Object.entries(happenings))('nothing once the client has a byte: %s', (_, each) => {
    for (const name of everything)
      expect(decide(each, requestOf(name, { hasResponded: true }), generous)).toBeNull();
  });

  it('a failed resend is not resent (RFC 9110 9.2.2)', () => {
    const again = requestOf('GET', { resends: 1 });
    expect(decide(endedReused, again)).toBeNull();
    expect(decide(endedNew, again)).toBeNull();
    expect(decide(silentNew, again, { perTryTimeoutMs: 500 })).toBeNull();
  });

  it('a resend that was not sent goes out again', () => {
    expect(decide(notSent, requestOf('POST', { resends: 1 }))).toBe('not-sent');
  });

  it('as many resends as the rules give', () => {
    expect(decide(endedReused, requestOf('GET', { resends: 2 }), { resends: 3 })).not.toBeNull();
    expect(decide(endedReused, requestOf('GET', { resends: 3 }), { resends: 3 })).toBeNull();
  });

  it.each<FaultKind>([
    'connect-refused',
    'connect-timeout',
    'tls-failed',
    'wait-timeout',
    'dns-failed',
  ])(
    'no connection to be had is not tried again here: the wait has dialled until its deadline (%s)',
    (kind) => {
      const failure: Happening = { kind, sent: 'not-sent', on: 'new' };
      for (const name of everything) expect(decide(failure, requestOf(name), generous)).toBeNull();
    },
  );
});

describe('a response to try again on', () => {
  const rules: RetryRules = { ...defaults, statuses: [502, 503] };

  it('only with a status that is listed', () => {
    expect(mayRetryStatus(503, requestOf('GET'), rules)).toBe(true);
    expect(mayRetryStatus(504, requestOf('GET'), rules)).toBe(false);
    expect(mayRetryStatus(503, requestOf('GET'), defaults)).toBe(false);
  });

  it('for what may be done twice', () => {
    const retried = everything.filter((name) => mayRetryStatus(503, requestOf(name), rules));
    expect(retried).toEqual([...idempotent, promised]);
  });

  it.each<Partial<RequestState>>([{ isBodyHeld: false }, { hasResponded: true }, { resends: 1 }])(
    'never with %o',
    (rest) => {
      expect(mayRetryStatus(503, requestOf('GET', rest), rules)).toBe(false);
    },
  );
});

it('what is repeatable: idempotent by method, or by its sender’s promise', () => {
  expect(everything.filter((name) => isRepeatable(requestOf(name)))).toEqual([
    ...idempotent,
    promised,
  ]);
});
