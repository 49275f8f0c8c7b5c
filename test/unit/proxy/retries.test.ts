/** How long a retry waits, by what ended the attempt before it. */
import { describe, expect, it } from 'vitest';
import { type Fault, fault } from '../../../src/base/fault.ts';
import { RequestHead, ResponseHead } from '../../../src/message/head.ts';
import type { ExchangeContext } from '../../../src/proxy/exchange-context.ts';
import { Retries } from '../../../src/proxy/retries.ts';
import type { Route } from '../../../src/proxy/route.ts';
import type { RetryReason } from '../../../src/resilience/retry-policy.ts';
import type { Lease } from '../../../src/upstream/carrier.ts';
import { plainRetry } from './scene.ts';

const ended = fault('connection-ended', 'upstream', 'It ended.', { sent: 'sent' });
const faults: Readonly<Record<Exclude<RetryReason, 'status'>, Fault>> = {
  'not-sent': fault('write-failed', 'upstream', 'It ended.'),
  'reused-connection-ended': ended,
  'new-connection-ended': ended,
  'pipeline-ended': { ...ended, behind: 'ended' },
  rescued: { ...ended, behind: 'slow' },
  'try-timeout': fault('first-byte-timeout', 'upstream', 'It is silent.', { sent: 'sent' }),
};

/** The shortest and the longest pause that chance can give. */
function pauses(
  reason: RetryReason,
  { idleMs, lastedMs }: { idleMs: number; lastedMs: number } = { idleMs: 0, lastedMs: 0 },
): number[] {
  return [0, 0.999].map((chance) => {
    const route = {
      policy: { retry: { ...plainRetry, statuses: [503], perTryTimeoutMs: 1 } },
      budget: { take: () => true },
      observer: { onRetry: () => undefined, onStale: () => undefined },
    } as unknown as Route;
    const nowMs = 5_000;
    const context = {
      random: () => chance,
      wheel: { now: () => nowMs },
    } as unknown as ExchangeContext;
    const head = new RequestHead();
    head.method = 'GET';
    const request = { head, body: null, client: { hasResponded: false } };
    const retries = new Retries(route, context, request);
    const mayBeStale = reason === 'reused-connection-ended';
    const lease = { carrier: { lastIdleMs: idleMs }, mayBeStale } as unknown as Lease;
    if (reason === 'status') {
      const head = new ResponseHead();
      head.status = 503;
      retries.afterStatus(head);
    } else retries.afterFault(faults[reason], { lease, sentAtMs: nowMs - lastedMs });
    return Math.round(retries.pauseMs(reason));
  });
}

describe('a retry', () => {
  it('of what was stale is made at once: long idle, and ended as soon as it was written to', () => {
    expect(pauses('reused-connection-ended', { idleMs: 1_000, lastedMs: 9 })).toEqual([0, 0]);
  });

  it.each([
    ['had been idle for a moment only', { idleMs: 999, lastedMs: 1 }],
    ['had been at the request for a while', { idleMs: 30_000, lastedMs: 10 }],
  ])(
    'after a server that died waits until its listening socket is closed: its connection %s',
    (_, ended) => {
      expect(pauses('reused-connection-ended', ended)).toEqual([10, 20]);
    },
  );

  it('after a new connection that ended waits too', () => {
    expect(pauses('new-connection-ended', { idleMs: 60_000, lastedMs: 1 })).toEqual([10, 20]);
  });

  it('after a status, or a response that did not come, is spread from nothing on', () => {
    expect(pauses('status')).toEqual([0, 20]);
    expect(pauses('try-timeout')).toEqual([0, 20]);
  });

  it('of what was never sent is made at once', () => {
    expect(pauses('not-sent')).toEqual([0, 0]);
  });

  it('of what waited behind another is made at once', () => {
    expect(pauses('pipeline-ended')).toEqual([0, 0]);
    expect(pauses('rescued')).toEqual([0, 0]);
  });
});
