/**
 * What is to be done next about the certificates, as a pure function of what there is and what time it is.
 *
 * An authority is trusted first and signed with second: at two thirds of its life the next one is made and put beside it
 * into `caBundle`; when every API server has surely seen that, the serving certificate is signed with it; the old one
 * stays trusted until it ends. So there is no moment in which a replica shows what an API server does not trust.
 */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { bundleOf, type CertificateState, certificateOf, expiryOf } from './state.ts';

export interface Lifetimes {
  readonly authorityMs: number;
  readonly servingMs: number;
  /** How long a new authority is trusted before it signs. */
  readonly trustDelayMs: number;
}

export type Step =
  | { readonly do: 'nothing' }
  /** There is nothing to build on: an authority and what it signs, at once. */
  | { readonly do: 'begin'; readonly why: string }
  | { readonly do: 'make-next' }
  /** The next authority is in `caBundle` as of now. */
  | { readonly do: 'note-trusted' }
  | { readonly do: 'promote' }
  | { readonly do: 'renew-serving' }
  | { readonly do: 'drop-previous' };

export interface RotationFacts {
  readonly nowSeconds: number;
  readonly lifetimes: Lifetimes;
  /** What the certificate must be for. */
  readonly names: readonly string[];
  /** `caBundle` as it was last seen, or null if it is not ours to set. */
  readonly trustedBundle: string | null;
}

export function nextStep(state: CertificateState | null, facts: RotationFacts): Step {
  const { nowSeconds, lifetimes, trustedBundle } = facts;
  if (state === null) return { do: 'begin', why: 'there are no certificates yet' };
  const { current, next, serving, previous } = state;
  if (expiryOf(current.cert) <= nowSeconds && next === null)
    return { do: 'begin', why: 'the authority has run out' };
  if (next === null && isDue(current.cert, lifetimes.authorityMs, nowSeconds))
    return { do: 'make-next' };
  if (next !== null && next.trustedAtSeconds === null) {
    if (trustedBundle === null || trustedBundle === bundleOf(state)) return { do: 'note-trusted' };
  } else if (next !== null && next.trustedAtSeconds !== null) {
    const trustedForMs = (nowSeconds - next.trustedAtSeconds) * 1000;
    // With the authority at its end there is nothing to wait for.
    const isOver = expiryOf(current.cert) <= nowSeconds;
    if (trustedForMs >= lifetimes.trustDelayMs || isOver) return { do: 'promote' };
  }
  if (isDue(serving.cert, lifetimes.servingMs, nowSeconds) || !fits(state, facts.names))
    return { do: 'renew-serving' };
  if (previous !== null && expiryOf(previous) <= nowSeconds) return { do: 'drop-previous' };
  return { do: 'nothing' };
}

/** Whether less than a third of the life that such a certificate has is left. */
function isDue(pem: string, lifetimeMs: number, nowSeconds: number): boolean {
  return expiryOf(pem) - nowSeconds <= lifetimeMs / 3000;
}

/** Whether the serving certificate is signed by the authority in use, for all the names. */
function fits({ serving, current }: CertificateState, names: readonly string[]): boolean {
  const certificate = certificateOf(serving.cert);
  const authority = certificateOf(current.cert);
  if (certificate === null || authority === null) return false;
  return certificate.verify(authority.publicKey) && names.every((name) => isFor(certificate, name));
}

function isFor(certificate: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
}
