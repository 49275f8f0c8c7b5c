/**
 * Runs the gateway as a program of its own, as a pod would, with ports that are free.
 *
 * `SIDEPOOL_GATEWAY` in the environment names another command, such as `node dist/sidepool.cjs gateway`,
 * so that the same suites judge the bundle.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { freePort } from './free-port.ts';
import { type Metrics, parseMetrics, sumOf } from './metrics.ts';
import { type Exit, type RunningProcess, startProcess } from './process.ts';
import { makeTempDir, type TempDir } from './temp-dir.ts';

/** The suites run from wherever vitest was started. */
const repository = join(import.meta.dirname, '..', '..');

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** The configuration's own shape; what is left out is filled in as told at `startGateway`. */
export interface GatewaySettings {
  readonly listeners?: readonly {
    readonly address?: string;
    readonly upstream: string;
    readonly [name: string]: Json | undefined;
  }[];
  readonly upstreams: {
    readonly [name: string]: { readonly url: string; readonly [name: string]: Json };
  };
  readonly admin?: { readonly address?: string; readonly [name: string]: Json | undefined };
  readonly limits?: { readonly [name: string]: Json };
  readonly clients?: { readonly [name: string]: Json };
  readonly drain?: { readonly [name: string]: Json };
  readonly log?: { readonly [name: string]: Json };
}

export interface StartGatewayOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node itself, before the program. */
  readonly nodeArgs?: readonly string[];
  /** `none`: do not wait for /readyz, for a test of what comes before it. */
  readonly ready?: 'readyz' | 'none';
  readonly readyTimeoutMs?: number;
}

export class RunningGateway {
  readonly pid: number;
  /** By listener, in their order; 0 for a Unix socket. */
  readonly listenPorts: readonly number[];
  readonly adminUrl: string;
  readonly configPath: string;
  readonly process: RunningProcess;
  readonly #dir: TempDir;

  constructor(started: RunningProcess, dir: TempDir, configPath: string, filled: FilledSettings) {
    this.process = started;
    this.pid = started.pid;
    this.#dir = dir;
    this.configPath = configPath;
    this.listenPorts = filled.listeners.map(({ address }) => portOf(address));
    this.adminUrl = `http://127.0.0.1:${portOf(filled.admin.address)}`;
  }

  /** The first listener's port: most tests have one. */
  get port(): number {
    return this.listenPorts[0] ?? 0;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async metrics(): Promise<Metrics> {
    const response = await fetch(`${this.adminUrl}/metrics`);
    return parseMetrics(await response.text());
  }

  /** The sum over the samples of this name that have at least these labels. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    return sumOf(await this.metrics(), name, labels);
  }

  output(): string {
    return this.process.output();
  }

  /** Writes another configuration in the old one's place; the ports stay unless it names others. */
  rewrite(settings: GatewaySettings): void {
    const listeners = (settings.listeners ?? defaultListeners(settings)).map((listener, index) => ({
      ...listener,
      address: listener.address ?? `127.0.0.1:${this.listenPorts[index]}`,
    }));
    const admin = { ...settings.admin, address: new URL(this.adminUrl).host };
    writeFileSync(this.configPath, JSON.stringify({ ...settings, listeners, admin }));
  }

  /** SIGTERM, then a wait for its end; the exit code tells whether it drained in order. */
  async stop(graceMs = 10_000): Promise<Exit> {
    const exit = await this.process.stop(graceMs);
    this.#dir.remove();
    return exit;
  }
}

/**
 * Starts a gateway and waits until /readyz answers 200.
 *
 * Takes YAML text or settings. Filled in where left out: a listener on a free port for each upstream; the
 * address of a listener and of admin; a short drain, so that suites end quickly.
 */
export async function startGateway(
  config: string | GatewaySettings,
  options: StartGatewayOptions = {},
): Promise<RunningGateway> {
  const settings: GatewaySettings = typeof config === 'string' ? parse(config) : config;
  const filled = await fillIn(settings);
  const dir = makeTempDir('gateway');
  const configPath = dir.file('gateway.yaml');
  writeFileSync(configPath, JSON.stringify(filled, undefined, 2)); // JSON is YAML too.
  const [command, args] = gatewayCommand(options.nodeArgs ?? []);
  try {
    const started = await startProcess({
      command,
      args: [...args, '--config', configPath],
      cwd: repository,
      ...(options.env && { env: options.env }),
      ...(options.ready !== 'none' && {
        ready: { kind: 'http', url: `http://${filled.admin.address}/readyz` },
      }),
      readyTimeoutMs: options.readyTimeoutMs ?? 15_000,
    });
    return new RunningGateway(started, dir, configPath, filled);
  } catch (cause) {
    dir.remove();
    throw cause;
  }
}

/** One upstream named `origin` with these options, one listener. */
export function startGatewayFor(
  url: string,
  upstream: { readonly [name: string]: Json } = {},
  options: StartGatewayOptions = {},
): Promise<RunningGateway> {
  return startGateway({ upstreams: { origin: { url, ...upstream } } }, options);
}

/** The command and its first arguments, up to and with `gateway`. */
function gatewayCommand(nodeArgs: readonly string[] = []): [string, string[]] {
  const { SIDEPOOL_GATEWAY: instead } = process.env;
  if (instead !== undefined && instead !== '') {
    const [command = '', ...args] = instead.split(' ');
    return [command === 'node' ? process.execPath : command, args];
  }
  return [process.execPath, [...nodeArgs, join(repository, 'cmd/sidepool.ts'), 'gateway']];
}

interface FilledSettings extends GatewaySettings {
  readonly listeners: readonly { readonly address: string; readonly upstream: string }[];
  readonly admin: { readonly address: string };
}

async function fillIn(settings: GatewaySettings): Promise<FilledSettings> {
  const listeners = [];
  for (const listener of settings.listeners ?? defaultListeners(settings)) {
    listeners.push({ ...listener, address: listener.address ?? `127.0.0.1:${await freePort()}` });
  }
  const adminAddress = settings.admin?.address ?? `127.0.0.1:${await freePort()}`;
  return {
    drain: { quiet: '50ms', deadline: '3s' },
    ...settings,
    listeners,
    admin: { ...settings.admin, address: adminAddress },
  };
}

function defaultListeners(settings: GatewaySettings): { upstream: string; address?: string }[] {
  return Object.keys(settings.upstreams).map((upstream) => ({ upstream }));
}

function portOf(address: string): number {
  return address.startsWith('unix:') ? 0 : Number(address.slice(address.lastIndexOf(':') + 1));
}
