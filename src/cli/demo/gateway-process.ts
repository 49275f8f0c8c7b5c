/** Starts the gateway as anyone would, with a configuration file, and reads its metrics. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Child } from './child.ts';

export interface GatewayPlan {
  /** The command line's file: `sidepool.cjs`, or `sidepool.ts` in a checkout. */
  readonly program: string;
  readonly configPath: string;
  readonly originUrl: string;
  readonly authorityPath: string;
  readonly listenPort: number;
  readonly adminPort: number;
}

export interface GatewayFigures {
  readonly requests: number;
  readonly reused: number;
  readonly connectionsOpened: number;
  readonly processorMs: number;
}

const readyTimeoutMs = 10_000;

export class GatewayProcess {
  readonly pid: number;
  readonly child: Child;
  readonly listenPort: number;
  readonly adminUrl: string;

  private constructor(pid: number, child: Child, { listenPort, adminPort }: GatewayPlan) {
    this.pid = pid;
    this.child = child;
    this.listenPort = listenPort;
    this.adminUrl = `http://127.0.0.1:${adminPort}`;
  }

  /** Resolves when it is ready. `onStarted` gets the child before anything can fail. */
  static async start(
    plan: GatewayPlan,
    onStarted: (child: Child) => void,
  ): Promise<GatewayProcess> {
    writeFileSync(plan.configPath, configText(plan));
    const started = spawn(
      process.execPath,
      [plan.program, 'gateway', '--config', plan.configPath],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        // A group of its own: Ctrl-C goes to the demo, which ends it in order.
        detached: true,
      },
    );
    let said = '';
    const listen = (text: string): void => {
      said = `${said}${text}`.slice(-2_000);
    };
    started.stdout.setEncoding('utf8').on('data', listen);
    started.stderr.setEncoding('utf8').on('data', listen);
    const child = new Child('gateway', started, () => `It said:\n${said}`);
    onStarted(child);
    const gateway = new GatewayProcess(started.pid ?? 0, child, plan);
    await child.whileAlive(gateway.#ready(() => said));
    return gateway;
  }

  async #ready(said: () => string): Promise<void> {
    const untilMs = performance.now() + readyTimeoutMs;
    while (performance.now() < untilMs) {
      const status = await fetch(`${this.adminUrl}/readyz`).then(
        (response) => response.status,
        () => 0,
      );
      if (status === 200) return;
      await sleep(20);
    }
    throw new Error(
      `the gateway was not ready within ${readyTimeoutMs / 1000} s. It said:\n${said()}`,
    );
  }

  async figures(): Promise<GatewayFigures> {
    const response = await this.child.whileAlive(fetch(`${this.adminUrl}/metrics`));
    const text = await response.text();
    return {
      requests: sumOf(text, 'sidepool_upstream_requests_total'),
      reused: sumOf(text, 'sidepool_upstream_requests_reused_total'),
      connectionsOpened: sumOf(text, 'sidepool_upstream_connections_opened_total'),
      processorMs: 1000 * sumOf(text, 'process_cpu_seconds_total'),
    };
  }
}

function configText({ listenPort, adminPort, originUrl, authorityPath }: GatewayPlan): string {
  return `# Written by "sidepool demo".
listeners:
  - address: 127.0.0.1:${listenPort}
    upstream: origin
upstreams:
  origin:
    url: ${originUrl}
    tls: { ca: ${JSON.stringify(authorityPath)} }
admin: { address: 127.0.0.1:${adminPort} }
drain: { quiet: 0s, deadline: 1s }
`;
}

/** The sum over all samples of one name in the Prometheus text format. Throws when there is none. */
export function sumOf(metrics: string, name: string): number {
  let sum = Number.NaN;
  for (const line of metrics.split('\n')) {
    const value = new RegExp(`^${name}(?:\\{.*\\})? (\\S+)`).exec(line)?.[1];
    if (value !== undefined) sum = (Number.isNaN(sum) ? 0 : sum) + Number(value);
  }
  if (Number.isNaN(sum)) throw new Error(`the gateway's metrics have no ${name}`);
  return sum;
}
