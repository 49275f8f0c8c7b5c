/** Fills the observers of all rooms, writes the log, and gives the admin server what it shows. */
import type { Clock, Random } from '../base/clock.ts';
import type { AccessOptions, LogLevel } from '../config/gateway-config.ts';
import type { DiscoveryObserver } from '../discovery/discovery.ts';
import type { ClientObserver } from '../downstream/observer.ts';
import type { AccessObserver } from '../proxy/access-record.ts';
import type { ExchangeObserver } from '../proxy/observer.ts';
import type { UpstreamObserver } from '../upstream/observer.ts';
import { AccessLog, type LineSink } from './access-log.ts';
import { ClientRecorder } from './client-recorder.ts';
import { Exposition, type MetricsPage } from './exposition.ts';
import { FaultLog } from './fault-log.ts';
import { FaultRing, type FaultSummary, type RecordedFault } from './fault-ring.ts';
import { History, type HistoryRow } from './history.ts';
import { LineLimit } from './line-limit.ts';
import type { Log } from './log.ts';
import { type PortFigures, PortMeter } from './port-meter.ts';
import { type DrainAsker, processCatalogue, type ReloadOutcome } from './process-catalogue.ts';
import { type ProcessFigures, ProcessMeter } from './process-figures.ts';
import { scrub } from './scrub.ts';
import { upstreamCatalogue } from './upstream-catalogue.ts';
import { gaugesOf } from './upstream-gauges.ts';
import {
  type RecorderTools,
  type StateOf,
  UpstreamRecorder,
  type UpstreamTotals,
} from './upstream-recorder.ts';

/** Enough to see a pattern, few enough to read. */
const LINES_A_SECOND = 20;

export interface UpstreamTelemetry {
  readonly upstream: UpstreamObserver;
  readonly exchange: ExchangeObserver;
  readonly discovery: DiscoveryObserver;
  /** Takes the upstream off the page, unless another of the same name is on it. Events that still come do no harm. */
  remove(): void;
}

export interface ClientTotals {
  readonly open: number;
  readonly connections: number;
  readonly requests: number;
  readonly faults: number;
}

export interface TelemetryOptions {
  readonly clock: Clock;
  readonly version: string;
  readonly log: Log;
  /** Where the lines of the access log go; without it there is none. */
  readonly output?: LineSink;
  readonly random?: Random;
}

interface Entry {
  readonly recorder: UpstreamRecorder;
  readonly takeOff: () => void;
}

export class Telemetry {
  readonly version: string;
  readonly client: ClientObserver;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limit: LineLimit;
  readonly #ring = new FaultRing();
  readonly #history: History;
  readonly #access: AccessLog;
  readonly #client: ClientRecorder;
  readonly #tools: RecorderTools;
  readonly #exposition = new Exposition();
  readonly #meter: ProcessMeter;
  readonly #portMeter: PortMeter;
  #ports: PortFigures = { perEndpoint: Number.NaN, byEndpoint: null };
  readonly #upstreams = new Map<string, Entry>();
  readonly #reloads = {
    byOutcome: { applied: 0, unchanged: 0, refused: 0 },
    lastSucceeded: true,
    lastWallSeconds: 0,
  };
  #figures: ProcessFigures | null = null;
  #isDraining = false;
  readonly #drains: Record<DrainAsker, number> = { signal: 0, admin: 0 };

  constructor(options: TelemetryOptions) {
    const { clock, version, log, output = nowhere, random = Math.random } = options;
    this.#clock = clock;
    this.#log = log;
    this.version = version;
    this.#limit = new LineLimit({
      clock,
      perSecond: LINES_A_SECOND,
      tell: ({ kind, upstream, count }) =>
        log.warn(
          {
            event: 'lines-held-back',
            fault: kind,
            ...(upstream === '' ? {} : { upstream }),
            held_back: count,
          },
          'more of this kind came in one second than are logged; the metrics count all',
        ),
    });
    const faultLog = new FaultLog(log, this.#limit);
    this.#history = new History(clock);
    const nameExchange = exchangeNames(random);
    this.#access = new AccessLog({ clock, random, sink: output, nameExchange });
    this.#tools = {
      clock,
      log,
      faultLog,
      limit: this.#limit,
      ring: this.#ring,
      history: this.#history,
      nameExchange,
    };
    this.#client = new ClientRecorder(this.#tools);
    this.client = this.#client;
    this.#meter = new ProcessMeter(clock);
    this.#portMeter = new PortMeter({ clock });
    this.#reloads.lastWallSeconds = clock.wallSeconds();

    const whole = processCatalogue({ version, node: process.versions.node });
    this.#exposition.declare(upstreamCatalogue);
    this.#exposition.declare(whole);
    this.#exposition.add(whole, {
      labels: {},
      take: () => ({
        client: this.#client,
        reloads: this.#reloads,
        isDraining: this.#isDraining,
        drains: this.#drains,
        heldLogLines: this.#limit.heldTotal,
        accessLines: this.#access,
        figures: this.#figures as ProcessFigures,
      }),
    });
  }

  /**
   * The observers of one configured upstream; `state` is asked when something is shown. An upstream that a reload
   * replaced shares its numbers with its successor of the same name, so that no counter falls; one that was removed
   * and comes back later starts from zero, as after a restart.
   */
  upstream(name: string, state: StateOf): UpstreamTelemetry {
    const recorder = this.#recorder(name);
    recorder.addState(state);
    let isOn = true;
    return {
      upstream: recorder,
      exchange: recorder,
      discovery: recorder,
      remove: () => {
        if (!isOn) return;
        isOn = false;
        if (recorder.dropState(state)) return;
        this.#upstreams.get(name)?.takeOff();
        this.#upstreams.delete(name);
        this.#history.drop(name);
        this.#ring.forget(name);
      },
    };
  }

  #recorder(name: string): UpstreamRecorder {
    const known = this.#upstreams.get(name);
    if (known !== undefined) return known.recorder;
    const recorder = new UpstreamRecorder(name, this.#tools);
    const takeOff = this.#exposition.add(upstreamCatalogue, {
      labels: { upstream: name },
      take: () => ({ numbers: recorder, state: gaugesOf(recorder.states(), this.#ports) }),
    });
    this.#upstreams.set(name, { recorder, takeOff });
    this.#history.add(name, recorder);
    return recorder;
  }

  /** The metrics page in the format that the scraper's Accept value asks for. */
  async metricsText(accept = ''): Promise<MetricsPage> {
    const endpoints = [...this.#upstreams.values()].flatMap(({ recorder }) =>
      recorder.states().flatMap((state) => state.endpoints.map(({ address }) => address)),
    );
    [this.#figures, this.#ports] = await Promise.all([
      this.#meter.read(),
      this.#portMeter.read(endpoints),
    ]);
    return this.#exposition.page(accept);
  }

  /** The last 100 faults, newest first. */
  recentFaults(): readonly RecordedFault[] {
    return this.#ring.recent();
  }

  /** How many of each kind, and the last of them; the latest first. */
  faultSummaries(): readonly FaultSummary[] {
    return this.#ring.summaries();
  }

  /** The last ten minutes of an upstream, oldest first; the row under way is not among them. */
  historyOf(upstream: string): readonly HistoryRow[] {
    return this.#history.rows(upstream);
  }

  /** The row of an upstream's history that is under way, or null. */
  openRowOf(upstream: string): HistoryRow | null {
    return this.#history.open(upstream);
  }

  /** When the configuration was last read, and whether what was read is in force. */
  get lastReload(): { readonly succeeded: boolean; readonly wallSeconds: number } {
    const { lastSucceeded: succeeded, lastWallSeconds: wallSeconds } = this.#reloads;
    return { succeeded, wallSeconds };
  }

  /** Counters of an upstream on the page, or null. */
  totalsOf(upstream: string): UpstreamTotals | null {
    return this.#upstreams.get(upstream)?.recorder.totals() ?? null;
  }

  clientTotals(): ClientTotals {
    const { opened, closed, requests10, requests11, faults } = this.#client;
    return {
      open: opened - closed,
      connections: opened,
      requests: requests10 + requests11,
      faults: faults.total,
    };
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  setLogLevel(level: LogLevel): void {
    if (this.#log.level === level) return;
    this.#log.level = level;
    this.#log.info({ event: 'log-level', log_level: level }, 'log level changed');
  }

  /** Null for no access log. Ask `accessOf` again for what is to be told from now on. */
  setAccessLog(options: AccessOptions | null): void {
    this.#access.options = options;
  }

  /** What tells of the requests of one listener; undefined while there is no access log. */
  accessOf(listener: string): AccessObserver | undefined {
    return this.#access.of(listener);
  }

  /** Hands over what was gathered: for the end of the process. */
  flush(): void {
    this.#access.flush();
  }

  onListening(address: string, upstream: string): void {
    this.#log.info({ event: 'listening', address, upstream }, 'listening for clients');
  }

  onAdminListening(address: string): void {
    this.#log.info({ event: 'admin-listening', address }, 'admin server is listening');
  }

  /** Made-up requests went through before readiness; `givenUp` is why not all of them did, or null. */
  onRehearsed({ tookMs, givenUp }: { tookMs: number; givenUp: string | null }): void {
    const fields = { event: 'rehearsed', took_ms: Math.round(tookMs), given_up: givenUp };
    this.#log.debug(fields, givenUp === null ? 'rehearsed' : 'the rehearsal was given up');
  }

  /** `reasons` are what is still missing when readiness was given because the wait for it had ended. */
  onReady({ tookMs, reasons = [] }: { tookMs: number; reasons?: readonly string[] }): void {
    const fields = { event: 'ready', took_ms: Math.round(tookMs) };
    if (reasons.length === 0) this.#log.info(fields, 'ready');
    else this.#log.warn({ ...fields, reasons }, 'ready, though not all is warm');
  }

  /** TLS to this upstream is not verified: said aloud, each time it is configured so. */
  onVerificationOff(upstream: string): void {
    this.#log.warn(
      { event: 'tls-verification-off', upstream },
      'certificates of this upstream are NOT verified: anybody on the way can read and change what is sent',
    );
  }

  /** Changed certificate files cannot be used; the ones read before still are. */
  onCertificateUnusable(upstream: string, cause: string): void {
    const message = `the changed certificate files are not used, the old ones still are: ${scrub(cause)}`;
    this.#log.warn({ event: 'certificate-unusable', upstream }, message);
  }

  onReload(outcome: ReloadOutcome, message: string): void {
    const reloads = this.#reloads;
    reloads.byOutcome[outcome] += 1;
    reloads.lastSucceeded = outcome !== 'refused';
    reloads.lastWallSeconds = this.#clock.wallSeconds();
    // Line by line: each mistake of a file has its own, and none may be cut off for the length of the others.
    const detail = message.split('\n').map(scrub).join('\n');
    const fields = { event: 'reload', outcome, detail };
    if (outcome === 'refused') {
      this.#log.error(
        fields,
        'new configuration is wrong and was refused: the old one stays in force',
      );
    } else this.#log.info(fields, 'configuration was read');
  }

  /** Draining began. `reason` says who asked, such as `SIGTERM`. */
  setDraining(reason: string): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#drains[reason.startsWith('SIG') ? 'signal' : 'admin'] += 1;
    this.#log.info({ event: 'drain-began', reason }, 'draining');
  }

  /** Draining ended; `abandoned` exchanges were still under way. */
  onDrained({ tookMs, abandoned }: { tookMs: number; abandoned: number }): void {
    this.#limit.flush();
    this.#history.stop();
    this.#access.flush();
    const fields = { event: 'drain-ended', took_ms: Math.round(tookMs), abandoned };
    if (abandoned === 0) this.#log.info(fields, 'drained');
    else this.#log.warn(fields, 'drain deadline passed with exchanges under way');
  }
}

const nowhere: LineSink = { offer: () => false };

/** Apart from those of other gateways by a beginning of its own, and counted. */
function exchangeNames(random: Random): () => string {
  const beginning = Math.floor(random() * 36 ** 6)
    .toString(36)
    .padStart(6, '0');
  let count = 0;
  return () => {
    count += 1;
    return `${beginning}-${count.toString(36)}`;
  };
}
