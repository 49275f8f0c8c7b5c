/** Whether the listeners go together with each other, with the admin server and with the upstreams. */

import type { OriginUrl } from '../upstream/options.ts';
import { addressText, arrivesAt, clash, isLocal } from './addresses.ts';
import type { Findings } from './findings.ts';
import { shown } from './mistake.ts';
import type { FileOutput } from './schema.ts';

/** Names of upstreams in one mistake. */
const MOST_NAMED = 20;

type Listener = FileOutput['listeners'][number];

export interface ListenerContext {
  readonly listeners: readonly Listener[];
  /** Null when that part of the file is not sound. */
  readonly upstreams: FileOutput['upstreams'] | null;
  readonly admin: FileOutput['admin'];
}

export function checkListeners(context: ListenerContext, findings: Findings): void {
  new ListenerChecks(context, findings).run();
}

class ListenerChecks {
  readonly #listeners: readonly Listener[];
  readonly #upstreams: FileOutput['upstreams'];
  readonly #hasUpstreams: boolean;
  readonly #admin: FileOutput['admin'];
  readonly #findings: Findings;
  /** Asked once each: they are looked at in pairs. */
  readonly #soundAddresses: readonly boolean[];
  /** Upstreams of which it was said that they lead back here: once is enough. */
  readonly #circles = new Set<string>();
  readonly #soundUrls: readonly { readonly path: string[]; readonly url: OriginUrl }[];

  constructor({ listeners, upstreams, admin }: ListenerContext, findings: Findings) {
    this.#listeners = listeners;
    this.#upstreams = upstreams ?? {};
    this.#hasUpstreams = upstreams !== null;
    this.#admin = admin;
    this.#findings = findings;
    this.#soundAddresses = listeners.map((_, index) =>
      findings.isSound('listeners', index, 'address'),
    );
    this.#soundUrls = Object.entries(this.#upstreams)
      .map(([name, upstream]) => ({ path: ['upstreams', name, 'url'], url: upstream?.url }))
      .filter(({ path }) => findings.isSound(...path));
  }

  run(): void {
    const listeners = this.#listeners;
    if (listeners.length === 0)
      this.#findings.mistake(
        ['listeners'],
        'an empty list',
        'at least one listener is meant, with address and upstream',
      );
    listeners.forEach((listener, index) => {
      if (this.#soundAddresses[index] === true) this.#address(listener, index);
      if (this.#findings.isSound('listeners', index, 'upstream') && this.#hasUpstreams)
        this.#target(listener, index);
    });
    this.#adminAddress();
    for (const name of Object.keys(this.#upstreams)) {
      if (!listeners.some((each) => each?.upstream === name))
        this.#findings.warning(
          ['upstreams', name],
          'an upstream that no listener names',
          'it gets connections and no requests: add a listener for it, or remove it',
        );
    }
  }

  #address({ address, allowRemote, mode, owner }: Listener, index: number): void {
    const path = ['listeners', index, 'address'];
    if (!isLocal(address) && allowRemote === false)
      this.#findings.mistake(
        path,
        shown(addressText(address)),
        'a loopback address is meant (127.0.0.1 or [::1]), since whoever reaches a listener speaks to the upstream with all that this pod may do: set allowRemote: true if that is wanted',
      );
    if (address.kind === 'tcp') {
      for (const [key, value] of Object.entries({ mode, owner }))
        if (value !== undefined)
          this.#findings.mistake(
            ['listeners', index, key],
            `${key} on a TCP address`,
            'an address such as unix:/run/sidepool/api.sock is meant with it: leave it out here',
          );
    }
    for (let other = 0; other < index; other += 1) {
      const before = this.#listeners[other];
      if (this.#soundAddresses[other] !== true || before === undefined) continue;
      if (!clash(before.address, address)) continue;
      this.#findings.mistake(
        path,
        shown(addressText(address)),
        `another address is meant: listeners[${other}] has ${addressText(before.address)}`,
      );
      // One is enough: a list of aliases would have millions.
      break;
    }
    this.#loop(address, index);
  }

  #loop(address: Listener['address'], index: number): void {
    for (const { path, url } of this.#soundUrls) {
      const name = path[1] as string;
      if (this.#circles.has(name) || !arrivesAt(url, address)) continue;
      this.#circles.add(name);
      this.#findings.mistake(
        path,
        shown(`${url.scheme}://${url.authority}`),
        `the upstream's own address is meant: ${addressText(address)} is listeners[${index}], and requests would go in a circle`,
      );
    }
  }

  #target({ upstream }: Listener, index: number): void {
    const names = Object.keys(this.#upstreams);
    if (!names.includes(upstream))
      this.#findings.mistake(
        ['listeners', index, 'upstream'],
        shown(upstream),
        names.length === 0
          ? 'the name of an upstream is meant: add one under upstreams'
          : `one of the upstreams is meant: ${names.slice(0, MOST_NAMED).join(', ')}${names.length > MOST_NAMED ? ', ...' : ''}`,
      );
  }

  #adminAddress(): void {
    const admin = this.#admin;
    if (admin === null || !this.#findings.isSound('admin')) return;
    this.#listeners.forEach((listener, index) => {
      if (this.#soundAddresses[index] === true && clash(listener.address, admin.address))
        this.#findings.mistake(
          ['listeners', index, 'address'],
          shown(addressText(listener.address)),
          `another address is meant: the admin server has ${addressText(admin.address)} (set admin.address, or admin: off)`,
        );
    });
  }
}
