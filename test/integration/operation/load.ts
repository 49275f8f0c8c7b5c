/**
 * Clients of every kind at once, at a steady rate, each of which checks what it gets: what a reload or a drain must not
 * be noticed by. Against the answers of `startNodeOrigin`.
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { noise, sha256 } from '../../support/bodies.ts';

export interface LoadOptions {
  readonly port: number;
  /** One-request clients of HTTP/1.0. */
  readonly perSecond?: number;
  readonly keepAliveClients?: number;
  readonly uploads?: number;
  readonly downloads?: number;
}

export interface Tally {
  readonly done: { oneRequest: number; keepAlive: number; uploads: number; downloads: number };
  /** What went wrong, one sentence each. */
  readonly failures: string[];
  /** Responses to keep-alive clients that said `Connection: close`. */
  readonly closes: number;
}

const uploaded = noise(256 * 1024, 7);
const uploadedHash = sha256(uploaded);
const dripped = Array.from({ length: 10 }, (_, piece) => `drop ${piece}\n`).join('');

export class Load {
  readonly #options: Required<LoadOptions>;
  readonly #running: Promise<void>[] = [];
  readonly #done = { oneRequest: 0, keepAlive: 0, uploads: 0, downloads: 0 };
  readonly #failures: string[] = [];
  readonly #agents: Agent[] = [];
  #closes = 0;
  #isStopping = false;

  constructor(options: LoadOptions) {
    this.#options = { perSecond: 120, keepAliveClients: 4, uploads: 2, downloads: 2, ...options };
    const { keepAliveClients, uploads, downloads } = this.#options;
    this.#running.push(this.#oneRequestClients());
    for (let i = 0; i < keepAliveClients; i += 1) this.#running.push(this.#keepAliveClient());
    for (let i = 0; i < uploads; i += 1) this.#running.push(this.#uploader());
    for (let i = 0; i < downloads; i += 1) this.#running.push(this.#downloader());
  }

  get tally(): Tally {
    return { done: this.#done, failures: this.#failures, closes: this.#closes };
  }

  /** Lets all finish what they have begun. */
  async stop(): Promise<Tally> {
    this.#isStopping = true;
    await Promise.all(this.#running);
    for (const agent of this.#agents) agent.destroy();
    return this.tally;
  }

  async #oneRequestClients(): Promise<void> {
    const { perSecond, port } = this.#options;
    const pending = new Set<Promise<void>>();
    const beganMs = performance.now();
    for (let sent = 0; !this.#isStopping; sent += 1) {
      const dueMs = beganMs + (sent * 1_000) / perSecond - performance.now();
      if (dueMs > 1) await sleep(dueMs);
      const one = this.#count('oneRequest', async () => {
        const { status, body } = await oneRequest(port);
        return status === 200 && body === 'ok' ? null : `${status} ${body}`;
      }).finally(() => pending.delete(one));
      pending.add(one);
    }
    await Promise.all(pending);
  }

  async #keepAliveClient(): Promise<void> {
    const agent = this.#agent();
    while (!this.#isStopping) {
      await this.#count('keepAlive', async () => {
        const { response, body } = await send(this.#options.port, { agent });
        if (response.headers.connection === 'close') this.#closes += 1;
        return response.statusCode === 200 && body === 'ok' ? null : `${response.statusCode}`;
      });
      await sleep(20);
    }
  }

  /** In pieces over a third of a second. */
  async #uploader(): Promise<void> {
    while (!this.#isStopping) {
      await this.#count('uploads', async () => {
        const { response, body } = await send(this.#options.port, {
          method: 'POST',
          path: '/echo',
          pieces: 16,
        });
        if (response.statusCode !== 200) return `${response.statusCode} ${body}`;
        const { sha256: hash, bytes } = JSON.parse(body);
        return hash === uploadedHash ? null : `${bytes} bytes came, or others`;
      });
    }
  }

  async #downloader(): Promise<void> {
    while (!this.#isStopping) {
      await this.#count('downloads', async () => {
        const { response, body } = await send(this.#options.port, { path: '/drip?ms=40' });
        return response.statusCode === 200 && body === dripped ? null : `${body.length} bytes`;
      });
    }
  }

  #agent(): Agent {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.#agents.push(agent);
    return agent;
  }

  async #count(kind: keyof Tally['done'], run: () => Promise<string | null>): Promise<void> {
    const beganMs = performance.now();
    const wrong = await run().catch((error: Error) => error.message);
    if (wrong === null) this.#done[kind] += 1;
    else {
      const tookMs = Math.round(performance.now() - beganMs);
      this.#failures.push(`${kind} after ${tookMs} ms: ${wrong}`);
      // Not a flood of them when nobody is there.
      await sleep(20);
    }
  }
}

/** As a script would: connects, asks once, reads to the end. */
export function oneRequest(
  to: number | { readonly host: string; readonly port: number },
  path = '/ok',
): Promise<{ status: number; head: string; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(typeof to === 'number' ? { host: '127.0.0.1', port: to } : to);
    let all = '';
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(`GET ${path} HTTP/1.0\r\nHost: local\r\n\r\n`));
    socket.on('data', (text: string) => {
      all += text;
    });
    socket.on('error', reject);
    socket.on('end', () => {
      const [head = '', ...rest] = all.split('\r\n\r\n');
      const status = Number(/^HTTP\/1\.\d (\d{3})/.exec(head)?.[1] ?? 0);
      if (status === 0) reject(new Error(`ended after ${all.length} bytes, with no response`));
      else resolve({ status, head, body: rest.join('\r\n\r\n') });
    });
  });
}

interface SendOptions {
  readonly method?: string;
  readonly path?: string;
  readonly agent?: Agent;
  /** How many pieces `uploaded` is sent in; none for no body. */
  readonly pieces?: number;
}

/** A request of HTTP/1.1. Without an agent it is on a connection of its own, and asks for its close. */
export function send(
  port: number,
  { method = 'GET', path = '/ok', agent, pieces = 0 }: SendOptions = {},
): Promise<{ response: IncomingMessage; body: string }> {
  return new Promise((resolve, reject) => {
    const length = pieces > 0 ? { 'Content-Length': uploaded.length } : {};
    const asked = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      agent: agent ?? false,
      headers: length,
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (text: string) => {
        body += text;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ response, body }));
    });
    if (pieces === 0) asked.end();
    else void writePieces(asked, pieces);
  });
}

async function writePieces(asked: ReturnType<typeof request>, pieces: number): Promise<void> {
  const size = Math.ceil(uploaded.length / pieces);
  for (let at = 0; at < uploaded.length && !asked.destroyed; at += size) {
    asked.write(uploaded.subarray(at, at + size));
    await sleep(20);
  }
  asked.end();
}
