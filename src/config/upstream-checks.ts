/** Whether the options of one upstream go together. */
import type { Findings } from './findings.ts';
import { type Path, shown } from './mistake.ts';
import { checkBreaker, checkOutliers } from './resilience-checks.ts';
import type { FileOutput, UpstreamOutput } from './schema.ts';
import { reason } from './secrets.ts';
import { durationText } from './units.ts';

export interface UpstreamContext {
  readonly limits: FileOutput['limits'];
  readonly readFile: (path: string) => string;
  readonly resolvePath: (path: string) => string;
}

export function checkUpstream(
  name: string,
  upstream: UpstreamOutput,
  { context, findings }: { context: UpstreamContext; findings: Findings },
): void {
  new UpstreamChecks(context, findings).run(name, upstream);
}

class UpstreamChecks {
  readonly #context: UpstreamContext;
  readonly #findings: Findings;

  constructor(context: UpstreamContext, findings: Findings) {
    this.#context = context;
    this.#findings = findings;
  }

  run(name: string, upstream: UpstreamOutput): void {
    const at: Path = ['upstreams', name];
    this.#pool(at, upstream);
    if (this.#findings.isSound(...at, 'headers')) this.#headers(at, upstream.headers);
    if (this.#findings.isSound(...at, 'tls') && upstream.tls !== undefined)
      this.#tls(at, upstream, upstream.tls);
    if (this.#findings.isSound(...at, 'retry')) this.#retry(at, upstream);
    if (this.#findings.isSound(...at, 'outliers')) checkOutliers(at, upstream, this.#findings);
    if (this.#findings.isSound(...at, 'breaker')) checkBreaker(at, upstream, this.#findings);
    if (
      this.#findings.isSound(...at, 'upgrades') &&
      this.#findings.isSound(...at, 'requireUpgrade') &&
      upstream.requireUpgrade &&
      upstream.upgrades.length === 0
    )
      this.#findings.mistake(
        [...at, 'upgrades'],
        'an empty list',
        'an upgrade token such as websocket is meant: with requireUpgrade every request would be refused',
      );
  }

  #pool(at: Path, upstream: UpstreamOutput): void {
    const areSound = (...keys: readonly string[]) =>
      keys.every((key) => this.#findings.isSound(...at, 'pool', key));
    if (areSound('warm', 'warmMax')) {
      const { warm, warmMax } = upstream.pool;
      if (warm > warmMax)
        this.#findings.mistake(
          [...at, 'pool', 'warm'],
          String(warm),
          `at most warmMax (${warmMax}) is meant: lower warm or raise warmMax`,
        );
    }
    if (areSound('warmMax', 'maxConnections')) {
      const { warmMax, maxConnections } = upstream.pool;
      if (warmMax > maxConnections)
        this.#findings.mistake(
          [...at, 'pool', 'warmMax'],
          String(warmMax),
          `at most maxConnections (${maxConnections}) is meant: lower warmMax or raise maxConnections`,
        );
    }
  }

  #headers(at: Path, { set }: UpstreamOutput['headers']): void {
    const seen = new Map<string, string>();
    for (const name of Object.keys(set)) {
      const before = seen.get(name.toLowerCase());
      if (before !== undefined)
        this.#findings.mistakeInKey(
          [...at, 'headers', 'set', name],
          `the field ${before} again`,
          'each field is meant once: names are the same in any case',
        );
      seen.set(name.toLowerCase(), name);
    }
  }

  #tls(at: Path, { url }: UpstreamOutput, tls: NonNullable<UpstreamOutput['tls']>): void {
    const path = [...at, 'tls'];
    if (this.#findings.isSound(...at, 'url') && url.scheme === 'http') {
      this.#findings.mistakeInKey(
        path,
        'tls for an http URL',
        `an https URL is meant with it: write https://${url.host}, or remove tls`,
      );
      return;
    }
    if ((tls.certFile === undefined) !== (tls.keyFile === undefined)) {
      const [has, lacks] =
        tls.certFile === undefined ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
      this.#findings.mistake([...path, has], `${has} alone`, `both are meant: add ${lacks}`);
    }
    tls.ca.forEach((file, index) => {
      if (file !== 'system') this.#pem([...path, 'ca', index], file, 'CERTIFICATE');
    });
    if (tls.certFile !== undefined) this.#pem([...path, 'certFile'], tls.certFile, 'CERTIFICATE');
    if (tls.keyFile !== undefined) this.#pem([...path, 'keyFile'], tls.keyFile, 'PRIVATE KEY');
    if (tls.verify === 'none')
      this.#findings.warning(
        [...path, 'verify'],
        'none',
        'whoever is on the way can read and change everything: write full outside of tests',
      );
  }

  #pem(path: Path, file: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): void {
    try {
      const text = this.#context.readFile(this.#context.resolvePath(file));
      if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(text))
        this.#findings.mistake(path, shown(file), `a PEM file with a ${kind} in it is meant`);
    } catch (error) {
      this.#findings.mistake(
        path,
        shown(file),
        `the file cannot be read (${reason(error)}): mount it, or correct the path`,
      );
    }
  }

  #retry(at: Path, { retry, timeouts }: UpstreamOutput): void {
    const { backoff, perTryTimeout, bodyLimit } = retry;
    if (backoff.base > backoff.max)
      this.#findings.mistake(
        [...at, 'retry', 'backoff', 'base'],
        durationText(backoff.base),
        `at most backoff.max (${durationText(backoff.max)}) is meant`,
      );
    if (
      this.#findings.isSound(...at, 'timeouts') &&
      timeouts.firstByte > 0 &&
      perTryTimeout >= timeouts.firstByte
    )
      this.#findings.warning(
        [...at, 'retry', 'perTryTimeout'],
        durationText(perTryTimeout),
        `it has no effect unless it is less than timeouts.firstByte (${durationText(timeouts.firstByte)})`,
      );
    if (this.#findings.isSound('limits') && bodyLimit > this.#context.limits.bufferTotal)
      this.#findings.warning(
        [...at, 'retry', 'bodyLimit'],
        `${bodyLimit}B`,
        `it is more than limits.bufferTotal (${this.#context.limits.bufferTotal}B), which holds for all exchanges together`,
      );
  }
}
