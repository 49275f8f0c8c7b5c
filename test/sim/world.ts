/** Gateway, clients and origins in one place, and what each step does to them. */
import type { Socket } from 'node:net';
import { type Random, seeded } from '../../src/base/clock.ts';
import type { FaultKind } from '../../src/base/fault.ts';
import { ReadBuffer, SocketWire } from '../../src/upstream/socket-wire.ts';
import { Ledger } from './ledger.ts';
import { SimLoop } from './loop.ts';
import { OriginConnection } from './origin-connection.ts';
import { pick } from './plan.ts';
import { SimClient } from './sim-client.ts';
import { names, SimGateway } from './sim-gateway.ts';
import { type OnRead, SimSocket } from './sim-socket.ts';
import { Tcp } from './tcp.ts';
import { Violation } from './violation.ts';
import type { SimDial, WatchedUpstream } from './watched-upstream.ts';
import { configBy, type WorldConfig } from './world-config.ts';

const MOST_CLIENTS = 12;
/** Accepted sockets read into one buffer, as the gateway's own do. */
const sharedBytes = Buffer.alloc(64 * 1024);
const sharedBuffer: OnRead = { buffer: () => sharedBytes, callback: () => true };

type HostMode = 'up' | 'refuses' | 'black hole';

export interface WorldParts {
  readonly config: WorldConfig;
  /** Of the chance that the gateway itself takes. */
  readonly seed: number;
  /** Told what happens, for a person; null when nobody reads it. */
  readonly tell: ((line: string) => void) | null;
}

export class World {
  readonly loop = new SimLoop();
  readonly ledger = new Ledger(this.loop);
  readonly gateway: SimGateway;
  readonly clients = new Set<SimClient>();
  readonly origins = new Set<OriginConnection>();
  readonly #parts: WorldParts;
  readonly #hosts = new Map<string, HostMode>();
  #config: WorldConfig;
  #nextClient = 1;
  #nextOrigin = 1;
  /** The gateway is being ended, whatever is under way. */
  isStopping = false;
  /** The first thing that was found wrong. */
  violation: Violation | null = null;

  constructor(parts: WorldParts) {
    this.#parts = parts;
    this.#config = parts.config;
    this.gateway = new SimGateway(parts.config, {
      loop: this.loop,
      random: seeded(parts.seed),
      ledger: this.ledger,
      report: this.report,
      count: this.count,
    });
    for (const live of this.gateway.all) this.#setEndpoints(live, parts.config.endpoints);
  }

  readonly report = (violation: Violation): void => {
    this.violation ??= violation;
  };

  /** How often what has happened. */
  readonly counts = new Map<string, number>();

  readonly count = (what: string): void => {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  };

  tell(line: string): void {
    this.#parts.tell?.(line);
  }

  get config(): WorldConfig {
    return this.#config;
  }

  /** Calls into the gateway. */
  call(callback: () => void): void {
    this.loop.call(callback);
  }

  #setEndpoints(live: WatchedUpstream, count: number, first = 1): void {
    const net = live.name === 'a' ? 0 : 1;
    const list = Array.from({ length: count }, (_, index) => ({
      ip: `10.0.${net}.${first + index}`,
      port: 80,
    }));
    this.tell(
      `upstream ${live.name} has endpoints ${list.map(({ ip }) => ip).join(' ') || 'none'}`,
    );
    live.addresses = new Set(list.map(({ ip, port }) => `${ip}:${port}`));
    this.call(() => live.upstream.setEndpoints(list));
  }

  // ---- Picking

  pickClient(random: Random, suits: (client: SimClient) => boolean = () => true): SimClient | null {
    const found = [...this.clients].filter(suits);
    return found.length === 0 ? null : pick(found, random);
  }

  pickOrigin(
    random: Random,
    suits: (origin: OriginConnection) => boolean = () => true,
  ): OriginConnection | null {
    const found = [...this.origins].filter(suits);
    return found.length === 0 ? null : pick(found, random);
  }

  get dials(): SimDial[] {
    return this.gateway.all.flatMap(({ dials }) => [...dials]);
  }

  // ---- The network

  arriveAll(): void {
    for (const { tcp } of this.clients) tcp.arrive();
    for (const { tcp } of this.origins) tcp.arrive();
  }

  readAll(): void {
    for (const client of this.clients) {
      if (client.isDeaf) continue;
      client.read();
      if (client.isIgnored && !this.isStopping) {
        throw new Violation('no-answer', `${client.state}: its request was read, and not answered`);
      }
    }
    this.#forgetGone();
  }

  #forgetGone(): void {
    for (const client of this.clients) {
      const isOver = client.tcp.isGatewayClosed && client.isGone;
      if (isOver) this.clients.delete(client);
      // It has seen the end: a client closes then, sooner or later.
      else if (client.sees !== 'open' && !client.tcp.isPeerClosed) client.close();
    }
    for (const origin of this.origins) {
      const { tcp } = origin;
      if (!tcp.isGatewayClosed || tcp.isOnItsWay) continue;
      if (tcp.isPeerClosed || tcp.unreadByPeer === 0) {
        origin.close();
        this.origins.delete(origin);
      }
    }
  }

  // ---- Clients

  newClient(random: Random): void {
    if (this.clients.size >= MOST_CLIENTS) return;
    const listeners = [...this.gateway.listeners];
    if (listeners.length === 0) return;
    const [name, listener] = pick(listeners, random);
    const tcp = new Tcp(this.#config, () => this.loop.turns);
    const client = `client ${this.#nextClient++}`;
    const socket = new SimSocket({
      name: client,
      loop: this.loop,
      tcp,
      onread: sharedBuffer,
      isEncrypted: false,
      onWrite: () => undefined,
    });
    const made = new SimClient({
      name: client,
      tcp,
      socket,
      ledger: this.ledger,
      random,
      tastes: this.#config,
    });
    this.clients.add(made);
    this.tell(`${client} connects to listener ${name}`);
    this.call(() => listener.onConnection(socket));
  }

  // ---- Dials

  endDial(dial: SimDial): void {
    const { address } = dial.target;
    const mode = this.#hosts.get(address) ?? 'up';
    if (mode === 'black hole') return;
    if (mode === 'refuses') this.failDial(dial, 'connect-refused');
    else this.#connect(dial);
  }

  failDial(dial: SimDial, kind: FaultKind): void {
    this.tell(`a dial to ${dial.target.address} fails: ${kind}`);
    this.call(() => dial.upstream.dialFailed(dial, kind));
  }

  #connect(dial: SimDial): void {
    const { isEncrypted } = this.#config;
    const { upstream, target } = dial;
    const tcp = new Tcp(this.#config, () => this.loop.turns);
    const { pipelining } = upstream.options.pool;
    const origin = new OriginConnection({
      name: `connection ${this.#nextOrigin++}`,
      address: target.address,
      tcp,
      ledger: this.ledger,
      nowMs: this.loop.now(),
      isEncrypted,
      mostDepth: pipelining === 'off' ? 1 : pipelining === 'auto' ? 16 : pipelining,
    });
    const buffer = new ReadBuffer({ isEncrypted });
    const socket = new SimSocket({
      name: origin.name,
      loop: this.loop,
      tcp,
      onread: buffer,
      isEncrypted,
      onWrite: (data) => this.#guard(() => origin.scan.push(data)),
    });
    origin.socket = socket;
    this.origins.add(origin);
    this.tell(`a dial to ${target.address} succeeds: ${origin.name}`);
    const wire = new SocketWire(socket as unknown as Socket, buffer);
    this.call(() => upstream.dialSucceeded(dial, origin, wire));
  }

  /** What is found wrong inside a call of the gateway's is kept: the gateway may catch it as a defect of its own. */
  #guard(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (error instanceof Violation) this.report(error);
      throw error;
    }
  }

  /** A host goes down or comes up; going down it takes its connections with it. */
  turnHost(random: Random): void {
    const addresses = [...new Set(this.dialledAddresses)];
    if (addresses.length === 0) return;
    const address = pick(addresses, random);
    const mode = pick(['up', 'up', 'refuses', 'black hole'] as const, random);
    this.#hosts.set(address, mode);
    const how = mode === 'up' ? null : pick(['fin', 'close', 'reset', null] as const, random);
    this.tell(`host ${address} is ${mode}${how === null ? '' : `, its connections end by ${how}`}`);
    if (how === null) return;
    for (const origin of this.origins) if (origin.address === address) origin[how]();
  }

  get dialledAddresses(): string[] {
    const open = [...this.origins].map(({ address }) => address);
    return [...open, ...this.dials.map(({ target }) => target.address)];
  }

  allHostsUp(): void {
    this.#hosts.clear();
  }

  // ---- Administration

  reloadPolicy(random: Random): void {
    this.#config = { ...configBy(random), ...kept(this.#config) };
    this.tell('another policy is put in force');
    this.call(() => this.gateway.reloadPolicy(this.#config));
  }

  replaceUpstream(random: Random): void {
    const found = [...this.gateway.upstreams.keys()];
    if (found.length === 0) return;
    const name = pick(found, random);
    this.#config = { ...configBy(random), ...kept(this.#config) };
    this.tell(`upstream ${name} is replaced by one of other pools`);
    this.call(() => {
      const made = this.gateway.replaceUpstream(name, this.#config);
      this.#setEndpoints(made, this.#config.endpoints);
    });
  }

  turnListener(): void {
    const name = names(this.#config).at(-1) as string;
    const isThere = this.gateway.listeners.has(name);
    this.tell(`listener ${name} and its upstream are ${isThere ? 'taken out' : 'put back'}`);
    this.call(() => {
      if (isThere) this.gateway.removeListener(name);
      else this.#setEndpoints(this.gateway.addBack(name), this.#config.endpoints);
    });
  }

  changeEndpoints(random: Random): void {
    const found = this.gateway.all.filter(({ isOver }) => !isOver);
    if (found.length === 0) return;
    const count = random() < 0.1 ? 0 : 1 + Math.floor(random() * 3);
    this.#setEndpoints(pick(found, random), count, 1 + Math.floor(random() * 3));
  }

  /** Lets a turn of the loop pass, with what chance has for it. */
  turn(random: Random, between: () => void = () => undefined): void {
    if (random() < 0.8) this.arriveAll();
    this.loop.turn(random, between);
    if (random() < 0.9) this.readAll();
  }

  pass(ms: number, random: Random): void {
    this.arriveAll();
    this.loop.pass(ms, random);
    this.readAll();
  }

  check(): void {
    this.gateway.check();
  }
}

/** What a reload leaves as it is: how the peers and the network are. */
function kept(config: WorldConfig): Partial<WorldConfig> {
  const { isEncrypted, windowBytes, losesUnread, largeBodies, upgrades, upstreams } = config;
  const { interims, speaks10, malformed, failures, mostlyGets } = config;
  return {
    ...{ isEncrypted, windowBytes, losesUnread, largeBodies, upgrades, upstreams },
    ...{ interims, speaks10, malformed, failures, mostlyGets },
  };
}
