/** What no option can tell alone: whether the parts of a file go together. */
import { addressText, arrivesAt, clash, isLocal } from './addresses.ts';
import { type Finding, type Path, shown, touches } from './mistake.ts';
import type { FileOutput, UpstreamOutput } from './schema.ts';
import { reason } from './secrets.ts';
import { durationText } from './units.ts';

export interface CheckContext {
  readonly readFile: (path: string) => string;
  readonly resolvePath: (path: string) => string;
}

export interface Checked {
  readonly mistakes: readonly Finding[];
  /** What will run, and is probably not meant. */
  readonly warnings: readonly Finding[];
}

/** `earlier` are the mistakes found so far: what one of them touches is not looked at again. */
export function checkTogether(
  file: FileOutput,
  earlier: readonly Finding[],
  context: CheckContext,
): Checked {
  const checks = new Checks(file, earlier, context);
  checks.run();
  return checks;
}

class Checks implements Checked {
  readonly mistakes: Finding[] = [];
  readonly warnings: Finding[] = [];
  readonly #file: FileOutput;
  readonly #earlier: readonly Finding[];
  readonly #context: CheckContext;

  constructor(file: FileOutput, earlier: readonly Finding[], context: CheckContext) {
    this.#file = file;
    this.#earlier = earlier;
    this.#context = context;
  }

  run(): void {
    if (this.#areListed()) this.#listeners();
    if (this.#areNamed())
      for (const [name, upstream] of Object.entries(this.#file.upstreams))
        this.#upstream(name, upstream);
    this.#limits();
  }

  /** Whether the list itself, whatever stands in it, is there. */
  #areListed(): boolean {
    return Array.isArray(this.#file?.listeners);
  }

  #areNamed(): boolean {
    const upstreams: unknown = this.#file?.upstreams;
    return typeof upstreams === 'object' && upstreams !== null && !Array.isArray(upstreams);
  }

  #isSound(...path: Path): boolean {
    return !this.#earlier.some((finding) => touches(finding.path, path));
  }

  #mistake(path: Path, found: string, meant: string): void {
    this.mistakes.push({ path, at: 'value', found, meant });
  }

  #listeners(): void {
    const { listeners } = this.#file;
    if (listeners.length === 0)
      this.#mistake(
        ['listeners'],
        'an empty list',
        'at least one listener is meant, with address and upstream',
      );
    listeners.forEach((listener, index) => {
      if (this.#isSound('listeners', index, 'address')) this.#address(listener, index);
      if (this.#isSound('listeners', index, 'upstream') && this.#areNamed())
        this.#target(listener, index);
    });
    this.#adminAddress();
    if (!this.#areNamed()) return;
    for (const name of Object.keys(this.#file.upstreams)) {
      if (!listeners.some((each) => each?.upstream === name))
        this.warnings.push({
          path: ['upstreams', name],
          at: 'key',
          found: 'an upstream that no listener names',
          meant: 'it gets connections and no requests: add a listener for it, or remove it',
        });
    }
  }

  #address(
    { address, allowRemote, mode, owner }: FileOutput['listeners'][number],
    index: number,
  ): void {
    const path = ['listeners', index, 'address'];
    if (!isLocal(address) && allowRemote === false)
      this.#mistake(
        path,
        shown(addressText(address)),
        'a loopback address is meant (127.0.0.1 or [::1]), since whoever reaches a listener speaks to the upstream with all that this pod may do: set allowRemote: true if that is wanted',
      );
    if (address.kind === 'tcp') {
      for (const [key, value] of Object.entries({ mode, owner }))
        if (value !== undefined)
          this.#mistake(
            ['listeners', index, key],
            `${key} on a TCP address`,
            'an address such as unix:/run/sidepool/api.sock is meant with it: leave it out here',
          );
    }
    for (let other = 0; other < index; other += 1) {
      const before = this.#file.listeners[other];
      if (!this.#isSound('listeners', other, 'address') || before === undefined) continue;
      if (clash(before.address, address))
        this.#mistake(
          path,
          shown(addressText(address)),
          `another address is meant: listeners[${other}] has ${addressText(before.address)}`,
        );
    }
    if (this.#areNamed()) this.#loop(address, index);
  }

  #loop(address: FileOutput['listeners'][number]['address'], index: number): void {
    for (const [name, upstream] of Object.entries(this.#file.upstreams)) {
      const path = ['upstreams', name, 'url'];
      if (this.#isSound(...path) && arrivesAt(upstream.url, address))
        this.#mistake(
          path,
          shown(`${upstream.url.scheme}://${upstream.url.authority}`),
          `the upstream's own address is meant: ${addressText(address)} is listeners[${index}], and requests would go in a circle`,
        );
    }
  }

  #target({ upstream }: FileOutput['listeners'][number], index: number): void {
    const names = Object.keys(this.#file.upstreams);
    if (!names.includes(upstream))
      this.#mistake(
        ['listeners', index, 'upstream'],
        shown(upstream),
        names.length === 0
          ? 'the name of an upstream is meant: add one under upstreams'
          : `one of the upstreams is meant: ${names.join(', ')}`,
      );
  }

  #adminAddress(): void {
    const admin = this.#file.admin;
    if (admin === null || !this.#isSound('admin')) return;
    this.#file.listeners.forEach((listener, index) => {
      if (this.#isSound('listeners', index, 'address') && clash(listener.address, admin.address))
        this.#mistake(
          ['listeners', index, 'address'],
          shown(addressText(listener.address)),
          `another address is meant: the admin server has ${addressText(admin.address)} (set admin.address, or admin: off)`,
        );
    });
  }

  #upstream(name: string, upstream: UpstreamOutput): void {
    const at: Path = ['upstreams', name];
    this.#pool(at, upstream);
    if (this.#isSound(...at, 'headers')) this.#headers(at, upstream.headers);
    if (this.#isSound(...at, 'tls') && upstream.tls !== undefined)
      this.#tls(at, upstream, upstream.tls);
    if (this.#isSound(...at, 'retry')) this.#retry(at, upstream);
    if (
      this.#isSound(...at, 'upgrades') &&
      this.#isSound(...at, 'requireUpgrade') &&
      upstream.requireUpgrade &&
      upstream.upgrades.length === 0
    )
      this.#mistake(
        [...at, 'upgrades'],
        'an empty list',
        'an upgrade token such as websocket is meant: with requireUpgrade every request would be refused',
      );
  }

  #pool(at: Path, upstream: UpstreamOutput): void {
    const areSound = (...keys: readonly string[]) =>
      keys.every((key) => this.#isSound(...at, 'pool', key));
    if (areSound('warm', 'warmMax')) {
      const { warm, warmMax } = upstream.pool;
      if (warm > warmMax)
        this.#mistake(
          [...at, 'pool', 'warm'],
          String(warm),
          `at most warmMax (${warmMax}) is meant: lower warm or raise warmMax`,
        );
    }
    if (areSound('warmMax', 'maxConnections')) {
      const { warmMax, maxConnections } = upstream.pool;
      if (warmMax > maxConnections)
        this.#mistake(
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
        this.mistakes.push({
          path: [...at, 'headers', 'set', name],
          at: 'key',
          found: `the field ${before} again`,
          meant: 'each field is meant once: names are the same in any case',
        });
      seen.set(name.toLowerCase(), name);
    }
  }

  #tls(at: Path, { url }: UpstreamOutput, tls: NonNullable<UpstreamOutput['tls']>): void {
    const path = [...at, 'tls'];
    if (this.#isSound(...at, 'url') && url.scheme === 'http') {
      this.mistakes.push({
        path,
        at: 'key',
        found: 'tls for an http URL',
        meant: `an https URL is meant with it: write https://${url.host}, or remove tls`,
      });
      return;
    }
    if ((tls.certFile === undefined) !== (tls.keyFile === undefined)) {
      const [has, lacks] =
        tls.certFile === undefined ? ['keyFile', 'certFile'] : ['certFile', 'keyFile'];
      this.#mistake([...path, has], `${has} alone`, `both are meant: add ${lacks}`);
    }
    tls.ca.forEach((file, index) => {
      if (file !== 'system') this.#pem([...path, 'ca', index], file, 'CERTIFICATE');
    });
    if (tls.certFile !== undefined) this.#pem([...path, 'certFile'], tls.certFile, 'CERTIFICATE');
    if (tls.keyFile !== undefined) this.#pem([...path, 'keyFile'], tls.keyFile, 'PRIVATE KEY');
    if (tls.verify === 'none')
      this.warnings.push({
        path: [...path, 'verify'],
        at: 'value',
        found: 'none',
        meant: 'whoever is on the way can read and change everything: write full outside of tests',
      });
  }

  #pem(path: Path, file: string, kind: 'CERTIFICATE' | 'PRIVATE KEY'): void {
    try {
      const text = this.#context.readFile(this.#context.resolvePath(file));
      if (!new RegExp(`-----BEGIN [A-Z0-9 ]*${kind}-----`).test(text))
        this.#mistake(path, shown(file), `a PEM file with a ${kind} in it is meant`);
    } catch (error) {
      this.#mistake(
        path,
        shown(file),
        `the file cannot be read (${reason(error)}): mount it, or correct the path`,
      );
    }
  }

  #retry(at: Path, { retry, timeouts }: UpstreamOutput): void {
    const { backoff, perTryTimeout, bodyLimit } = retry;
    if (backoff.base > backoff.max)
      this.#mistake(
        [...at, 'retry', 'backoff', 'base'],
        durationText(backoff.base),
        `at most backoff.max (${durationText(backoff.max)}) is meant`,
      );
    if (
      this.#isSound(...at, 'timeouts') &&
      timeouts.firstByte > 0 &&
      perTryTimeout >= timeouts.firstByte
    )
      this.warnings.push({
        path: [...at, 'retry', 'perTryTimeout'],
        at: 'value',
        found: durationText(perTryTimeout),
        meant: `it has no effect unless it is less than timeouts.firstByte (${durationText(timeouts.firstByte)})`,
      });
    if (this.#isSound('limits') && bodyLimit > this.#file.limits.bufferTotal)
      this.warnings.push({
        path: [...at, 'retry', 'bodyLimit'],
        at: 'value',
        found: `${bodyLimit}B`,
        meant: `it is more than limits.bufferTotal (${this.#file.limits.bufferTotal}B), which holds for all exchanges together`,
      });
  }

  #limits(): void {
    if (this.#isSound('limits')) {
      const { head, target } = this.#file.limits;
      if (target > head)
        this.#mistake(
          ['limits', 'target'],
          `${target}B`,
          `at most limits.head (${head}B) is meant: the target is a part of the head`,
        );
    }
    if (this.#isSound('drain')) {
      const { quiet, deadline } = this.#file.drain;
      if (quiet > deadline)
        this.#mistake(
          ['drain', 'quiet'],
          durationText(quiet),
          `at most drain.deadline (${durationText(deadline)}) is meant`,
        );
    }
  }
}
