/** What a long run runs against: three origins in processes of their own, and the gateway before them. */
import { writeFileSync } from 'node:fs';
import { CertificateAuthority } from '../../support/certificates.ts';
import { freePort } from '../../support/free-port.ts';
import { type GatewaySettings, type RunningGateway, startGateway } from '../../support/gateway.ts';
import { type RunningProcess, startProcess } from '../../support/process.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import type { OriginPlan } from './origin-process.ts';

export type OriginName = 'here' | 'there' | 'secure';

/** Names of upstreams: `api` moves between two origins, `pages` is pipelined, `secure` is TLS both ways. */
export const upstreamNames = ['api', 'pages', 'secure'] as const;

export const movingName = 'api.soak.internal';

/** What a reload changes. */
export interface Variant {
  readonly team: string;
  /** Another number makes a new upstream of it: the old one is retired with all its connections. */
  readonly apiConnections: number;
  readonly hasExtraListener: boolean;
}

export class SoakScene {
  readonly dir: TempDir;
  readonly gateway: RunningGateway;
  readonly canMove: boolean;
  readonly #origins: Map<OriginName, RunningProcess>;
  readonly #plans: Record<OriginName, OriginPlan>;
  readonly #authority: CertificateAuthority;
  readonly #extraPort: number;
  #at: OriginName = 'here';
  variant: Variant;

  private constructor(parts: {
    readonly dir: TempDir;
    readonly gateway: RunningGateway;
    readonly canMove: boolean;
    readonly origins: Map<OriginName, RunningProcess>;
    readonly plans: Record<OriginName, OriginPlan>;
    readonly authority: CertificateAuthority;
    readonly extraPort: number;
  }) {
    this.dir = parts.dir;
    this.gateway = parts.gateway;
    this.canMove = parts.canMove;
    this.#origins = parts.origins;
    this.#plans = parts.plans;
    this.#authority = parts.authority;
    this.#extraPort = parts.extraPort;
    this.variant = firstVariant;
  }

  /** `hostsPath`: a file that stands for /etc/hosts; null where there can be none, and then no name moves. */
  static async start(hostsPath: string | null, probePath: string): Promise<SoakScene> {
    const dir = makeTempDir('soak');
    const authority = await CertificateAuthority.create(dir.path);
    const tls = await authority.issue({
      name: 'origin',
      names: ['localhost'],
      addresses: ['127.0.0.2'],
    });
    await authority.issue({ name: 'client', names: ['gateway'], usage: 'client' });
    const port = await freePort('127.0.0.2');
    const plans: Record<OriginName, OriginPlan> = {
      here: { host: '127.0.0.2', port },
      there: { host: '127.0.0.3', port },
      secure: {
        host: '127.0.0.2',
        port: await freePort('127.0.0.2'),
        tls: { caPath: authority.certPath, certPath: tls.certPath, keyPath: tls.keyPath },
      },
    };
    const origins = new Map<OriginName, RunningProcess>();
    for (const name of ['here', 'secure'] as const)
      origins.set(name, await startOrigin(plans[name]));
    if (hostsPath !== null) writeHosts(hostsPath, plans.here.host);
    const extraPort = await freePort();
    const settings = settingsOf(firstVariant, {
      dir,
      plans,
      apiHost: hostsPath === null ? plans.here.host : movingName,
      extraPort,
      caPath: authority.certPath,
    });
    const gateway = await startGateway(settings, {
      readyTimeoutMs: 30_000,
      env: {
        NODE_OPTIONS: `--require ${new URL('probe.cjs', import.meta.url).pathname}`,
        SOAK_PROBE: probePath,
      },
    });
    const canMove = hostsPath !== null;
    return new SoakScene({ dir, gateway, canMove, origins, plans, authority, extraPort });
  }

  portOf(upstream: (typeof upstreamNames)[number]): number {
    return this.gateway.listenPorts[upstreamNames.indexOf(upstream)] ?? 0;
  }

  /** Where `api` is now. */
  get at(): OriginName {
    return this.#at;
  }

  reset(name: OriginName): void {
    this.#origins.get(name)?.signal('SIGUSR2');
  }

  async kill(name: OriginName, signal: NodeJS.Signals): Promise<void> {
    const running = this.#origins.get(name);
    running?.signal(signal);
    await running?.exited;
    this.#origins.delete(name);
  }

  async raise(name: OriginName): Promise<void> {
    if (!this.#origins.has(name)) this.#origins.set(name, await startOrigin(this.#plans[name]));
  }

  /** The name has another address from now on. */
  async move(hostsPath: string): Promise<OriginName> {
    const from = this.#at;
    const to = from === 'here' ? 'there' : 'here';
    await this.raise(to);
    writeHosts(hostsPath, this.#plans[to].host);
    this.#at = to;
    return from;
  }

  /** A new certificate for the gateway, its two files one after the other. */
  async renewCertificate(): Promise<void> {
    await this.#authority.issue({ name: 'client', names: ['gateway'], usage: 'client' });
  }

  reload(variant: Variant): void {
    this.variant = variant;
    this.gateway.rewrite(
      settingsOf(variant, {
        dir: this.dir,
        plans: this.#plans,
        apiHost: this.canMove ? movingName : this.#plans.here.host,
        extraPort: this.#extraPort,
        caPath: this.#authority.certPath,
      }),
    );
  }

  reloadWrongly(): void {
    writeFileSync(this.gateway.configPath, 'listeners: 1\n');
  }

  async stop(): Promise<number | null> {
    const { code } = await this.gateway.stop(30_000);
    for (const running of this.#origins.values()) await running.stop(2_000);
    this.dir.remove();
    return code;
  }
}

export const firstVariant: Variant = { team: 'one', apiConnections: 16, hasExtraListener: false };

interface SettingsParts {
  readonly dir: TempDir;
  readonly plans: Record<OriginName, OriginPlan>;
  readonly apiHost: string;
  readonly extraPort: number;
  readonly caPath: string;
}

function settingsOf(variant: Variant, parts: SettingsParts): GatewaySettings {
  const { dir, plans, apiHost, extraPort, caPath } = parts;
  return {
    upstreams: {
      api: {
        url: `http://${apiHost}:${plans.here.port}`,
        pool: { maxConnections: variant.apiConnections },
        headers: { set: { 'X-Team': variant.team } },
      },
      // So few that requests have to share.
      pages: {
        url: `http://${apiHost}:${plans.here.port}`,
        pipelining: 8,
        pool: { maxConnections: 2, warm: 1, warmMax: 2 },
      },
      secure: {
        url: `https://${plans.secure.host}:${plans.secure.port}`,
        tls: { ca: caPath, certFile: dir.file('client.pem'), keyFile: dir.file('client.key') },
      },
    },
    listeners: [
      ...upstreamNames.map((upstream) => ({ upstream })),
      ...(variant.hasExtraListener ? [{ upstream: 'api', address: `127.0.0.1:${extraPort}` }] : []),
    ],
    drain: { quiet: '500ms', deadline: '20s' },
  };
}

function startOrigin(plan: OriginPlan): Promise<RunningProcess> {
  return startProcess({
    command: process.execPath,
    args: [new URL('origin-process.ts', import.meta.url).pathname, JSON.stringify(plan)],
    ready: { kind: 'port', port: plan.port, host: plan.host },
    readyTimeoutMs: 20_000,
  });
}

/** In place, as the kubelet does: the file is a mount, which no other file could be put in place of. */
function writeHosts(path: string, ip: string): void {
  writeFileSync(path, `127.0.0.1 localhost\n${ip} ${movingName}\n`);
}
