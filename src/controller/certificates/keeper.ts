/**
 * Keeps the certificates: every replica reads them from the Secret and shows what it finds; the one that holds the Lease
 * also makes, rotates, and tells the API servers what to trust.
 */
import type { Clock } from '../../base/clock.ts';
import { listAt, member, textAt } from '../injection/json.ts';
import { type Api, ask } from '../kubernetes/api.ts';
import type { Lease } from '../kubernetes/lease.ts';
import type { KeyPair } from './issue.ts';
import { type Lifetimes, nextStep, type Step } from './rotation.ts';
import { bundleOf, type CertificateState, fromSecret, toData } from './state.ts';

export interface KeeperOptions {
  readonly namespace: string;
  readonly secret: string;
  readonly webhookConfiguration: string;
  readonly names: readonly string[];
  readonly lifetimes: Lifetimes;
}

export interface KeeperObserver {
  onRotated(step: Step['do'], why: string): void;
  onTrusted(webhooks: number): void;
}

export interface KeeperParts {
  readonly api: Api;
  readonly clock: Clock;
  readonly lease: Lease;
  readonly observer: KeeperObserver;
}

/** More steps than a rotation has: past it something undoes what is done. */
const MOST_STEPS = 4;

export class CertificateKeeper {
  readonly #parts: KeeperParts;
  readonly #options: KeeperOptions;
  readonly #secretsPath: string;

  constructor(options: KeeperOptions, parts: KeeperParts) {
    this.#options = options;
    this.#parts = parts;
    this.#secretsPath = `/api/v1/namespaces/${options.namespace}/secrets`;
  }

  /** Looks, does what is due if this replica is the one to do it, and gives what to show. Rejects when it cannot tell. */
  async tend(): Promise<CertificateState | null> {
    const { lease } = this.#parts;
    const isLeader = await lease.tend();
    let secret = await this.#readSecret();
    if (!isLeader) return fromSecret(secret);
    for (let steps = 0; steps < MOST_STEPS; steps += 1) {
      const state = fromSecret(secret);
      // Trusted first, before anything is signed with it; and mended if somebody has reset it.
      const trustedBundle = state === null ? null : await this.#trust(bundleOf(state));
      const step = nextStep(state, this.#facts(trustedBundle));
      // What a Lease that has run out in the meantime is worth: nothing.
      if (step.do === 'nothing' || !lease.isHeld) return state;
      const made = await this.#make(state, step);
      const written = await this.#writeSecret(secret, made);
      if (written === null) return state;
      this.#parts.observer.onRotated(step.do, 'why' in step ? step.why : '');
      secret = written;
    }
    return fromSecret(secret);
  }

  #facts(trustedBundle: string | null) {
    const { names, lifetimes } = this.#options;
    return { nowSeconds: this.#parts.clock.wallSeconds(), names, lifetimes, trustedBundle };
  }

  async #make(state: CertificateState | null, step: Step): Promise<CertificateState> {
    const { lifetimes, names } = this.#options;
    const { issueAuthority, issueServing } = await import('./issue.ts');
    const nowSeconds = this.#parts.clock.wallSeconds();
    const authority = () => issueAuthority({ nowSeconds, lifetimeMs: lifetimes.authorityMs });
    const serving = (by: KeyPair) =>
      issueServing(by, names, { nowSeconds, lifetimeMs: lifetimes.servingMs });
    if (state === null || step.do === 'begin') {
      const current = await authority();
      return { current, serving: await serving(current), next: null, previous: null };
    }
    const { current, next } = state;
    if (step.do === 'make-next')
      return { ...state, next: { ...(await authority()), trustedAtSeconds: null } };
    if (step.do === 'note-trusted' && next !== null)
      return { ...state, next: { ...next, trustedAtSeconds: nowSeconds } };
    if (step.do === 'promote' && next !== null) {
      const { cert, key } = next;
      const promoted = { cert, key };
      return {
        current: promoted,
        serving: await serving(promoted),
        next: null,
        previous: current.cert,
      };
    }
    if (step.do === 'drop-previous') return { ...state, previous: null };
    return { ...state, serving: await serving(current) };
  }

  async #readSecret(): Promise<unknown> {
    const path = `${this.#secretsPath}/${this.#options.secret}`;
    const answer = await this.#parts.api.call({ method: 'GET', path });
    if (answer.status === 404) return null;
    return ask({ call: async () => answer }, { method: 'GET', path });
  }

  /** The Secret as it is now; null if somebody else has written it in between. */
  async #writeSecret(before: unknown, state: CertificateState): Promise<unknown> {
    const { secret: name, namespace } = this.#options;
    const isNew = before === null;
    const path = isNew ? this.#secretsPath : `${this.#secretsPath}/${name}`;
    const method = isNew ? 'POST' : 'PUT';
    const body = {
      ...(isNew
        ? { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: { name, namespace } }
        : (before as object)),
      data: toData(state),
    };
    const answer = await this.#parts.api.call({ method, path, body });
    return answer.status === 409 ? null : ask({ call: async () => answer }, { method, path });
  }

  /** Has every webhook of the configuration trust this bundle; gives the bundle that is trusted, or null if nobody asks. */
  async #trust(bundle: string): Promise<string | null> {
    const { webhookConfiguration: name } = this.#options;
    const { api, observer } = this.#parts;
    const path = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${name}`;
    const answer = await api.call({ method: 'GET', path });
    if (answer.status === 404) return null;
    const found = await ask({ call: async () => answer }, { method: 'GET', path });
    const caBundle = Buffer.from(bundle).toString('base64');
    const operations = listAt(found, 'webhooks').flatMap((webhook, index) =>
      textAt(member(webhook, 'clientConfig'), 'caBundle') === caBundle
        ? []
        : [
            // Their order may have changed since.
            { op: 'test', path: `/webhooks/${index}/name`, value: textAt(webhook, 'name') },
            { op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle },
          ],
    );
    if (operations.length > 0) {
      const contentType = 'application/json-patch+json';
      await ask(api, { method: 'PATCH', path, body: operations, contentType });
      observer.onTrusted(operations.length / 2);
    }
    return bundle;
  }
}
