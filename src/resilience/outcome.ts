/**
 * What an attempt tells of its endpoint.
 *
 * The argument. Two questions are asked of an endpoint, and one attempt answers them differently.
 *
 * Does it work at all? Only what is no answer of the application's says that it does not: a connection that ends under
 * a request, a response cut short or malformed, silence past a limit; and the statuses with which a gateway or an
 * overloaded server speaks for an application that did not answer (502, 503, 504). That is `bad`. A 500 is none of it:
 * the application has read this one request and stumbled over it, as it would anywhere.
 *
 * Does it do worse than the others? Then a 500 counts as well (`error`), and so does a client that went away after it
 * had waited long in vain (`given-up`): whatever is the requests' own doing happens to the others too.
 *
 * A connection that could not be made is in neither: dials have their own health, and a restart is waited out. One that
 * was kept and ended under a request may have been closed for its age alone. It counts all the same: it cannot be told
 * from an endpoint that dies of requests, and a row of such ends without one answer between them is no chance.
 */
import type { Fault } from '../base/fault.ts';

export type Outcome =
  /** An answer, whole. */
  | 'good'
  /** An answer of the application's own that it could not do what was asked. */
  | 'error'
  /** Its client went away after a long wait without an octet. */
  | 'given-up'
  /** No answer of the application's. */
  | 'bad'
  /** Nothing that concerns the endpoint. */
  | 'none';

/** A client that leaves earlier may have had its own reasons. */
export const GIVEN_UP_MS = 1_000;

/** Of a response that came whole. `failing` are statuses that stand for no answer. */
export function outcomeOfStatus(status: number, failing: readonly number[]): Outcome {
  if (status < 400) return 'good';
  if (failing.includes(status)) return 'bad';
  return status >= 500 ? 'error' : 'good';
}

/** Of an attempt that failed. */
export function outcomeOfFault(fault: Fault): Outcome {
  // One that waited behind another's response says nothing: the one before it does.
  if (fault.side !== 'upstream' || fault.behind !== undefined) return 'none';
  switch (fault.kind) {
    case 'body-cut':
    case 'connection-ended':
    case 'first-byte-timeout':
    case 'idle-timeout':
    case 'malformed-response':
    case 'partial-response':
      return 'bad';
    case 'response-too-large':
    case 'unasked-upgrade':
      return 'error';
    default:
      return 'none';
  }
}
