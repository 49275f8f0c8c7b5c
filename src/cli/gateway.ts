/** The gateway as a whole: takes a configuration, replaces it by another without dropping anything, and drains. */
import type { Clock, Random } from '../base/clock.ts';
import { messageOf } from '../base/fault.ts';
import { Deadline, TimerWheel } from '../base/timer-wheel.ts';
import { addressText } from '../config/addresses.ts';
import type { GatewayConfig, ListenerConfig } from '../config/gateway-config.ts';
import { redacted } from '../config/redact.ts';
import { sameOptions } from '../config/same-options.ts';
import { EndpointStream } from '../discovery/endpoint-stream.ts';
import { ClientGate } from '../downstream/client-gate.ts';
import { Listener } from '../downstream/listener.ts';
import type { ListenerOptions } from '../downstream/options.ts';
import { DateSource } from '../message/http-date.ts';
import { beginExchanges } from '../proxy/begin.ts';
import type { ExchangeContext } from '../proxy/exchange-context.ts';
import { BodyBudget } from '../proxy/held-body.ts';
import type { Route, RoutedListener } from '../proxy/route.ts';
import { type AdminServer, startAdmin } from '../telemetry/admin/admin-server.ts';
import type { AdminState, Readiness } from '../telemetry/admin/admin-state.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { authoritiesOf, leftForNextStart, type Opened } from './listener-config.ts';
import { LiveUpstream } from './live-upstream.ts';
import type { Rehearse } from './rehearsal.ts';

export interface GatewayParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** When the process began, in clock milliseconds. */
  readonly bornMs: number;
  /** Made-up requests, while the upstreams are dialled and before readiness. None unless given. */
  readonly rehearse?: Rehearse;
  /** The zone that this pod runs in, where it is known. */
  readonly zone?: string;
}

interface LiveListener {
  readonly listener: Listener;
  readonly routed: RoutedListener;
  /** What its socket was opened with. */
  readonly opened: ListenerOptions;
}

export interface Reloaded {
  readonly outcome: 'applied' | 'unchanged';
  /** What the new configuration asks for that only a new start can do. */
  readonly notes: readonly string[];
}

/** How often a drain looks whether it is over. */
const DRAIN_LOOK_MS = 20;

export class Gateway {
  readonly #parts: GatewayParts;
  readonly #wheel: TimerWheel;
  readonly #gate: ClientGate;
  readonly #stream: EndpointStream | null;
  readonly #context: ExchangeContext;
  readonly #readyDeadline = new Deadline(() => this.#noteReady());
  #config: GatewayConfig;
  #upstreams = new Map<string, LiveUpstream>();
  #listeners = new Map<string, LiveListener>();
  /** Taken out by a reload, with clients that are still being served. */
  #retired: Listener[] = [];
  #admin: AdminServer | null = null;
  /** What the admin server was opened with. */
  readonly #adminConfig: GatewayConfig['admin'];
  /** What the stream was made with. */
  readonly #endpointsConfig: GatewayConfig['endpoints'];
  #isReady = false;
  /** Ends with the start, or with a stop that comes before. */
  readonly #rehearsal = new AbortController();
  #isRehearsed = false;
  #drained: Promise<number> | null = null;
  #onDrained: (abandoned: number) => void = () => undefined;

  constructor(config: GatewayConfig, parts: GatewayParts) {
    const { clock, random, telemetry, zone = '' } = parts;
    this.#parts = parts;
    this.#config = config;
    telemetry.setAccessLog(config.log.access);
    this.#adminConfig = config.admin;
    this.#endpointsConfig = config.endpoints;
    this.#wheel = new TimerWheel(clock);
    this.#stream =
      config.endpoints === null
        ? null
        : new EndpointStream({ ...config.endpoints, zone, wheel: this.#wheel, random });
    this.#gate = new ClientGate({
      clock,
      wheel: this.#wheel,
      dates: new DateSource(clock),
      observer: telemetry.client,
      maxClients: config.limits.maxClients,
    });
    this.#context = {
      clock,
      wheel: this.#wheel,
      random,
      bodies: new BodyBudget(config.limits.bufferTotalBytes),
    };
  }

  get wheel(): TimerWheel {
    return this.#wheel;
  }

  /** The addresses really listened on, in the order of the configuration, and the admin server's. */
  get addresses(): { readonly listeners: readonly string[]; readonly admin: string | null } {
    return {
      listeners: [...this.#listeners.values()].map(({ listener }) => addressText(listener.address)),
      admin: this.#admin === null ? null : addressText(this.#admin.address),
    };
  }

  // ---- Start

  /** Begins to warm up, and listens without waiting for that. Rejects with what to do when an address cannot be had. */
  async start(): Promise<void> {
    const config = this.#config;
    this.#upstreams = this.#makeUpstreams(config);
    for (const live of this.#upstreams.values()) live.start();
    const rehearsed = this.#rehearse();
    try {
      if (config.admin !== null) await this.#startAdmin(config.admin.address);
      this.#listeners = await this.#openListeners(config.listeners);
    } catch (error) {
      await this.stop();
      throw error;
    }
    const listeningMs = this.#wheel.now();
    await rehearsed;
    if (this.#rehearsal.signal.aborted) return;
    this.#isRehearsed = true;
    const waitedMs = this.#wheel.now() - listeningMs;
    this.#wheel.set(this.#readyDeadline, (config.admin?.readyWaitMs ?? 0) - waitedMs);
    this.#onWarm();
  }

  async #rehearse(): Promise<void> {
    const { clock, random, telemetry, rehearse } = this.#parts;
    if (rehearse === undefined) return;
    const { signal } = this.#rehearsal;
    const beganMs = clock.now();
    const givenUp = await rehearse({ config: this.#config, clock, random, signal });
    telemetry.onRehearsed({ tookMs: clock.now() - beganMs, givenUp });
  }

  async #startAdmin(address: NonNullable<GatewayConfig['admin']>['address']): Promise<void> {
    try {
      this.#admin = await startAdmin({
        address,
        telemetry: this.#parts.telemetry,
        clock: this.#parts.clock,
        state: this.#adminState(),
      });
    } catch (error) {
      throw new Error(`admin: cannot listen on ${addressText(address)}: ${messageOf(error)}`);
    }
    this.#parts.telemetry.onAdminListening(addressText(this.#admin.address));
  }

  #adminState(): AdminState {
    return {
      pools: () => [...this.#upstreams.values()].map(({ upstream }) => upstream.snapshot()),
      discoveries: () =>
        new Map([...this.#upstreams].map(([name, live]) => [name, live.discovery.snapshot()])),
      config: () => redacted(this.#config),
      ready: () => this.#readiness(),
      drain: () => {
        void this.drain('POST /drain');
      },
      setLogLevel: (level) => this.#parts.telemetry.setLogLevel(level),
    };
  }

  /** Once ready it stays so: whether an upstream is well is not what readiness is about. */
  #readiness(): Readiness {
    const reasons = [...this.#upstreams.values()]
      .filter(({ upstream }) => !upstream.isWarm)
      .map(({ upstream }) => `no connection to upstream "${upstream.name}" has been had yet`);
    return { ready: this.#isReady, reasons };
  }

  readonly #onWarm = (): void => {
    if (!this.#isReady && this.#readiness().reasons.length === 0) this.#noteReady();
  };

  #noteReady(): void {
    if (this.#isReady || !this.#isRehearsed || this.#listeners.size === 0) return;
    this.#isReady = true;
    this.#wheel.clear(this.#readyDeadline);
    const tookMs = this.#parts.clock.now() - this.#parts.bornMs;
    this.#parts.telemetry.onReady({ tookMs, reasons: this.#readiness().reasons });
  }

  // ---- A configuration, and the next one

  #makeUpstreams(config: GatewayConfig): Map<string, LiveUpstream> {
    const made = new Map<string, LiveUpstream>();
    for (const each of config.upstreams) {
      const known = this.#upstreams.get(each.options.name);
      const isKept = known?.serves(each) === true;
      const live = isKept
        ? known
        : new LiveUpstream(each, {
            ...this.#parts,
            wheel: this.#wheel,
            onWarm: this.#onWarm,
            stream: this.#stream,
          });
      made.set(each.options.name, live);
    }
    return made;
  }

  #routeTo(upstreams: ReadonlyMap<string, LiveUpstream>, name: string): Route {
    const live = upstreams.get(name);
    if (live === undefined) throw new Error(`no upstream "${name}"`);
    return live.route;
  }

  /** Opens those that are not open yet. All or none: on a failure those just opened are closed again. */
  async #openListeners(
    configs: readonly ListenerConfig[],
    upstreams: ReadonlyMap<string, LiveUpstream> = this.#upstreams,
  ): Promise<Map<string, LiveListener>> {
    const open = new Map<string, LiveListener>();
    const opened: Listener[] = [];
    for (const { options, upstream } of configs) {
      const key = addressText(options.address);
      const known = this.#listeners.get(key);
      if (known !== undefined) {
        open.set(key, known);
        continue;
      }
      const routed: RoutedListener = {
        route: this.#routeTo(upstreams, upstream),
        authorities: authoritiesOf(options.address),
      };
      const handler = beginExchanges(routed, this.#context);
      try {
        const listener = await Listener.open(options, this.#gate, handler);
        opened.push(listener);
        routed.access = this.#parts.telemetry.accessOf(addressText(listener.address));
        open.set(key, { listener, routed, opened: options });
        this.#parts.telemetry.onListening(addressText(listener.address), upstream);
      } catch (error) {
        for (const each of opened) each.retire();
        throw new Error(`listener: ${messageOf(error)}`);
      }
    }
    return open;
  }

  /** Puts another configuration in force. Rejects, and leaves the old one, when an address cannot be had. */
  async reload(config: GatewayConfig): Promise<Reloaded> {
    if (sameOptions(config, this.#config)) return { outcome: 'unchanged', notes: [] };
    const notes = leftForNextStart(this.#opened, config);
    const before = this.#upstreams;
    const upstreams = this.#makeUpstreams(config);
    const listeners = await this.#openListeners(config.listeners, upstreams).catch(
      (error: unknown) => {
        for (const [name, live] of upstreams) if (before.get(name) !== live) live.retire();
        throw error;
      },
    );
    this.#config = config;
    this.#gate.maxClients = config.limits.maxClients;
    this.#context.bodies.limitBytes = config.limits.bufferTotalBytes;
    this.#parts.telemetry.setLogLevel(config.log.level);
    this.#parts.telemetry.setAccessLog(config.log.access);
    for (const { options, policy } of config.upstreams) {
      const live = upstreams.get(options.name);
      live?.setPolicy(policy);
      if (live !== undefined && before.get(options.name) !== live) live.start();
    }
    for (const { options, upstream } of config.listeners) {
      const live = listeners.get(addressText(options.address));
      if (live === undefined) continue;
      live.listener.update(options);
      live.routed.route = this.#routeTo(upstreams, upstream);
      live.routed.access = this.#parts.telemetry.accessOf(addressText(live.listener.address));
    }
    this.#retired = this.#retired.filter(({ hasConnections }) => hasConnections);
    for (const [key, { listener }] of this.#listeners) {
      if (listeners.has(key)) continue;
      listener.retire();
      this.#retired.push(listener);
    }
    this.#upstreams = upstreams;
    this.#listeners = listeners;
    for (const [name, live] of before) if (upstreams.get(name) !== live) live.retire();
    // What readiness was still waiting for may be what was taken out.
    this.#onWarm();
    return { outcome: 'applied', notes };
  }

  get #opened(): Opened {
    return {
      endpoints: this.#endpointsConfig,
      admin: this.#adminConfig,
      listeners: new Map([...this.#listeners].map(([key, { opened }]) => [key, opened])),
    };
  }

  // ---- The end

  /**
   * Serves on, and says `Connection: close`, until nothing has been active for a quiet time or the deadline passes; then
   * closes everything. A response that its client has not taken yet counts as active. Gives the number of exchanges that
   * were cut off. Asked twice, it drains once.
   */
  drain(reason: string): Promise<number> {
    this.#drained ??= this.#drain(reason);
    return this.#drained;
  }

  /** Calls back when a drain has ended, whoever asked for it. */
  onDrained(listener: (abandoned: number) => void): void {
    this.#onDrained = listener;
  }

  async #drain(reason: string): Promise<number> {
    const { telemetry } = this.#parts;
    const beganMs = this.#wheel.now();
    telemetry.setDraining(reason);
    this.#gate.isDraining = true;
    await this.#quiet(beganMs);
    const abandoned = this.#gate.active + this.#untaken;
    telemetry.onDrained({ tookMs: this.#wheel.now() - beganMs, abandoned });
    await this.stop();
    this.#onDrained(abandoned);
    return abandoned;
  }

  get #allListeners(): Listener[] {
    return [...[...this.#listeners.values()].map(({ listener }) => listener), ...this.#retired];
  }

  get #untaken(): number {
    return this.#allListeners.reduce((count, { untaken }) => count + untaken, 0);
  }

  #quiet(beganMs: number): Promise<void> {
    return new Promise((resolve) => {
      const look = new Deadline(() => {
        const { quietMs, deadlineMs } = this.#config.drain;
        const nowMs = this.#wheel.now();
        const lastMs = Math.max(beganMs, this.#gate.lastActiveMs);
        const isQuiet = this.#gate.active === 0 && nowMs - lastMs >= quietMs && this.#untaken === 0;
        if (isQuiet || nowMs - beganMs >= deadlineMs) resolve();
        else this.#wheel.set(look, DRAIN_LOOK_MS);
      });
      this.#wheel.set(look, 0);
    });
  }

  /** Closes everything now: clients before it returns, so that the process may end right after. */
  async stop(): Promise<void> {
    this.#rehearsal.abort();
    for (const listener of this.#allListeners) listener.destroy();
    for (const live of this.#upstreams.values()) live.destroy();
    await this.#admin?.close();
    this.#wheel.stop();
  }
}
