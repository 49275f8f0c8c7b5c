/**
 * What TLS connections to one upstream share: one SecureContext (27 KB each), made again when a certificate file
 * changes, and the last session of each endpoint, so that a new connection resumes instead of shaking hands anew.
 */
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { messageOf } from '../base/fault.ts';
import type { TlsOptions } from './options.ts';

/** Sessions kept. Endpoints come and go without a word to us; one that is forgotten costs a full handshake. */
const MOST_SESSIONS = 64;

export class TlsMaterial {
  readonly #options: TlsOptions;
  #context: SecureContext | null = null;
  #stamp = '';
  /** In the order in which they came: the oldest is first. */
  readonly #sessions = new Map<string, Buffer>();
  readonly #onUnusable: (cause: string) => void;

  /** `onUnusable` hears, once for each change, why changed files are not used and the old ones still are. */
  constructor(options: TlsOptions, onUnusable: (cause: string) => void = () => undefined) {
    this.#options = options;
    this.#onUnusable = onUnusable;
  }

  get options(): TlsOptions {
    return this.#options;
  }

  /**
   * The context to dial with. Throws, with the file's name, when a file cannot be read or used and there never was one
   * that could; else the last good one stays until the files change again. A certificate and its key are often replaced
   * one after the other, and do not match in between.
   */
  context(): SecureContext {
    const stamp = this.#stampNow();
    if (this.#context === null) {
      this.#context = this.#make();
      this.#stamp = stamp;
    } else if (stamp !== this.#stamp) {
      // Taken before the files are read: a file that changes while they are is seen the next time.
      this.#stamp = stamp;
      try {
        this.#context = this.#make();
        this.#sessions.clear();
      } catch (error) {
        this.#onUnusable(messageOf(error));
      }
    }
    return this.#context;
  }

  session(endpoint: string): Buffer | undefined {
    return this.#sessions.get(endpoint);
  }

  keepSession(endpoint: string, session: Buffer): void {
    this.#sessions.delete(endpoint);
    this.#sessions.set(endpoint, session);
    if (this.#sessions.size <= MOST_SESSIONS) return;
    for (const oldest of this.#sessions.keys()) {
      this.#sessions.delete(oldest);
      return;
    }
  }

  forget(endpoint: string): void {
    this.#sessions.delete(endpoint);
  }

  #files(): string[] {
    const { ca, certificate } = this.#options;
    const files = ca.filter((entry) => entry !== 'system');
    if (certificate !== null) files.push(certificate.certFile, certificate.keyFile);
    return files;
  }

  /** Changes whenever one of the files does. A stat each per dial is nothing beside a handshake. */
  #stampNow(): string {
    let stamp = '';
    for (const file of this.#files()) {
      const stats = statSync(file, { throwIfNoEntry: false });
      // A file that is away for a moment, as while a Secret is swapped, does not throw away a good context.
      if (stats === undefined && this.#context !== null) return this.#stamp;
      stamp += `${file}:${stats?.mtimeMs}:${stats?.size}:${stats?.ino};`;
    }
    return stamp;
  }

  #make(): SecureContext {
    const { ca, certificate } = this.#options;
    const authorities: string[] = [];
    for (const entry of ca) {
      if (entry === 'system') authorities.push(...systemAuthorities());
      else authorities.push(read(entry));
    }
    const trust = authorities.length > 0 ? { ca: authorities } : systemRoots();
    const own =
      certificate === null
        ? {}
        : { cert: read(certificate.certFile), key: read(certificate.keyFile) };
    try {
      return createSecureContext({ minVersion: 'TLSv1.2', ...trust, ...own });
    } catch (error) {
      throw new Error(`cannot use ${this.#files().join(', ')}: ${messageOf(error)}`);
    }
  }
}

/** Debian, Red Hat and Alpine in turn: where `update-ca-certificates` and its kin leave their bundle. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

/** The machine's own bundle if there is one; else nothing, so that Node's built-in roots count. */
function systemRoots(): { ca: string } | Record<never, never> {
  for (const bundle of bundles) {
    if (statSync(bundle, { throwIfNoEntry: false }) !== undefined) return { ca: read(bundle) };
  }
  return {};
}

function systemAuthorities(): string[] {
  const roots = systemRoots();
  return 'ca' in roots ? [roots.ca] : getCACertificates('bundled');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${file}: ${messageOf(error)}`);
  }
}
