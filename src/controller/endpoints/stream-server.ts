/**
 * The endpoint stream: `GET /v1/endpoints?service=NAMESPACE/NAME:PORT&...&zone=ZONE`, answered by lines of JSON without end.
 *
 *     {"trust":"-----BEGIN CERTIFICATE-----..."}             what to trust of the controller from now on
 *     {"set":"shop/pay:8080","endpoints":["10.0.0.1:8080"]}  all of them; null when there is no such Service
 *     {"change":"shop/pay:8080","add":[...],"remove":[...]}  since the line before
 *     {}                                                     it is still there
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Cancel, Clock, Random } from '../../base/clock.ts';
import { messageOf } from '../../base/fault.ts';
import { listen } from '../../telemetry/admin/listen.ts';
import type { KeyPair } from '../certificates/issue.ts';
import type { ListenAddress } from '../listen-address.ts';
import type { Hub, Subscriber, Topic } from './hub.ts';
import type { TokenReviewer } from './token-review.ts';

export const ENDPOINTS_PATH = '/v1/endpoints';

const BEAT_MS = 20_000;
/** A stream ends some time, so that sidecars spread over new replicas and their tokens are looked at again. */
const LIFE_MS = 1_800_000;
/** Who does not read what has been written for it is left; it comes back and begins anew. */
const MOST_WAITING_OCTETS = 1024 * 1024;
const MOST_SERVICES = 256;
const TOPIC = /^([a-z0-9-]{1,63}\/[a-z0-9-]{1,63}):([A-Za-z0-9-]{1,15})$/;

export interface StreamParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly hub: Hub;
  readonly reviewer: TokenReviewer;
  /** Whether the whole cluster has been read: before that nothing could be said. */
  isFilled(): boolean;
  onFailed(why: string): void;
}

export class StreamServer {
  readonly #parts: StreamParts;
  readonly #server: Server;
  readonly #streams = new Set<Stream>();
  #shown: KeyPair | null = null;
  #trust = '';
  #cancelBeat: Cancel = () => undefined;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.#server = createServer({ minVersion: 'TLSv1.2', headersTimeout: 10_000 });
    this.#server.on('request', (request, response) => void this.#respond(request, response));
    this.#server.on('tlsClientError', () => undefined);
  }

  get streams(): number {
    return this.#streams.size;
  }

  async listen(address: ListenAddress): Promise<ListenAddress> {
    const bound = await listen(this.#server, address);
    this.#beat();
    return bound;
  }

  /** `trust` are the authorities of this certificate and of those to come; null when they are not ours to tell. */
  show(pair: KeyPair, trust: string | null): void {
    if (pair.cert !== this.#shown?.cert || pair.key !== this.#shown.key)
      this.#server.setSecureContext({ cert: pair.cert, key: pair.key, minVersion: 'TLSv1.2' });
    this.#shown = pair;
    if (trust === null || trust === this.#trust) return;
    this.#trust = trust;
    for (const stream of this.#streams) stream.send(trustLine(trust));
  }

  /** Ends the streams one after another over `overMs`, so that not all come back in one moment. */
  async close(overMs: number): Promise<void> {
    this.#cancelBeat();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    const { clock, random } = this.#parts;
    for (const stream of this.#streams) clock.sleep(random() * overMs, () => stream.end());
    this.#server.closeIdleConnections();
    await closed;
  }

  #beat(): void {
    for (const stream of this.#streams) stream.send('{}\n');
    this.#cancelBeat = this.#parts.clock.sleep(BEAT_MS, () => this.#beat());
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { hub, clock, random } = this.#parts;
    const url = new URL(request.url ?? '/', 'https://controller');
    const refused = await this.#refusal(request, url);
    if (refused !== null) {
      const [status, text] = refused;
      response.writeHead(status, { 'Content-Type': 'text/plain', Connection: 'close' });
      response.end(`${text}\n`);
      return;
    }
    if (response.destroyed) return;
    response.writeHead(200, {
      'Content-Type': 'application/x-ndjson',
      'Cache-Control': 'no-store',
    });
    const stream = new Stream(response);
    this.#streams.add(stream);
    if (this.#trust !== '') stream.send(trustLine(this.#trust));
    const ends = topicsOf(url).map((topic) => hub.subscribe(topic, stream));
    ends.push(clock.sleep(LIFE_MS * (0.75 + random() / 2), () => stream.end()));
    response.once('close', () => {
      this.#streams.delete(stream);
      for (const end of ends) end();
    });
  }

  async #refusal(request: IncomingMessage, url: URL): Promise<readonly [number, string] | null> {
    if (url.pathname !== ENDPOINTS_PATH || request.method !== 'GET')
      return [404, `there is GET ${ENDPOINTS_PATH}`];
    const services = url.searchParams.getAll('service');
    const isSound = services.length > 0 && services.length <= MOST_SERVICES;
    if (!isSound || !services.every((each) => TOPIC.test(each)))
      return [400, 'service=NAMESPACE/NAME:PORT is meant, once or more'];
    if (!this.#parts.isFilled()) return [503, 'the cluster has not been read yet'];
    const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined) return [401, 'a token is meant'];
    try {
      const user = await this.#parts.reviewer.userOf(token);
      return user === null ? [401, 'this token is not for us'] : null;
    } catch (error) {
      this.#parts.onFailed(messageOf(error));
      return [503, 'the API server does not say whose token this is'];
    }
  }
}

class Stream implements Subscriber {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.on('error', () => undefined);
  }

  send(line: string): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    this.#response.write(line);
    if (this.#response.writableLength > MOST_WAITING_OCTETS) this.#response.destroy();
  }

  end(): void {
    this.#response.end();
    // Whoever has not taken the rest will not.
    this.#response.socket?.destroySoon();
  }
}

function trustLine(trust: string): string {
  return `${JSON.stringify({ trust })}\n`;
}

function topicsOf(url: URL): readonly Topic[] {
  const zone = url.searchParams.get('zone') ?? '';
  return [...new Set(url.searchParams.getAll('service'))].flatMap((text) => {
    const found = TOPIC.exec(text);
    return found === null ? [] : [{ service: found[1] as string, port: found[2] as string, zone }];
  });
}
