/** The faults of an HTTP/1.1 connection, worded in one place. */
import { type Fault, type FaultKind, fault, type Received } from '../../base/fault.ts';

export type EndKind = 'ended' | 'closed' | 'reset';

/** The connection is over before the response was whole. */
export function endedFault(
  endpoint: string,
  how: EndKind,
  seen: { readonly hasSent: boolean; readonly received: Received; readonly code: string | null },
): Fault {
  const who = `${endpoint} ${how} the connection`;
  const rest = { received: seen.received, code: seen.code ?? undefined };
  if (!seen.hasSent) {
    return fault('write-failed', 'upstream', `${who} before the request was sent.`, rest);
  }
  const sent = { ...rest, sent: 'sent' } as const;
  switch (seen.received) {
    case 'nothing':
    case 'interim':
      return fault(
        'connection-ended',
        'upstream',
        `${who} without a response, after the request had been sent.`,
        sent,
      );
    case 'part-of-head':
      return fault(
        'partial-response',
        'upstream',
        `${who} in the middle of its response head.`,
        sent,
      );
    default:
      return fault('body-cut', 'upstream', `${who} in the middle of its response body.`, sent);
  }
}

/** The connection has ended, or was slow, while this request waited behind another's response. */
export function behindFault(endpoint: string, how: 'ended' | 'slow', hasSent: boolean): Fault {
  const what = how === 'ended' ? 'ended' : 'was slow';
  const cause = `The connection to ${endpoint} ${what} while the request waited behind another's.`;
  if (!hasSent) return fault('write-failed', 'upstream', cause);
  return { ...fault('connection-ended', 'upstream', cause, { sent: 'sent' }), behind: how };
}

/** The upstream sent what cannot be relayed. */
export function refusedFault(kind: FaultKind, reason: string): Fault {
  return fault(kind, 'upstream', `The upstream's response was refused: ${reason}.`, {
    sent: 'sent',
    received: 'head',
  });
}

/** RFC 9110 7.8: a server switches only to what was offered. */
export function unaskedSwitch(): Fault {
  return refusedFault(
    'unasked-upgrade',
    'it switched to a protocol that was not asked for (RFC 9110 7.8)',
  );
}

/** The upstream said, or took, nothing for too long. */
export function silenceFault(
  endpoint: string,
  waitsFor: 'body' | 'head' | 'room',
  limitMs: number,
  received: Received,
): Fault {
  if (waitsFor === 'head') {
    return fault(
      'first-byte-timeout',
      'upstream',
      `${endpoint} sent no response within ${limitMs} ms.`,
      { sent: 'sent', received },
    );
  }
  const what =
    waitsFor === 'body'
      ? 'went silent in the middle of its response body'
      : 'took no more of the request body';
  return fault('idle-timeout', 'upstream', `${endpoint} ${what} for ${limitMs} ms.`, {
    sent: 'sent',
    received,
  });
}
