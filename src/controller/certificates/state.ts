/** The certificates as they lie in the Secret, read back with suspicion. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { objectAt, textAt } from '../injection/json.ts';
import type { KeyPair } from './issue.ts';

export interface CertificateState {
  /** What the webhook shows. */
  readonly serving: KeyPair;
  /** What it is signed with. */
  readonly current: KeyPair;
  /** The authority to come: trusted first, signed with second. */
  readonly next: (KeyPair & { readonly trustedAtSeconds: number | null }) | null;
  /** The certificate of the authority before, which replicas may still show certificates of. */
  readonly previous: string | null;
}

const keys = {
  servingCert: 'tls.crt',
  servingKey: 'tls.key',
  currentCert: 'ca.crt',
  currentKey: 'ca.key',
  nextCert: 'next-ca.crt',
  nextKey: 'next-ca.key',
  nextTrustedAt: 'next-ca.trusted-at',
  previousCert: 'previous-ca.crt',
} as const;

/** The `data` of a Secret, in base64. */
export function toData(state: CertificateState): Readonly<Record<string, string>> {
  const { serving, current, next, previous } = state;
  const texts: Record<string, string | null | undefined> = {
    [keys.servingCert]: serving.cert,
    [keys.servingKey]: serving.key,
    [keys.currentCert]: current.cert,
    [keys.currentKey]: current.key,
    [keys.nextCert]: next?.cert,
    [keys.nextKey]: next?.key,
    [keys.nextTrustedAt]: next?.trustedAtSeconds?.toString(),
    [keys.previousCert]: previous,
  };
  const data: Record<string, string> = {};
  for (const [key, text] of Object.entries(texts))
    if (text !== null && text !== undefined) data[key] = Buffer.from(text).toString('base64');
  return data;
}

/** The state in a Secret; null if it has none, or none that holds together. */
export function fromSecret(secret: unknown): CertificateState | null {
  const data = objectAt(secret, 'data');
  const text = (key: string): string =>
    Buffer.from(textAt(data, key) ?? '', 'base64').toString('utf8');
  const serving = pairOf(text(keys.servingCert), text(keys.servingKey));
  const current = pairOf(text(keys.currentCert), text(keys.currentKey));
  if (serving === null || current === null) return null;
  const next = pairOf(text(keys.nextCert), text(keys.nextKey));
  const trustedAt = text(keys.nextTrustedAt);
  const previous = text(keys.previousCert);
  return {
    serving,
    current,
    next:
      next === null
        ? null
        : { ...next, trustedAtSeconds: trustedAt === '' ? null : Number(trustedAt) || 0 },
    previous: certificateOf(previous) === null ? null : previous,
  };
}

/** Both, if they belong together. */
export function pairOf(cert: string, key: string): KeyPair | null {
  const certificate = certificateOf(cert);
  if (certificate === null) return null;
  try {
    return certificate.checkPrivateKey(createPrivateKey(key)) ? { cert, key } : null;
  } catch {
    return null;
  }
}

export function certificateOf(pem: string): X509Certificate | null {
  try {
    return pem === '' ? null : new X509Certificate(pem);
  } catch {
    return null;
  }
}

/** The end of its validity, in seconds since 1970; 0 of what is no certificate. */
export function expiryOf(pem: string): number {
  const certificate = certificateOf(pem);
  return certificate === null ? 0 : certificate.validToDate.getTime() / 1000;
}

/** What the API server is told to trust: every authority that a replica may show a certificate of. */
export function bundleOf({ current, next, previous }: CertificateState): string {
  return [current.cert, next?.cert, previous]
    .filter((pem) => typeof pem === 'string')
    .map((pem) => (pem.endsWith('\n') ? pem : `${pem}\n`))
    .join('');
}
