import { describe, expect, it } from 'vitest';
import { type FaultKind, fault } from '../../../src/base/fault.ts';
import { outcomeOfFault, outcomeOfStatus } from '../../../src/resilience/outcome.ts';

describe('the outcome of a response', () => {
  it.each<[number, string]>([
    [101, 'good'],
    [200, 'good'],
    [304, 'good'],
    [404, 'good'],
    [429, 'good'],
    [499, 'good'],
    [500, 'error'],
    [501, 'error'],
    [502, 'bad'],
    [503, 'bad'],
    [504, 'bad'],
    [505, 'error'],
    [599, 'error'],
  ])('%i is %s', (status, outcome) =>
    expect(outcomeOfStatus(status, [502, 503, 504])).toBe(outcome),
  );

  it('goes by the list that was configured', () => {
    expect([429, 500, 503].map((status) => outcomeOfStatus(status, [429, 500]))).toEqual([
      'bad',
      'bad',
      'error',
    ]);
  });
});

describe('the outcome of a fault', () => {
  it.each<[FaultKind, string]>([
    ['connection-ended', 'bad'],
    ['partial-response', 'bad'],
    ['body-cut', 'bad'],
    ['first-byte-timeout', 'bad'],
    ['idle-timeout', 'bad'],
    ['malformed-response', 'bad'],
    ['response-too-large', 'error'],
    ['unasked-upgrade', 'error'],
    // Nothing was sent: another connection will do.
    ['write-failed', 'none'],
    // Dials have their own health.
    ['connect-refused', 'none'],
    ['connect-timeout', 'none'],
    ['tls-failed', 'none'],
  ])('%s of the upstream is %s', (kind, outcome) =>
    expect(outcomeOfFault(fault(kind, 'upstream', '', { sent: 'sent' }))).toBe(outcome),
  );

  it('of a client, or of the gateway, is no outcome', () => {
    expect(outcomeOfFault(fault('client-gone', 'client', ''))).toBe('none');
    expect(outcomeOfFault(fault('internal', 'gateway', '', { sent: 'sent' }))).toBe('none');
    expect(outcomeOfFault(fault('request-timeout', 'gateway', ''))).toBe('none');
  });

  it('of one that waited behind another is that other one’s', () => {
    const ended = fault('connection-ended', 'upstream', '', { sent: 'sent' });
    expect(outcomeOfFault({ ...ended, behind: 'ended' })).toBe('none');
    expect(outcomeOfFault({ ...ended, behind: 'slow' })).toBe('none');
  });
});
