/** An origin, a gateway before it, and a folder in which the documents' commands find what they name. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { freePorts } from '../support/free-port.ts';
import { type RunningGateway, startGateway } from '../support/gateway.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { repository } from './blocks.ts';

/** The ports that the documents name; each scene has others in their place. */
const named = [15100, 15101, 15102, 15103] as const;

export class Scene {
  readonly dir: TempDir;
  readonly gateway: RunningGateway;
  readonly ports: readonly number[];
  readonly #origin: Server;
  readonly #seen: string[];

  constructor(
    dir: TempDir,
    gateway: RunningGateway,
    made: { readonly origin: Server; readonly seen: string[]; readonly ports: readonly number[] },
  ) {
    this.dir = dir;
    this.gateway = gateway;
    this.ports = made.ports;
    this.#origin = made.origin;
    this.#seen = made.seen;
  }

  get originUrl(): string {
    return `http://127.0.0.1:${(this.#origin.address() as AddressInfo).port}`;
  }

  /** The Host of each request that the origin has had since the last call. */
  hosts(): string[] {
    return this.#seen.splice(0);
  }

  /** The text with this scene's addresses and paths in place of those shown. */
  here(text: string, ports: readonly number[] = this.ports): string {
    return text
      .replace(/\b127\.0\.0\.1:(151\d\d)\b/g, (all, port: string) => {
        const at = named.indexOf(Number(port) as (typeof named)[number]);
        return at < 0 ? all : `127.0.0.1:${ports[at]}`;
      })
      .replace(/https?:\/\/(?!127\.0\.0\.1)[a-z][a-z0-9.-]*(:\d+)?/g, this.originUrl)
      .replaceAll('/run/sidepool/', `${this.dir.path}/`)
      .replaceAll('/run/secrets/', `${this.dir.path}/`)
      .replaceAll('/etc/sidepool/', `${this.dir.path}/`);
  }

  env(): Record<string, string> {
    const url = `http://127.0.0.1:${this.ports[1]}`;
    const { PATH = '' } = process.env;
    return {
      PATH: `${this.dir.file('bin')}${delimiter}${PATH}`,
      SIDEPOOL_API_URL: url,
      SIDEPOOL_ORDERS_URL: url,
      // Neither may come between a program and the loopback.
      http_proxy: '',
      HTTP_PROXY: '',
      no_proxy: '127.0.0.1',
    };
  }

  async end(): Promise<void> {
    await this.gateway.stop();
    this.#origin.closeAllConnections();
    await new Promise((resolve) => this.#origin.close(resolve));
    this.dir.remove();
  }
}

export async function setScene(): Promise<Scene> {
  const dir = makeTempDir('documents');
  const seen: string[] = [];
  const origin = createServer((request, response) => {
    seen.push(request.headers.host ?? '');
    request.resume().on('end', () => {
      const { method, url, httpVersion, headers, socket } = request;
      response.setHeader('Content-Type', 'application/json');
      if (url === '/old') response.writeHead(302, { Location: `http://${headers.host}/v1/orders` });
      response.end(
        `${JSON.stringify({ method, url, host: headers.host, httpVersion, sourcePort: socket.remotePort })}\n`,
      );
    });
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  programs(dir);
  // Values of the secrets that the configurations name.
  for (const name of ['api-token', 'token']) writeFileSync(dir.file(name), 'secret\n');
  mkdirSync(dir.file('api'));
  writeFileSync(dir.file('api', 'token'), 'secret\n');
  const ports = await freePorts(named.length);
  const listen = (at: number): string => `127.0.0.1:${ports[at]}`;
  const gateway = await startGateway(
    {
      listeners: [
        { address: listen(1), upstream: 'api' },
        { address: listen(2), upstream: 'orders' },
        { address: `unix:${dir.file('search.sock')}`, upstream: 'search' },
      ],
      upstreams: { api: { url }, orders: { url }, search: { url } },
      admin: { address: listen(0) },
    },
    { readyTimeoutMs: 60_000 },
  );
  return new Scene(dir, gateway, { origin, seen, ports });
}

/** `sidepool` and `npx sidepool` are the sources here. */
function programs(dir: TempDir): void {
  mkdirSync(dir.file('bin'));
  const call = `exec '${process.execPath}' '${join(repository, 'cmd/sidepool.ts')}' "$@"\n`;
  for (const [name, text] of [
    ['sidepool', call],
    ['npx', `shift\n${call}`],
  ] as const) {
    writeFileSync(dir.file('bin', name), `#!/bin/sh\n${text}`);
    chmodSync(dir.file('bin', name), 0o755);
  }
}
