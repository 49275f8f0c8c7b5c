/** Clients of every kind, for as long as the run lasts. Each checks what it gets, and notes what was wrong and when. */
import { once } from 'node:events';
import { Agent, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { oneRequest, send } from '../../integration/operation/load.ts';
import { noise, sha256, sizes } from '../../support/bodies.ts';
import { within } from '../../support/wait-for.ts';
import type { SoakScene, upstreamNames } from './scene.ts';

export const kinds = [
  'one-request',
  'keep-alive',
  'pipelined',
  'upload',
  'drip',
  'download',
  'tunnel',
] as const;
export type Kind = (typeof kinds)[number];

export interface Failure {
  readonly kind: Kind;
  readonly upstream: (typeof upstreamNames)[number];
  readonly what: string;
  readonly beganMs: number;
  readonly endedMs: number;
}

const answerWithinMs = 30_000;
const uploadBytes = 256 * 1024;
const uploadHash = sha256(noise(uploadBytes, 7));
const downloadHash = sha256(noise(sizes['10m']));
const dripped = Array.from({ length: 10 }, (_, piece) => `drop ${piece}\n`).join('');

type Attempt = () => Promise<string | null>;

export class SoakClients {
  readonly done: Record<Kind, number>;
  readonly failures: Failure[] = [];
  rude = 0;
  readonly #scene: SoakScene;
  readonly #running: Promise<void>[] = [];
  readonly #agents: Agent[] = [];
  #isStopping = false;

  constructor(scene: SoakScene) {
    this.#scene = scene;
    this.done = Object.fromEntries(kinds.map((kind) => [kind, 0])) as Record<Kind, number>;
    this.#running.push(this.#openLoop(60), this.#rudeOnes(200));
    for (const upstream of ['api', 'api', 'secure', 'secure'] as const)
      this.#running.push(this.#keepAlive(upstream, 100));
    this.#running.push(this.#bursts(12, 500));
    for (const upstream of ['api', 'secure'] as const) {
      this.#running.push(this.#every('upload', upstream, 700, () => this.#upload(upstream)));
      this.#running.push(this.#every('drip', upstream, 500, () => this.#drip(upstream)));
      this.#running.push(this.#every('download', upstream, 5_000, () => this.#download(upstream)));
      for (let nth = 0; nth < 3; nth += 1)
        this.#running.push(this.#every('tunnel', upstream, 100, () => this.#tunnel(upstream, nth)));
    }
  }

  /** Lets all finish what they have begun. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
    for (const agent of this.#agents) agent.destroy();
  }

  #port(upstream: Failure['upstream']): number {
    return this.#scene.portOf(upstream);
  }

  async #count(kind: Kind, upstream: Failure['upstream'], attempt: Attempt): Promise<void> {
    const beganMs = performance.now();
    const wrong = await within(attempt(), answerWithinMs, 'an answer').catch(
      (error: Error) => error.message,
    );
    if (wrong === null) this.done[kind] += 1;
    else this.failures.push({ kind, upstream, what: wrong, beganMs, endedMs: performance.now() });
  }

  async #every(
    kind: Kind,
    upstream: Failure['upstream'],
    pauseMs: number,
    attempt: Attempt,
  ): Promise<void> {
    while (!this.#isStopping) {
      await this.#count(kind, upstream, attempt);
      await sleep(pauseMs);
    }
  }

  /** So many a second whether or not earlier ones were answered, as scripts come. */
  async #openLoop(perSecond: number): Promise<void> {
    const pending = new Set<Promise<void>>();
    const beganMs = performance.now();
    for (let sent = 0; !this.#isStopping; sent += 1) {
      const dueMs = beganMs + (sent * 1_000) / perSecond - performance.now();
      if (dueMs > 1) await sleep(dueMs);
      const upstream = sent % 4 === 0 ? 'secure' : 'api';
      const one = this.#count('one-request', upstream, async () => {
        const { status, body } = await oneRequest(this.#port(upstream));
        return status === 200 && body === 'ok' ? null : `${status} ${body}`;
      }).finally(() => pending.delete(one));
      pending.add(one);
    }
    await Promise.all(pending);
  }

  async #keepAlive(upstream: Failure['upstream'], pauseMs: number): Promise<void> {
    const agent = this.#agent(1);
    await this.#every('keep-alive', upstream, pauseMs, async () => {
      const { response, body } = await send(this.#port(upstream), { agent });
      return response.statusCode === 200 && body === 'ok' ? null : told(response, body);
    });
  }

  /** More at once than there are connections: they are pipelined, and each must get its own answer. */
  async #bursts(size: number, pauseMs: number): Promise<void> {
    const agent = this.#agent(size);
    for (let nth = 0; !this.#isStopping; nth += 1) {
      const asks = Array.from({ length: size }, (_, place) => `/echo?of=${nth}-${place}`);
      const ask = (path: string): Promise<void> =>
        this.#count('pipelined', 'pages', async () => {
          const { response, body } = await send(this.#port('pages'), { agent, path });
          if (response.statusCode !== 200) return told(response, body);
          const { url } = JSON.parse(body) as { url: string };
          return url === path ? null : `asked for ${path}, answered for ${url}`;
        });
      await Promise.all(asks.map(ask));
      await sleep(pauseMs);
    }
  }

  async #upload(upstream: Failure['upstream']): Promise<string | null> {
    const path = '/echo';
    const { response, body } = await send(this.#port(upstream), {
      method: 'POST',
      path,
      pieces: 8,
    });
    if (response.statusCode !== 200) return told(response, body);
    return JSON.parse(body).sha256 === uploadHash ? null : 'another body came than was sent';
  }

  async #drip(upstream: Failure['upstream']): Promise<string | null> {
    const { response, body } = await send(this.#port(upstream), { path: '/drip?ms=40' });
    if (response.statusCode !== 200) return told(response, body);
    return body === dripped ? null : `${body.length} octets that looked whole`;
  }

  async #download(upstream: Failure['upstream']): Promise<string | null> {
    const { response, body } = await send(this.#port(upstream), { path: '/size/10m' });
    if (response.statusCode !== 200) return told(response, body);
    return sha256(Buffer.from(body, 'latin1')) === downloadHash ? null : 'another body than asked';
  }

  /** Open for a while, and spoken over now and then. */
  async #tunnel(upstream: Failure['upstream'], nth: number): Promise<string | null> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.#port(upstream)}/echo`);
    let ended = '';
    socket.on('error', (error) => {
      ended ||= error.message;
    });
    const gone = new Promise<null>((resolve) => {
      socket.on('close', (code) => {
        ended ||= `cut off: closed with ${code}`;
        resolve(null);
      });
    });
    try {
      await once(socket, 'open', { signal: AbortSignal.timeout(answerWithinMs) });
      for (let spoken = 0; spoken < 8 + nth * 4 && !this.#isStopping; spoken += 1) {
        const text = `${nth} said ${spoken}`;
        const heard = new Promise<string>((resolve) => {
          socket.once('message', (data) => resolve(String(data)));
        });
        socket.send(text);
        const answer = await Promise.race([within(heard, answerWithinMs, 'an echo'), gone]);
        if (answer === null) return ended;
        if (answer !== text) return `said "${text}", heard "${answer}"`;
        await sleep(1_000);
        if (ended !== '') return ended;
      }
      return null;
    } finally {
      socket.close();
    }
  }

  /** Those that go away in the middle of things. What they get is no matter. */
  async #rudeOnes(pauseMs: number): Promise<void> {
    for (; !this.#isStopping; this.rude += 1) {
      const socket = connect({ host: '127.0.0.1', port: this.#port('api') });
      socket.on('error', () => undefined);
      socket.on('data', () => undefined);
      socket.write(rudeBeginnings[this.rude % rudeBeginnings.length] ?? '');
      await sleep(pauseMs / 2);
      if (this.rude % 3 === 0) socket.destroy();
      else socket.resetAndDestroy();
      await sleep(pauseMs / 2);
    }
  }

  #agent(maxSockets: number): Agent {
    const agent = new Agent({ keepAlive: true, maxSockets });
    this.#agents.push(agent);
    return agent;
  }
}

const rudeBeginnings = [
  '',
  'GET /o',
  'GET /ok HTTP/1.1\r\nHost: local\r\n\r\n',
  'GET /slow?ms=300 HTTP/1.1\r\nHost: local\r\n\r\n',
  'GET /size/10m HTTP/1.1\r\nHost: local\r\n\r\n',
  'GET /drip?ms=20 HTTP/1.1\r\nHost: local\r\n\r\n',
  'POST /echo HTTP/1.1\r\nHost: local\r\nContent-Length: 1000\r\n\r\nhalf of it',
  'POST /echo HTTP/1.1\r\nHost: local\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf',
  'BREW / HTTP/1.1\r\nHost : local\r\n\r\n',
  'GET /ws HTTP/1.1\r\nHost: local\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
];

/** A status and what the gateway says of it, so that it can be judged whether its caller was told the truth. */
function told(response: IncomingMessage, body: string): string {
  const { 'proxy-status': status = '' } = response.headers;
  return `${response.statusCode} ${status} ${status === '' ? body.slice(0, 80) : ''}`.trim();
}
