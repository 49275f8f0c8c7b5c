/**
 * The controller as a whole: a webhook that answers from memory, and three slow rounds beside it that look at what it
 * stands on: its certificates, the cluster's kubelets, and the pods that went without.
 */
import type { Clock, Random } from '../base/clock.ts';
import { messageOf } from '../base/fault.ts';
import { addressText } from '../config/addresses.ts';
import { Exposition } from '../telemetry/exposition.ts';
import type { Log } from '../telemetry/log.ts';
import type { ControllerOptions } from './arguments.ts';
import type { KeyPair } from './certificates/issue.ts';
import { CertificateKeeper } from './certificates/keeper.ts';
import { readMounted } from './certificates/mounted.ts';
import { bundleOf, expiryOf } from './certificates/state.ts';
import { EndpointTeller } from './endpoints/endpoint-teller.ts';
import {
  type AdmissionOutcome,
  ControllerFigures,
  controllerCatalogue,
  type ErrorPlace,
} from './figures.ts';
import { readConfigMap } from './injection/config-map.ts';
import type { InjectionDefaults } from './injection/defaults.ts';
import type { ConfigMapReading } from './injection/inject.ts';
import type { EndpointStreamPlace } from './injection/upstreams.ts';
import { ApiError, type WatchableApi } from './kubernetes/api.ts';
import { readKubelets } from './kubernetes/kubelets.ts';
import { Lease } from './kubernetes/lease.ts';
import { countMissedPods } from './kubernetes/missed-pods.ts';
import { Rounds } from './rounds.ts';
import { type StatusServer, startStatus } from './status-server.ts';
import { OwnerEvents } from './webhook/events.ts';
import type { Reviewed } from './webhook/review.ts';
import { WebhookServer } from './webhook/server.ts';

export interface ControllerParts {
  readonly api: WatchableApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly defaults: InjectionDefaults;
  readonly version: string;
}

interface Addresses {
  readonly webhook: string;
  readonly status: string;
  /** Where endpoints are told. */
  readonly endpoints?: string;
}

/** A silent holder of the Lease is given up after so many rounds. */
const ROUNDS_OF_LEASE = 3;
/** The least that a Lease can say. */
const SHORTEST_LEASE_MS = 1000;
const DRAIN_LEAST_MS = 10;

export class Controller {
  readonly figures = new ControllerFigures();
  readonly #options: ControllerOptions;
  readonly #parts: ControllerParts;
  readonly #webhook: WebhookServer;
  readonly #lease: Lease;
  readonly #keeper: CertificateKeeper;
  readonly #events: OwnerEvents;
  /** Null where endpoints are not told. */
  readonly #teller: EndpointTeller | null;
  /** What sidecars trust of this controller; null while that is not known. */
  #trust: string | null = null;
  readonly #exposition = new Exposition();
  readonly #rounds: readonly Rounds[];
  #status: StatusServer | null = null;
  #addresses: Addresses | null = null;
  #hasAskedKubelets = false;
  /** What was last said of each place, so that a lasting trouble is one line and not one each round. */
  readonly #said = new Map<ErrorPlace, string>();

  constructor(options: ControllerOptions, parts: ControllerParts) {
    const { api, clock, version, defaults } = parts;
    this.#options = options;
    this.#parts = parts;
    this.#lease = new Lease(api, clock, {
      namespace: options.namespace,
      name: options.lease,
      identity: options.identity,
      durationMs: Math.max(options.resyncMs * ROUNDS_OF_LEASE, SHORTEST_LEASE_MS),
    });
    this.#keeper = new CertificateKeeper(
      {
        namespace: options.namespace,
        secret: options.secret,
        webhookConfiguration: options.webhookConfiguration,
        names: certificateNames(options),
        lifetimes: {
          authorityMs: options.authorityMs,
          servingMs: options.servingMs,
          trustDelayMs: options.trustDelayMs,
        },
      },
      {
        api,
        clock,
        lease: this.#lease,
        observer: {
          onRotated: (step, why) => {
            if (step !== 'nothing') this.figures.rotations[step] += 1;
            parts.log.info({ event: 'certificates', step, why }, 'certificates were changed');
          },
          onTrusted: (webhooks) =>
            parts.log.info(
              { event: 'ca-bundle', webhooks },
              'the API servers trust this bundle now',
            ),
        },
      },
    );
    this.#events = new OwnerEvents({
      api,
      clock,
      reporter: options.identity,
      onFailed: (why) => this.#failed('event', why),
    });
    this.#teller =
      options.endpoints === null
        ? null
        : new EndpointTeller({
            ...parts,
            onFailed: (place, why) => this.#failed(place, why),
            onMended: (place) => this.#mended(place),
          });
    this.#webhook = new WebhookServer({
      context: {
        defaults,
        isNativePossible: () => this.figures.isNativePossible,
        endpointStream: () => this.#streamPlace(),
        readConfigMap: (namespace, name) => this.#readConfigMap(namespace, name),
      },
      observer: {
        onReviewed: (reviewed, durationMs) => this.#onReviewed(reviewed, durationMs),
        onBadRequest: (why) => {
          this.figures.admissions['bad-request'] += 1;
          parts.log.debug({ event: 'bad-request', why }, 'a request that is no review');
        },
      },
      now: () => clock.now(),
    });
    const { resyncMs, nodesIntervalMs } = options;
    // What is not known yet is asked for more often than what may have changed.
    const slow = (isKnown: () => boolean) => () => (isKnown() ? nodesIntervalMs : resyncMs);
    const isCounted = () => !Number.isNaN(this.figures.missedPods);
    this.#rounds = [
      new Rounds(
        clock,
        () => resyncMs,
        () => this.#lookAtCertificates(),
      ),
      new Rounds(
        clock,
        slow(() => this.#hasAskedKubelets),
        () => this.#lookAtKubelets(),
      ),
      new Rounds(clock, slow(isCounted), () => this.#lookForMissedPods()),
    ];
    const families = controllerCatalogue({ version, node: process.versions.node });
    this.#exposition.declare(families);
    this.#exposition.add(families, { labels: {}, take: () => this.#reading() });
  }

  /** Where it really listens. */
  get addresses(): Addresses {
    if (this.#addresses === null) throw new Error('it has not been started');
    return this.#addresses;
  }

  /** Rejects when an address cannot be had. What the API server does not give yet is waited for, not ready. */
  async start(): Promise<void> {
    const { log, version } = this.#parts;
    this.#status = await startStatus(this.#options.status, {
      notReady: () => this.#notReady(),
      metrics: (accept) => this.#exposition.page(accept),
    });
    const webhook = addressText(await this.#webhook.listen(this.#options.webhook));
    this.#addresses = { webhook, status: addressText(this.#status.address) };
    if (this.#teller !== null && this.#options.endpoints !== null) {
      const endpoints = addressText(await this.#teller.start(this.#options.endpoints));
      this.#addresses = { ...this.#addresses, endpoints };
    }
    log.info({ event: 'listening', ...this.#addresses, version }, 'listening');
    for (const round of this.#rounds) round.start();
  }

  /** Answers for a while yet, not ready, so that nobody who still calls finds nobody; then ends. */
  async stop(): Promise<void> {
    const { clock, log } = this.#parts;
    this.figures.isDraining = true;
    log.info({ event: 'drain-began' }, 'ending');
    this.#webhook.drain();
    await Promise.all(this.#rounds.map((round) => round.stop()));
    await this.#lease.release();
    this.figures.isLeader = false;
    const drainMs = Math.max(this.#options.drainMs, DRAIN_LEAST_MS);
    const toldOff = this.#teller?.stop(drainMs);
    await new Promise<void>((resolve) => {
      clock.sleep(drainMs, resolve);
    });
    await Promise.all([this.#webhook.close(), toldOff]);
    await this.#status?.close();
    log.info({ event: 'drain-ended' }, 'ended');
  }

  #notReady(): readonly string[] {
    const reasons: string[] = [];
    if (this.figures.isDraining) reasons.push('it is ending');
    if (!this.#webhook.hasCertificate) reasons.push('it has no certificate yet');
    if (!this.#hasAskedKubelets) reasons.push('it has not asked the kubelets yet');
    if (this.#teller?.isFilled === false) reasons.push('it has not read the endpoints yet');
    return reasons;
  }

  async #lookAtCertificates(): Promise<void> {
    const { certificateDir } = this.#options;
    try {
      if (certificateDir === undefined) {
        const state = await this.#keeper.tend();
        if (state !== null) {
          this.#show(state.serving, bundleOf(state));
          this.figures.servingExpiry = expiryOf(state.serving.cert);
          this.figures.authorityExpiry = expiryOf(state.current.cert);
        }
      } else {
        const { pair, authority } = await readMounted(certificateDir);
        this.#show(pair, authority);
        this.figures.servingExpiry = expiryOf(pair.cert);
        await this.#lease.tend();
      }
      this.#mended('certificates');
    } catch (error) {
      this.#failed('certificates', messageOf(error));
    }
    this.figures.isLeader = this.#lease.isHeld;
  }

  #show(pair: KeyPair, trust: string | null): void {
    this.#webhook.show(pair);
    this.#teller?.show(pair, trust);
    this.#trust = trust;
  }

  #streamPlace(): EndpointStreamPlace | null {
    const { endpoints, service, namespace } = this.#options;
    if (endpoints?.kind !== 'tcp' || this.#trust === null) return null;
    return { server: `https://${service}.${namespace}.svc:${endpoints.port}`, ca: this.#trust };
  }

  async #lookAtKubelets(): Promise<void> {
    const { api, log } = this.#parts;
    try {
      const { canAll, tooOld } = await readKubelets(api);
      if (!this.#hasAskedKubelets || canAll !== this.figures.isNativePossible)
        log.info(
          { event: 'kubelets', native: canAll, too_old: tooOld },
          canAll
            ? 'every kubelet can run native sidecars'
            : 'not every kubelet can run native sidecars: plain ones are injected',
        );
      this.figures.isNativePossible = canAll;
      this.#hasAskedKubelets = true;
      this.#mended('kubelets');
    } catch (error) {
      this.#failed('kubelets', messageOf(error));
      // Who may not ask gets plain sidecars rather than none; who was not answered asks again first.
      if (error instanceof ApiError) this.#hasAskedKubelets = true;
    }
  }

  async #lookForMissedPods(): Promise<void> {
    if (!this.#lease.isHeld) {
      this.figures.missedPods = Number.NaN;
      return;
    }
    try {
      this.figures.missedPods = await countMissedPods(this.#parts.api);
      this.#mended('missed-pods');
    } catch (error) {
      this.#failed('missed-pods', messageOf(error));
    }
  }

  async #readConfigMap(namespace: string, name: string): Promise<ConfigMapReading> {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/configmaps/${encodeURIComponent(name)}`;
    try {
      const { status, body } = await this.#parts.api.call({ method: 'GET', path });
      if (status === 200) return readConfigMap(body);
      if (status === 404) return { ok: false, why: 'there is none of that name' };
      this.#failed('config-map', `${path}: status ${status}`);
      return { ok: false, why: `the API server says ${status}: the controller may not read it` };
    } catch (error) {
      this.#failed('config-map', messageOf(error));
      return { ok: false, why: messageOf(error) };
    }
  }

  #onReviewed(reviewed: Reviewed, durationMs: number): void {
    const { outcome, namespace, podName, generateName, owner } = reviewed;
    this.figures.durations.observe(durationMs);
    this.figures.admissions[outcomeName(outcome)] += 1;
    this.#events.tell(reviewed);
    const { log } = this.#parts;
    const fields = {
      event: 'admission',
      outcome: outcomeName(outcome),
      namespace,
      pod: podName ?? `${generateName ?? ''}*`,
      ...(owner === null ? {} : { owner: `${owner.kind} ${owner.name}` }),
      ...('mode' in outcome ? { mode: outcome.mode, upstreams: outcome.upstreams } : {}),
      ...('problems' in outcome ? { problems: outcome.problems } : {}),
      ...('why' in outcome ? { why: outcome.why } : {}),
      ...('warnings' in outcome && outcome.warnings.length > 0
        ? { warnings: outcome.warnings }
        : {}),
    };
    if (outcome.kind === 'not-asked' || outcome.kind === 'unchanged') log.debug(fields, 'pod');
    else if (outcome.kind === 'injected') log.info(fields, 'pod');
    else log.warn(fields, 'pod');
  }

  #failed(place: ErrorPlace, why: string): void {
    this.figures.errors[place] += 1;
    if (this.#said.get(place) === why) return;
    this.#said.set(place, why);
    this.#parts.log.error({ event: 'failed', during: place, why }, 'it is tried again');
  }

  #mended(place: ErrorPlace): void {
    if (this.#said.delete(place))
      this.#parts.log.info({ event: 'mended', during: place }, 'it works');
  }

  #reading() {
    const { heapUsed, rss } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return {
      figures: this.figures,
      wallSeconds: this.#parts.clock.wallSeconds(),
      endpoints: this.#teller?.figures ?? { streams: Number.NaN, lines: Number.NaN },
      memory: { residentBytes: rss, heapUsedBytes: heapUsed },
      cpuSeconds: (user + system) / 1e6,
    };
  }
}

function outcomeName(outcome: Reviewed['outcome']): AdmissionOutcome {
  return outcome.kind === 'not-injected' && outcome.isStrict ? 'refused' : outcome.kind;
}

/** The API server calls the first of these; the others are for people. */
function certificateNames({ service, namespace, alsoFor }: ControllerOptions): readonly string[] {
  return [
    `${service}.${namespace}.svc`,
    `${service}.${namespace}`,
    `${service}.${namespace}.svc.cluster.local`,
    ...alsoFor,
  ];
}
