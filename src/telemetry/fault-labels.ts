/** The values that the labels of faults can have. The type makes sure that none is missing. */
import type { FaultKind, FaultSide } from '../base/fault.ts';

const kinds: Readonly<Record<FaultKind, null>> = {
  'bad-request': null,
  'body-too-large': null,
  'coding-not-implemented': null,
  'expectation-failed': null,
  'fields-too-large': null,
  'foreign-authority': null,
  'length-required': null,
  'method-not-implemented': null,
  'target-too-long': null,
  'upgrade-required': null,
  'version-not-supported': null,
  'body-timeout': null,
  'client-gone': null,
  'client-stalled': null,
  'head-timeout': null,
  'malformed-body': null,
  'breaker-open': null,
  'connect-failed': null,
  'connect-refused': null,
  'connect-timeout': null,
  'dns-failed': null,
  'no-endpoint': null,
  'tls-certificate': null,
  'tls-failed': null,
  'upstream-down': null,
  'wait-timeout': null,
  'waiting-full': null,
  'body-cut': null,
  'connection-ended': null,
  'first-byte-timeout': null,
  'idle-timeout': null,
  'malformed-response': null,
  'partial-response': null,
  'request-timeout': null,
  'response-too-large': null,
  'unasked-upgrade': null,
  'write-failed': null,
  draining: null,
  internal: null,
};
const sides: Readonly<Record<FaultSide, null>> = { client: null, upstream: null, gateway: null };

export const faultKinds = Object.keys(kinds) as readonly FaultKind[];
export const faultSides = Object.keys(sides) as readonly FaultSide[];
