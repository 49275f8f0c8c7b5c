import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlsOptions } from '../../../src/upstream/options.ts';
import { TlsMaterial } from '../../../src/upstream/tls-material.ts';
import { type Certificate, CertificateAuthority } from '../../support/certificates.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;
let authority: CertificateAuthority;
let first: Certificate;
let second: Certificate;

beforeAll(async () => {
  dir = makeTempDir('tls-material');
  authority = await CertificateAuthority.create(dir.path);
  first = await authority.issue({ name: 'first', usage: 'client' });
  second = await authority.issue({ name: 'second', usage: 'client' });
});

afterAll(() => dir.remove());

function optionsOf(overrides: Partial<TlsOptions> = {}): TlsOptions {
  return {
    ca: [authority.certPath],
    serverName: 'origin.example',
    certificate: null,
    verify: 'full',
    ...overrides,
  };
}

let pairs = 0;

/** A certificate and key that a test may write over. */
function pair(): { certFile: string; keyFile: string } {
  pairs += 1;
  const files = { certFile: dir.file(`own-${pairs}.pem`), keyFile: dir.file(`own-${pairs}.key`) };
  writeFileSync(files.certFile, first.cert);
  writeFileSync(files.keyFile, first.key);
  return files;
}

describe('the material of TLS connections', () => {
  it('is one context for all connections as long as the files stay as they are', () => {
    const material = new TlsMaterial(optionsOf({ certificate: pair() }));
    expect(material.context()).toBe(material.context());
  });

  it('is made anew when a certificate file is replaced, and sessions of the old one are dropped', () => {
    const certificate = pair();
    const material = new TlsMaterial(optionsOf({ certificate }));
    const before = material.context();
    material.keepSession('10.0.0.1:443', Buffer.from('session'));
    writeFileSync(`${certificate.certFile}.new`, second.cert);
    writeFileSync(`${certificate.keyFile}.new`, second.key);
    renameSync(`${certificate.certFile}.new`, certificate.certFile);
    renameSync(`${certificate.keyFile}.new`, certificate.keyFile);
    const after = material.context();
    expect(after).not.toBe(before);
    expect(material.session('10.0.0.1:443')).toBeUndefined();
    expect(material.context()).toBe(after);
  });

  it('is made anew when a file is touched in place', () => {
    const ca = dir.file('touched.pem');
    writeFileSync(ca, authority.cert);
    const material = new TlsMaterial(optionsOf({ ca: [ca] }));
    const before = material.context();
    utimesSync(ca, new Date(), new Date(Date.now() + 5_000));
    expect(material.context()).not.toBe(before);
  });

  it('follows the link that a mounted Secret swaps', () => {
    const [one, two, data] = [dir.file('..one'), dir.file('..two'), dir.file('..data')];
    for (const [folder, { cert, key }] of [
      [one, first],
      [two, second],
    ] as const) {
      mkdirSync(folder);
      writeFileSync(`${folder}/tls.crt`, cert);
      writeFileSync(`${folder}/tls.key`, key);
    }
    symlinkSync(one, data);
    const certificate = { certFile: `${data}/tls.crt`, keyFile: `${data}/tls.key` };
    const material = new TlsMaterial(optionsOf({ certificate }));
    const before = material.context();
    symlinkSync(two, `${data}.new`);
    renameSync(`${data}.new`, data);
    expect(material.context()).not.toBe(before);
  });

  it('stays when a file is away for a moment', () => {
    const certificate = pair();
    const material = new TlsMaterial(optionsOf({ certificate }));
    const before = material.context();
    rmSync(certificate.certFile);
    expect(material.context()).toBe(before);
    writeFileSync(certificate.certFile, second.cert);
    writeFileSync(certificate.keyFile, second.key);
    expect(material.context()).not.toBe(before);
  });

  it('that is missing from the start is named', () => {
    const missing = dir.file('missing.pem');
    expect(() => new TlsMaterial(optionsOf({ ca: [missing] })).context()).toThrow(missing);
  });

  it('that is no PEM is an error each time, until it is put right', () => {
    const certificate = pair();
    writeFileSync(certificate.keyFile, 'not a key');
    const material = new TlsMaterial(optionsOf({ certificate }));
    expect(() => material.context()).toThrow();
    expect(() => material.context()).toThrow();
    writeFileSync(certificate.keyFile, first.key);
    expect(material.context()).toBeDefined();
  });

  it('that does not fit together is an error', () => {
    const certificate = pair();
    writeFileSync(certificate.keyFile, second.key);
    expect(() => new TlsMaterial(optionsOf({ certificate })).context()).toThrow(
      /key values mismatch/i,
    );
  });

  it('that cannot be used is named', () => {
    const certificate = pair();
    writeFileSync(certificate.keyFile, 'not a key');
    expect(() => new TlsMaterial(optionsOf({ certificate })).context()).toThrow(
      certificate.keyFile,
    );
  });

  it('stays while a certificate and its key are replaced one after the other', () => {
    const certificate = pair();
    const causes: string[] = [];
    const material = new TlsMaterial(optionsOf({ certificate }), (cause) => causes.push(cause));
    const before = material.context();
    material.keepSession('a', Buffer.from('1'));
    writeFileSync(`${certificate.certFile}.new`, second.cert);
    renameSync(`${certificate.certFile}.new`, certificate.certFile);
    expect(material.context()).toBe(before);
    expect(material.context()).toBe(before);
    expect(material.session('a')).toBeDefined();
    expect(causes).toEqual([expect.stringMatching(/cannot use .*key values mismatch/i)]);
    writeFileSync(`${certificate.keyFile}.new`, second.key);
    renameSync(`${certificate.keyFile}.new`, certificate.keyFile);
    const after = material.context();
    expect(after).not.toBe(before);
    expect(material.session('a')).toBeUndefined();
    expect([material.context(), causes.length]).toEqual([after, 1]);
  });

  it.each<[string, () => readonly string[]]>([
    ['the system’s', () => []],
    ['the system’s and one more', () => ['system', authority.certPath]],
    ['none but one', () => [authority.certPath]],
  ])('can trust %s', (_, ca) => {
    expect(new TlsMaterial(optionsOf({ ca: ca() })).context()).toBeDefined();
  });

  it('keeps the last session of each endpoint until it is forgotten', () => {
    const material = new TlsMaterial(optionsOf());
    material.context();
    material.keepSession('a', Buffer.from('1'));
    material.keepSession('b', Buffer.from('2'));
    material.keepSession('a', Buffer.from('3'));
    expect(String(material.session('a'))).toBe('3');
    material.forget('a');
    expect(material.session('a')).toBeUndefined();
    expect(String(material.session('b'))).toBe('2');
  });

  it('keeps sessions of the last 64 endpoints, however many come and go', () => {
    const material = new TlsMaterial(optionsOf());
    material.context();
    for (let i = 0; i < 64; i += 1) material.keepSession(`e${i}`, Buffer.from('1'));
    material.keepSession('e0', Buffer.from('2'));
    material.keepSession('e64', Buffer.from('1'));
    expect(String(material.session('e0'))).toBe('2');
    expect(material.session('e1')).toBeUndefined();
    expect([material.session('e2'), material.session('e64')]).not.toContain(undefined);
  });
});
