/**
 * The demo: one load of one-request HTTP/1.0 clients, straight to a TLS origin and then through a gateway.
 *
 * Origin, gateway and clients are three processes, and the gateway is the real executable. Nothing in the table is known
 * beforehand: the origin counts what reaches it, the gateway's metrics tell reuse, and the client times its requests.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../../base/fault.ts';
import { makeCertificate } from './certificate.ts';
import type { Child } from './child.ts';
import { GatewayProcess } from './gateway-process.ts';
import { type LoadResult, runLoad, type Way } from './load.ts';
import { OriginProcess } from './origin-process.ts';
import { portNear } from './ports.ts';
import { Progress } from './progress.ts';
import { type Column, table } from './table.ts';

export interface DemoOptions {
  /** End after the table; so does a demo whose output is not a terminal. */
  readonly once: boolean;
  readonly requests: number;
  /** The files that are run as processes of their own. */
  readonly programs: { readonly sidepool: string; readonly origin: string };
}

const clients = 8;
const interrupted = 130;

/** Resolves with the exit code; by then nothing of the demo is left. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const stop = new AbortController();
  const demo = new Demo(options, stop.signal);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Error(`ended by ${signal}`)));
  }
  process.once('exit', () => demo.dropEverything());
  try {
    return await demo.run();
  } catch (error) {
    if (stop.signal.aborted) return interrupted;
    process.stderr.write(`sidepool demo: ${messageOf(error)}\n`);
    return 1;
  } finally {
    await demo.end();
  }
}

class Demo {
  readonly #options: DemoOptions;
  /** Aborted when the demo is to end. */
  readonly #signal: AbortSignal;
  /** Aborted when a process has ended that should not have. */
  readonly #lost = new AbortController();
  readonly #children: Child[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), 'sidepool-demo-'));
  readonly #stopped: Promise<void>;

  constructor(options: DemoOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#stopped = new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
  }

  readonly #adopt = (child: Child): void => {
    this.#children.push(child);
    child.lost.catch((error: unknown) => this.#lost.abort(error));
  };

  async run(): Promise<number> {
    const { once, programs } = this.#options;
    const certificate = await makeCertificate();
    const authorityPath = join(this.#directory, 'authority.pem');
    writeFileSync(authorityPath, certificate.authority);
    const origin = await OriginProcess.start(programs.origin, certificate, this.#adopt);

    await origin.take();
    const context = createSecureContext({ ca: certificate.authority });
    const direct = await this.#load('directly', { kind: 'tls', port: origin.port, context });
    const directCounts = await origin.take();

    const gateway = await GatewayProcess.start(
      {
        program: programs.sidepool,
        configPath: join(this.#directory, 'sidepool.yaml'),
        originUrl: origin.url,
        authorityPath,
        listenPort: await portNear(15_101),
        adminPort: await portNear(15_100),
      },
      this.#adopt,
    );
    origin.entrust({ gatewayPid: gateway.pid, directory: this.#directory });
    const before = await gateway.figures();
    const through = await this.#load('through Sidepool', {
      kind: 'plain',
      port: gateway.listenPort,
    });
    const figures = await gateway.figures();
    // Since before the gateway's start, so that what it warmed up beforehand counts too.
    const throughCounts = await origin.take();

    this.#show([
      {
        title: 'directly',
        load: direct,
        origin: directCounts,
        reuse: 1 - directCounts.connections / directCounts.requests,
        gatewayMs: null,
      },
      {
        title: 'through Sidepool',
        load: through,
        origin: throughCounts,
        reuse: figures.reused / figures.requests,
        gatewayMs: figures.processorMs - before.processorMs,
      },
    ]);
    const failed = [complaint('directly', direct), complaint('through Sidepool', through)];
    for (const words of failed) if (words !== null) process.stderr.write(`${words}\n`);
    if (!once && process.stdout.isTTY === true) {
      this.#invite(origin, gateway, authorityPath);
      await Promise.race([this.#stopped, ...this.#children.map(({ lost }) => lost)]);
    }
    return failed.every((words) => words === null) ? 0 : 1;
  }

  async #load(title: string, way: Way): Promise<LoadResult> {
    const { requests } = this.#options;
    const progress = new Progress(process.stdout, title, requests);
    try {
      const signal = AbortSignal.any([this.#signal, this.#lost.signal]);
      return await runLoad(way, { requests, clients, signal, onProgress: (n) => progress.show(n) });
    } finally {
      progress.end();
    }
  }

  #show(columns: readonly Column[]): void {
    const isColoured = process.stdout.isTTY === true && process.stdout.hasColors();
    const emphasis = (text: string) => (isColoured ? `\u001b[1m${text}\u001b[22m` : text);
    const { requests } = this.#options;
    process.stdout.write(`
${requests.toLocaleString('en-US')} HTTP/1.0 requests, each on a connection of its own, ${clients} at a time, to an origin over TLS

${table(columns, emphasis)}
Clients, gateway and origin share this machine's ${availableParallelism()} processors, and a round trip between them
takes next to no time. In a network each connection opened costs two round trips more (three
with TLS 1.2, one more for DNS) and a source port, here and on every NAT on the way: so the
rows from "connections opened" down are the ones to compare.
`);
  }

  #invite(origin: OriginProcess, gateway: GatewayProcess, authorityPath: string): void {
    const { adminUrl, listenPort } = gateway;
    const url = `http://127.0.0.1:${listenPort}`;
    process.stdout.write(`
Gateway and origin go on. Try from another terminal:

  status page       ${adminUrl}/
  metrics           curl -s ${adminUrl}/metrics | grep upstream_
  pools             curl -s ${adminUrl}/pools
  a request         curl -i --http1.0 ${url}/
  a failure, told   curl -i -d order=1 ${url}/drop
  without gateway   curl -i --cacert ${authorityPath} ${origin.url}/

Ctrl-C ends it.
`);
  }

  /** Ends what was started and removes what was written. */
  async end(): Promise<void> {
    await Promise.all(this.#children.map((child) => child.end()));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** The same when this process ends at once; after `end` it changes nothing. */
  dropEverything(): void {
    for (const child of this.#children) child.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function complaint(
  title: string,
  { failures, firstFailure, latenciesMs }: LoadResult,
): string | null {
  if (failures === 0) return null;
  const all = failures + latenciesMs.length;
  return `sidepool demo: ${failures} of ${all} requests ${title} failed; the first: ${firstFailure}.`;
}
