/**
 * HTTPS for the API server. It keeps its connections open for longer than the API server does (90 s): a request that meets
 * a closing connection would be lost, and a pod would go without its sidecar.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { messageOf } from '../../base/fault.ts';
import { listen } from '../../telemetry/admin/listen.ts';
import type { KeyPair } from '../certificates/issue.ts';
import type { ListenAddress } from '../listen-address.ts';
import { type ReviewContext, type Reviewed, review } from './review.ts';

export const WEBHOOK_PATH = '/inject';

const KEEP_ALIVE_MS = 180_000;
const REQUEST_MS = 10_000;
/** An object may have 1.5 MB in etcd, and a review holds it once. */
const MOST_OCTETS = 8 * 1024 * 1024;

export interface WebhookObserver {
  onReviewed(reviewed: Reviewed, durationMs: number): void;
  onBadRequest(why: string): void;
}

export interface WebhookParts {
  readonly context: ReviewContext;
  readonly observer: WebhookObserver;
  /** Milliseconds on a clock that never goes back. */
  now(): number;
}

export class WebhookServer {
  readonly #parts: WebhookParts;
  readonly #server: Server;
  #shown: KeyPair | null = null;
  #isDraining = false;

  constructor(parts: WebhookParts) {
    this.#parts = parts;
    this.#server = createServer({
      minVersion: 'TLSv1.2',
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
    });
    this.#server.on('request', (request, response) => void this.#respond(request, response));
    // A peer that speaks no TLS, or does not trust us: its trouble shows at its side.
    this.#server.on('tlsClientError', () => undefined);
  }

  /** Resolves with the address in use. */
  listen(address: ListenAddress): Promise<ListenAddress> {
    return listen(this.#server, address);
  }

  get hasCertificate(): boolean {
    return this.#shown !== null;
  }

  /** New connections are shown this certificate; those that are open stay as they are. */
  show(pair: KeyPair): void {
    if (pair.cert === this.#shown?.cert && pair.key === this.#shown.key) return;
    this.#server.setSecureContext({ cert: pair.cert, key: pair.key, minVersion: 'TLSv1.2' });
    this.#shown = pair;
  }

  /** From now on every answer ends its connection, so that the next request is somebody else's. */
  drain(): void {
    this.#isDraining = true;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    await closed;
  }

  async #respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { context, observer, now } = this.#parts;
    const beganMs = now();
    const refuse = (status: number, why: string): void => {
      observer.onBadRequest(why);
      send(response, { status, body: `${why}\n`, contentType: 'text/plain; charset=utf-8' });
    };
    if (this.#isDraining) response.setHeader('Connection', 'close');
    try {
      const [path] = (request.url ?? '').split('?', 1);
      if (path !== WEBHOOK_PATH) return refuse(404, `there is nothing at ${path}`);
      if (request.method !== 'POST') return refuse(405, `${WEBHOOK_PATH} takes POST`);
      const text = await bodyOf(request);
      if (text === null) return refuse(413, `more than ${MOST_OCTETS} octets`);
      const document = parse(text);
      const answer = await review(document, context);
      if (answer === null) return refuse(400, 'no AdmissionReview of admission.k8s.io/v1');
      send(response, {
        status: 200,
        body: JSON.stringify(answer.body),
        contentType: 'application/json',
      });
      observer.onReviewed(answer.reviewed, now() - beganMs);
    } catch (error) {
      if (!response.headersSent && !response.destroyed) refuse(500, messageOf(error));
    }
  }
}

interface Sending {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}

function send(response: ServerResponse, { status, body, contentType }: Sending): void {
  response.writeHead(status, {
    'Content-Type': contentType,
    'Content-Length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Null when it is too long; the rest of it is read and thrown away. */
async function bodyOf(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const octets: Buffer = chunk;
    length += octets.length;
    if (length <= MOST_OCTETS) chunks.push(octets);
  }
  return length > MOST_OCTETS ? null : Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
