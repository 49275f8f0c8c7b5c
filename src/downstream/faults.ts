/** The faults that a client causes after its head was read, and when it never completes one. */
import { type Fault, fault } from '../base/fault.ts';

export function tooLarge(maxBodyBytes: number): Fault {
  return fault(
    'body-too-large',
    'client',
    `A request body longer than ${maxBodyBytes} octets (limits.body).`,
  );
}

export function headTimeout(limitMs: number): Fault {
  const cause = `The request head was not complete within ${limitMs} ms.`;
  return fault('head-timeout', 'client', cause);
}

export function bodyTimeout(limitMs: number): Fault {
  return fault('body-timeout', 'client', `No more of the request body came for ${limitMs} ms.`);
}

export function clientStalled(limitMs: number): Fault {
  const cause = `The client did not take what was sent to it for ${limitMs} ms.`;
  return fault('client-stalled', 'client', cause);
}

/** `what` completes "The client ...". */
export function clientGone(what: string): Fault {
  return fault('client-gone', 'client', `The client ${what}.`);
}
