/**
 * The gateway put together of its real rooms, as `cli/gateway.ts` does it, without listening sockets, discovery and
 * telemetry: listeners that take what the simulator brings, upstreams that are watched, reload, drain and end.
 */
import type { Random } from '../../src/base/clock.ts';
import { TimerWheel } from '../../src/base/timer-wheel.ts';
import { ClientConnection } from '../../src/downstream/client-connection.ts';
import { ClientGate } from '../../src/downstream/client-gate.ts';
import type { ConnectionOwner, ListenerTerms } from '../../src/downstream/client-parts.ts';
import type { RequestHandler } from '../../src/downstream/handler.ts';
import { DateSource } from '../../src/message/http-date.ts';
import { beginExchanges } from '../../src/proxy/begin.ts';
import type { ExchangeContext } from '../../src/proxy/exchange-context.ts';
import { BodyBudget } from '../../src/proxy/held-body.ts';
import type { RoutedListener } from '../../src/proxy/route.ts';
import type { Ledger } from './ledger.ts';
import type { SimLoop } from './loop.ts';
import type { SimSocket } from './sim-socket.ts';
import { Violation } from './violation.ts';
import { WatchedUpstream } from './watched-upstream.ts';
import { clientOptionsOf, policyOf, upstreamOptionsOf, type WorldConfig } from './world-config.ts';

export interface GatewayParts {
  readonly loop: SimLoop;
  readonly random: Random;
  readonly ledger: Ledger;
  readonly report: (violation: Violation) => void;
  readonly count: (what: string) => void;
}

/** As `downstream/listener.ts` keeps its connections. */
class SimListener implements ConnectionOwner {
  readonly routed: RoutedListener;
  readonly terms: ListenerTerms;
  readonly connections = new Set<ClientConnection>();
  readonly #gate: ClientGate;
  readonly #handler: RequestHandler;

  constructor(
    routed: RoutedListener,
    terms: ListenerTerms,
    gate: ClientGate,
    handler: RequestHandler,
  ) {
    this.routed = routed;
    this.terms = terms;
    this.#gate = gate;
    this.#handler = handler;
  }

  onConnection(socket: SimSocket): void {
    const gate = this.#gate;
    if (gate.open >= gate.maxClients) {
      socket.destroy();
      return;
    }
    gate.open += 1;
    const { terms } = this;
    const handler = this.#handler;
    this.connections.add(new ClientConnection({ socket, gate, terms, handler, owner: this }));
  }

  onClosed(connection: ClientConnection): void {
    this.connections.delete(connection);
    this.#gate.open -= 1;
  }

  retire(): void {
    this.terms.isRetired = true;
    for (const connection of this.connections) connection.closeIfIdle();
  }
}

export class SimGateway {
  readonly wheel: TimerWheel;
  readonly gate: ClientGate;
  readonly context: ExchangeContext;
  readonly #parts: GatewayParts;
  #config: WorldConfig;
  /** Those in force, by name. */
  readonly upstreams = new Map<string, WatchedUpstream>();
  /** Those that a reload has replaced or taken out. */
  readonly retired: WatchedUpstream[] = [];
  readonly listeners = new Map<string, SimListener>();
  readonly #oldListeners: SimListener[] = [];
  began = 0;
  ended = 0;

  constructor(config: WorldConfig, parts: GatewayParts) {
    this.#parts = parts;
    this.#config = config;
    const { loop, random } = parts;
    this.wheel = new TimerWheel(loop);
    this.gate = new ClientGate({
      clock: loop,
      wheel: this.wheel,
      dates: new DateSource(loop),
      observer: {
        onConnection: () => undefined,
        onConnectionClosed: () => undefined,
        onRequest: () => undefined,
        onRefused: () => undefined,
        onFault: (failure) => {
          parts.count(`client fault: ${failure.kind}`);
          if (failure.kind === 'internal') this.#wrong('defect', failure.cause);
        },
        onBytes: () => undefined,
      },
      maxClients: 1_000,
    });
    this.context = {
      clock: loop,
      wheel: this.wheel,
      random,
      bodies: new BodyBudget(config.bufferTotalBytes),
    };
    for (const name of names(config)) this.#addUpstream(name);
    for (const name of names(config)) this.#addListener(name);
  }

  #addUpstream(name: string): WatchedUpstream {
    const { loop, random, ledger, report, count } = this.#parts;
    const made = new WatchedUpstream(
      upstreamOptionsOf(name, this.#config),
      policyOf(this.#config),
      {
        loop,
        wheel: this.wheel,
        random,
        report,
        ledger,
        count,
        observer: {
          onBegan: () => {
            this.began += 1;
          },
          onEnded: () => {
            this.ended += 1;
          },
          onStale: () => count('stale'),
          onRetry: (reason, outcome) => count(`retry: ${reason}, ${outcome}`),
          onFault: (failure, { request, status }) => {
            count(`fault: ${failure.kind}`);
            const id = Number(request.fields.find('x-id'));
            this.#guard(() => ledger.onFault(id, failure, status));
          },
        },
      },
    );
    this.upstreams.set(name, made);
    return made;
  }

  #addListener(name: string): void {
    const { ledger } = this.#parts;
    const routed: RoutedListener = { route: this.#upstream(name).route, authorities: [] };
    const next = beginExchanges(routed, this.context);
    const handler: RequestHandler = {
      begin: (head, client) => {
        const id = Number(head.fields.find('x-id'));
        this.#guard(() => ledger.onBegan(id, routed.route.policy));
        ledger.beginningId = id;
        const receiver = next.begin(head, client);
        ledger.beginningId = null;
        ledger.idOf.set(receiver, id);
        return receiver;
      },
    };
    const terms = { client: clientOptionsOf(this.#config), isRetired: false };
    this.listeners.set(name, new SimListener(routed, terms, this.gate, handler));
  }

  /** What is found wrong inside a call of the gateway's is kept: the gateway may catch it as a defect of its own. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof Violation) this.#parts.report(error);
      throw error;
    }
  }

  #upstream(name: string): WatchedUpstream {
    const found = this.upstreams.get(name);
    if (found === undefined) throw new Error(`no upstream ${name}`);
    return found;
  }

  get all(): readonly WatchedUpstream[] {
    return [...this.upstreams.values(), ...this.retired];
  }

  /** Takes another policy: it counts from the next exchange. */
  reloadPolicy(config: WorldConfig): void {
    this.#config = config;
    for (const [name, live] of this.upstreams) {
      live.setPolicy(policyOf(config));
      const listener = this.listeners.get(name);
      if (listener !== undefined) listener.routed.route = live.route;
    }
    this.#reloadLimits(config);
  }

  #reloadLimits(config: WorldConfig): void {
    this.context.bodies.limitBytes = config.bufferTotalBytes;
    for (const { terms } of this.listeners.values()) terms.client = clientOptionsOf(config);
  }

  /** Takes other pools: an upstream in the old one's place, which serves those who have joined it. */
  replaceUpstream(name: string, config: WorldConfig): WatchedUpstream {
    this.#config = config;
    const old = this.#upstream(name);
    const made = this.#addUpstream(name);
    const listener = this.listeners.get(name);
    if (listener !== undefined) listener.routed.route = made.route;
    this.retired.push(old);
    old.retire();
    return made;
  }

  /** Takes the listener of this name out, and its upstream. */
  removeListener(name: string): void {
    const listener = this.listeners.get(name);
    if (listener === undefined) return;
    this.listeners.delete(name);
    listener.retire();
    this.#oldListeners.push(listener);
    const live = this.#upstream(name);
    this.upstreams.delete(name);
    this.retired.push(live);
    live.retire();
  }

  /** Puts it back. Gives the new upstream. */
  addBack(name: string): WatchedUpstream {
    const made = this.#addUpstream(name);
    this.#addListener(name);
    return made;
  }

  drain(): void {
    this.gate.isDraining = true;
  }

  /** Closes everything now. */
  stop(): void {
    for (const { connections } of [...this.listeners.values(), ...this.#oldListeners]) {
      for (const connection of connections) connection.destroy();
    }
    for (const live of this.all) live.destroy();
  }

  /** Exchanges under way, tunnels included. */
  get under(): number {
    return Math.max(this.began - this.ended, this.gate.active);
  }

  check(): void {
    for (const live of this.all) live.check();
    const { gate, context } = this;
    const under = this.began - this.ended;
    if (under < 0) this.#wrong('counter-exchanges', `${this.began} began, ${this.ended} ended`);
    // Of a tunnel either side may end first: at the gate it counts until its client's has.
    if (gate.active !== under && !this.#config.upgrades) {
      this.#wrong('counter-exchanges', `${under} exchanges, ${gate.active} counted at the gate`);
    }
    if (gate.open < 0 || gate.active < 0)
      this.#wrong('counter-gate', `open ${gate.open}, active ${gate.active}`);
    const { usedBytes } = context.bodies;
    if (usedBytes < 0 || (under === 0 && usedBytes !== 0)) {
      this.#wrong('held-bytes', `${usedBytes} octets are held for ${under} exchanges`);
    }
  }

  #wrong(rule: string, what: string): never {
    const violation = new Violation(rule, what);
    this.#parts.report(violation);
    throw violation;
  }
}

export function names({ upstreams }: WorldConfig): readonly string[] {
  return upstreams === 1 ? ['a'] : ['a', 'b'];
}
