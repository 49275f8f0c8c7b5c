/**
 * Makes certificates. The only file that loads the X.509 library, and it is loaded when the first one is made: a replica
 * that never does so saves the memory.
 */
import './reflect-metadata.ts';
import type { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** PEM both. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Validity {
  readonly nowSeconds: number;
  readonly lifetimeMs: number;
}

const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** Clocks of nodes differ: a certificate is valid from a little before it was made. */
const BACKDATE_SECONDS = 300;

export async function issueAuthority(validity: Validity): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    // Two authorities of one name are told apart by their keys' identifiers; a name of its own is seen by people as well.
    name: `CN=Sidepool webhook authority ${Math.floor(validity.nowSeconds)}`,
    keys,
    signingAlgorithm: signing,
    ...times(validity),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await exported(keys) };
}

/** A certificate for these DNS names and IP addresses. It does not outlive its authority. */
export async function issueServing(
  authority: KeyPair,
  names: readonly string[],
  validity: Validity,
): Promise<KeyPair> {
  const issuer = new X509Certificate(authority.cert);
  const keys = await generateKeys();
  const wanted = times(validity);
  const notAfter = wanted.notAfter < issuer.notAfter ? wanted.notAfter : issuer.notAfter;
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${commonName(names)}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: await imported(authority.key),
    signingAlgorithm: signing,
    notBefore: wanted.notBefore,
    notAfter,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
      ),
    ],
  });
  return { cert: `${certificate.toString('pem')}\n`, key: await exported(keys) };
}

/** A common name holds 64 characters; nobody reads it but people. */
function commonName(names: readonly string[]): string {
  return names.find((name) => name.length <= 64 && !/[,+="<>#;\\]/.test(name)) ?? 'sidepool';
}

function times({ nowSeconds, lifetimeMs }: Validity) {
  return {
    notBefore: dateOf(nowSeconds - BACKDATE_SECONDS),
    notAfter: dateOf(nowSeconds + lifetimeMs / 1000),
  };
}

// biome-ignore lint/style/noRestrictedGlobals: a conversion; the time comes from the clock.
function dateOf(seconds: number): Date {
  // biome-ignore lint/style/noRestrictedGlobals: the same.
  return new Date(Math.floor(seconds) * 1000);
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(signing, true, ['sign', 'verify']);
}

async function exported(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const key = await crypto.subtle.exportKey('pkcs8', keys.privateKey);
  return `${PemConverter.encode(key, 'PRIVATE KEY')}\n`;
}

function imported(pem: string): Promise<webcrypto.CryptoKey> {
  return crypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), signing, false, ['sign']);
}
