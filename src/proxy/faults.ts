/** The faults that an exchange makes itself, and what it reads in those of others. */
import { type Fault, fault } from '../base/fault.ts';

/** A reused connection that ended before a byte came: most likely it was closed before the request arrived. */
export function isStale(failure: Fault): boolean {
  const hasEnded = failure.kind === 'connection-ended' || failure.kind === 'write-failed';
  return hasEnded && failure.received === 'nothing';
}

/** RFC 9110 15.5.12, said for an upstream that could not be told the length otherwise. */
export function lengthRequired(): Fault {
  return fault(
    'length-required',
    'client',
    'This upstream speaks HTTP/1.0, and the chunked body is too long to be counted first: send Content-Length.',
  );
}

export function tookTooLong(requestMs: number): Fault {
  return fault('request-timeout', 'gateway', `The exchange took longer than ${requestMs} ms.`);
}
