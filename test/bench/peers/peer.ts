/** What is compared: a proxy that can be prepared once and started as often as a measurement needs it. */
import { join } from 'node:path';
import type { CertificateAuthority } from '../../support/certificates.ts';
import { RunningProcess, type StartOptions, startProcess } from '../../support/process.ts';
import type { TempDir } from '../../support/temp-dir.ts';
import type { BenchOrigin } from '../origin.ts';

export const repository = join(import.meta.dirname, '..', '..', '..');

/** What a proxy is put before: one or several origins, all plain or all TLS. */
export interface Target {
  readonly origins: readonly BenchOrigin[];
  readonly dir: TempDir;
  /** Who signed the origins' certificates; undefined for plain HTTP. */
  readonly authority: CertificateAuthority | undefined;
  /** Clients at once that it must be able to serve; left out, a few thousand. */
  readonly clients?: number;
  /** Connections to an origin that it must be able to hold; left out, what it does by itself is enough. */
  readonly connections?: number;
  /** `none`: `start` does not wait until it listens. */
  readonly readiness?: 'none';
}

/** A port of the proxy, and the port of the origin behind it. */
export interface Route {
  readonly port: number;
  readonly originPort: number;
}

export interface Running {
  /** The process that serves; undefined when clients speak to the origin itself. */
  readonly pid: number | undefined;
  /** Without a path; one for each origin. */
  readonly urls: readonly string[];
  readonly stop: () => Promise<void>;
}

export interface Peer {
  /** As it is asked for on the command line. */
  readonly name: string;
  readonly title: string;
  /** What was set beside the defaults, for the reader. */
  readonly settings: string;
  /** Its version, after installing it where that is ours to do. Throws with what is missing. */
  readonly prepare: () => Promise<string>;
  readonly start: (target: Target) => Promise<Running>;
}

/** All proxies keep that many idle connections where they must be told a number: more than any load here uses. */
export const keptConnections = 1024;

/** The name in the origins' certificates. */
export const certificateName = 'localhost';

export async function running(
  target: Target,
  routes: readonly Route[],
  options: StartOptions,
): Promise<Running> {
  const port = routes.at(-1)?.port ?? 0;
  const started =
    target.readiness === 'none'
      ? new RunningProcess(options)
      : await startProcess({ ready: { kind: 'port', port }, ...options });
  return {
    pid: started.pid,
    urls: routes.map((route) => `http://127.0.0.1:${route.port}`),
    stop: async () => {
      await started.stop(1_000);
    },
  };
}
