/** Hears from programs in pods, so that what they did is known also when the pods are gone. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Call {
  readonly pod: string;
  readonly phase: string;
  readonly result: string;
}

export class Collector {
  /** How often each request was acted on, by its id. */
  readonly applied = new Map<string, number>();
  readonly calls: Call[] = [];
  readonly #server: Server;
  readonly #address: string;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.#address = address;
  }

  /** Listens where pods can reach this machine, and nobody else can. */
  static async start(address: string): Promise<Collector> {
    const server = createServer();
    const collector = new Collector(server, address);
    server.on('request', async (request, response) => {
      let body = '';
      for await (const part of request.setEncoding('utf8')) body += part;
      collector.#take(request.url ?? '', body);
      response.end();
    });
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return collector;
  }

  get url(): string {
    return `http://${this.#address}:${(this.#server.address() as AddressInfo).port}`;
  }

  #take(path: string, body: string): void {
    const [first = '', second = '', third = ''] = body.split(' ');
    if (path === '/applied') this.applied.set(first, (this.applied.get(first) ?? 0) + 1);
    if (path === '/called') this.calls.push({ pod: first, phase: second, result: third });
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}
