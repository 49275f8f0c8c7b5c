/**
 * A certificate authority for tests: good, expired, wrongly named and client certificates, as PEM files.
 *
 * EC P-256 throughout: a key takes a millisecond, an RSA key a hundred.
 */
import '../../src/controller/certificates/reflect-metadata.ts';
import { type webcrypto, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type X509Certificate as IssuedCertificate,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const signing = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const hourMs = 3_600_000;

export interface Certificate {
  /** PEM: the certificate itself, and nothing after it. */
  readonly cert: string;
  readonly key: string;
  readonly certPath: string;
  readonly keyPath: string;
  /** Certificate and key in one file, as HAProxy wants them. */
  readonly bundlePath: string;
  /** Lower-case hexadecimal, to tell which certificate was shown. */
  readonly serialNumber: string;
}

export interface IssueOptions {
  /** The stem of its file names; the authority's directory has one of each. */
  readonly name: string;
  /** DNS names; none unless given. */
  readonly names?: readonly string[];
  readonly addresses?: readonly string[];
  readonly usage?: 'server' | 'client';
  /** `expired` ended an hour ago; `not-yet` begins in an hour. */
  readonly validity?: 'now' | 'expired' | 'not-yet';
}

export class CertificateAuthority {
  /** PEM. */
  readonly cert: string;
  readonly certPath: string;
  readonly #dir: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #subject: string;

  private constructor(
    dir: string,
    name: string,
    own: IssuedCertificate,
    keys: webcrypto.CryptoKeyPair,
  ) {
    this.#dir = dir;
    this.#keys = keys;
    this.#subject = own.subject;
    this.cert = own.toString('pem');
    this.certPath = join(dir, `${name}.pem`);
    writeFileSync(this.certPath, this.cert);
  }

  static async create(dir: string, name = 'ca'): Promise<CertificateAuthority> {
    const keys = await generateKeys();
    const own = await X509CertificateGenerator.createSelfSigned({
      name: `CN=Sidepool test ${name}`,
      keys,
      signingAlgorithm: signing,
      ...validity('now'),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      ],
    });
    return new CertificateAuthority(dir, name, own, keys);
  }

  async issue(options: IssueOptions): Promise<Certificate> {
    const keys = await generateKeys();
    const issued = await X509CertificateGenerator.create({
      subject: `CN=${options.names?.[0] ?? options.addresses?.[0] ?? options.name}`,
      issuer: this.#subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: signing,
      ...validity(options.validity ?? 'now'),
      extensions: leafExtensions(options),
    });
    const cert = issued.toString('pem');
    const key = PemConverter.encode(
      await crypto.subtle.exportKey('pkcs8', keys.privateKey),
      'PRIVATE KEY',
    );
    const path = (suffix: string) => join(this.#dir, `${options.name}${suffix}`);
    const paths = { certPath: path('.pem'), keyPath: path('.key'), bundlePath: path('.both.pem') };
    writeFileSync(paths.certPath, cert);
    writeFileSync(paths.keyPath, key, { mode: 0o600 });
    writeFileSync(paths.bundlePath, `${cert}\n${key}\n`, { mode: 0o600 });
    const { serialNumber } = new X509Certificate(cert);
    return { cert, key, ...paths, serialNumber: serialNumber.toLowerCase() };
  }

  /** For an origin on loopback, by name and by address. */
  issueForLoopback(name = 'loopback'): Promise<Certificate> {
    return this.issue({ name, names: ['localhost'], addresses: ['127.0.0.1', '::1'] });
  }
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(signing, true, ['sign', 'verify']);
}

function leafExtensions({
  names = [],
  addresses = [],
  usage = 'server',
}: IssueOptions): Extension[] {
  const alternative: JsonGeneralName[] = [
    ...names.map((value) => ({ type: 'dns' as const, value })),
    ...addresses.map((value) => ({ type: 'ip' as const, value })),
  ];
  const purpose = usage === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([purpose]),
    ...(alternative.length === 0 ? [] : [new SubjectAlternativeNameExtension(alternative)]),
  ];
}

function validity(kind: NonNullable<IssueOptions['validity']>): {
  notBefore: Date;
  notAfter: Date;
} {
  const shiftMs = { now: 0, expired: -25 * hourMs, 'not-yet': 2 * hourMs }[kind];
  const now = Date.now();
  // It begins an hour in the past: clocks differ.
  return {
    notBefore: new Date(now + shiftMs - hourMs),
    notAfter: new Date(now + shiftMs + 24 * hourMs),
  };
}
