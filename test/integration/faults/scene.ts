/**
 * Origin, gateway and clients of one test of faults. At the end of each test it is seen that nothing leaked: no lease,
 * no exchange, no client connection, and every upstream connection that was opened was told closed once.
 */
import { afterEach, expect } from 'vitest';
import type { GatewaySettings } from '../../support/gateway.ts';
import { type InProcessGateway, startInProcessGateway } from '../../support/in-process-gateway.ts';
import { connectRawClient, type RawAddress, type RawClient } from '../../support/raw-client.ts';
import { type RawOrigin, type RawOriginOptions, startRawOrigin } from '../../support/raw-origin.ts';

type UpstreamSettings = Omit<GatewaySettings['upstreams'][string], 'url'>;

export class Scene {
  readonly #clients: RawClient[] = [];
  readonly #origins: RawOrigin[] = [];
  readonly #gateways: InProcessGateway[] = [];

  async origin(options: RawOriginOptions = {}): Promise<RawOrigin> {
    const origin = await startRawOrigin(options);
    this.#origins.push(origin);
    return origin;
  }

  /** A gateway in this process before this origin. One connection is kept warm unless told otherwise. */
  async gateway(
    origin: { readonly url: string },
    upstream: UpstreamSettings = {},
    rest: Omit<GatewaySettings, 'upstreams'> = {},
  ): Promise<InProcessGateway> {
    const gateway = await startInProcessGateway({
      log: { level: 'warn' },
      ...rest,
      upstreams: { origin: { pool: { warm: 1, warmMax: 1 }, ...upstream, url: origin.url } },
    });
    this.#gateways.push(gateway);
    return gateway;
  }

  async client(to: InProcessGateway | RawAddress): Promise<RawClient> {
    const client = await connectRawClient('port' in to ? { port: to.port } : to);
    client.socket.on('error', () => {});
    this.#clients.push(client);
    return client;
  }

  async end(): Promise<void> {
    try {
      for (const client of this.#clients.splice(0)) client.reset();
      for (const gateway of this.#gateways) await gateway.deserted();
    } finally {
      const gateways = this.#gateways.splice(0);
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await Promise.all(this.#origins.splice(0).map((origin) => origin.close()));
      for (const { told } of gateways) expect(told.closed).toHaveLength(told.opened);
    }
  }
}

/** For the tests of one file: made once, ended after each test. */
export function scene(): Scene {
  const made = new Scene();
  afterEach(() => made.end());
  return made;
}

export function get(path = '/', fields = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

export function post(body = 'hello', fields = ''): string {
  return `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${fields}\r\n${body}`;
}

/** The `details` of a Proxy-Status: what the caller is told of its request. */
export function detailsOf(response: {
  readonly fields: ReadonlyMap<string, readonly string[]>;
}): string | undefined {
  const [value = ''] = response.fields.get('proxy-status') ?? [];
  return /details="([^"]+)"/.exec(value)?.[1];
}
