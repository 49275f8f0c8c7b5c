/**
 * The data path as a whole, without a socket: octets into clients' connections, octets out of a made-up upstream, in
 * pieces and in an order that the octets themselves choose; then one more client that behaves; then everybody leaves.
 */
import { type Random, seeded } from '../../../src/base/clock.ts';
import type { FakeClientSocket } from '../../support/fake-client-socket.ts';
import type { FakeWire } from '../../support/fake-wire.ts';
import { readWireCases } from '../../wire/read-wire.ts';
import { type FuzzTarget, fingerprint, promise } from '../engine/target.ts';
import { readStrictly } from '../strict-reader.ts';
import { GatewayScene } from './gateway-scene.ts';

const DIVIDER = '\n%%%\n';
const MOST_CLIENTS = 4;

/**
 * Parts between dividers: the first client's octets, the upstream's, those of further clients. Bits of the first octet:
 * 1 clients end their side after their last octet, 2 so does the upstream, 4 pipelining, 8 the upstream is cut off,
 * 16 clients go away in the middle.
 */
export const gatewayTarget: FuzzTarget = {
  name: 'gateway',
  promise:
    'what upstream and clients get is proper; nothing sent twice, nothing left, nothing thrown',
  seeds: () => {
    const answers = readWireCases('responses').filter(({ settings }) => !settings.has('method'));
    const requests = readWireCases('requests');
    // Clients that go away in the middle of a body: the wire documents have none.
    const halves = Array.from({ length: 8 }, (_, nth) =>
      Buffer.from(`\x10POST /${nth} HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc${DIVIDER}`),
    );
    const whole = requests.map(({ bytes }, index) =>
      Buffer.concat([
        Buffer.of(index & 31),
        bytes,
        Buffer.from(DIVIDER),
        answers[index % answers.length]?.bytes ?? Buffer.alloc(0),
        Buffer.from(DIVIDER),
        requests[(index * 7) % requests.length]?.bytes ?? Buffer.alloc(0),
      ]),
    );
    return [...whole, ...halves];
  },
  morsels: [
    DIVIDER,
    'Upgrade: websocket\r\nConnection: upgrade\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc',
  ],
  run(data) {
    const [first = '', answers = '', ...others] = data.toString('latin1', 1).split(DIVIDER);
    const clients = [first, ...others].slice(0, MOST_CLIENTS);
    new Play(seeded(fingerprint(data)), data[0] ?? 0).run(clients, answers);
  },
};

const canned = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const lastTarget = '/after-all';

class Play {
  readonly #random: Random;
  readonly #bits: number;
  readonly #scene: GatewayScene;
  readonly #answeredAt = new Map<FakeWire, number>();

  constructor(random: Random, bits: number) {
    this.#random = random;
    this.#bits = bits;
    this.#scene = new GatewayScene(random, (bits & 4) !== 0);
  }

  run(clients: readonly string[], answers: string): void {
    const scene = this.#scene;
    const ways = clients.map((text) => ({ socket: scene.connect(), pieces: this.#pieces(text) }));
    const fromUpstream = this.#pieces(answers);
    for (let steps = 0; steps < 500; steps += 1) {
      const open = ways.filter(({ pieces }) => pieces.length > 0);
      const way = open[Math.floor(this.#random() * open.length)];
      if (way === undefined && fromUpstream.length === 0) break;
      if (way !== undefined && (fromUpstream.length === 0 || this.#random() < 0.6))
        this.#send(way.socket, way.pieces.shift() as string);
      else this.#answer(fromUpstream);
      if (this.#random() < 0.8) scene.settle();
      if (this.#random() < 0.05) scene.pass(this.#random() * 50);
    }
    if ((this.#bits & 2) !== 0) for (const wire of scene.live) wire.end();
    if ((this.#bits & 1) !== 0) for (const { socket } of ways) socket.fin();
    scene.settle();
    this.#serveAll();
    this.#lastClient();
    for (const { socket } of ways) this.#checkReceived(socket);
    scene.leave();
    // Not before: a retry is told of when its outcome is known.
    this.#checkWires(clients.join(''));
    this.#checkIdle();
    scene.end();
  }

  #pieces(text: string): string[] {
    const pieces: string[] = [];
    for (let at = 0; at < text.length; ) {
      const length = this.#random() < 0.5 ? text.length : 1 + Math.floor(this.#random() * 40);
      pieces.push(text.slice(at, at + length));
      at += length;
    }
    return pieces;
  }

  #send(socket: FakeClientSocket, piece: string): void {
    socket.send(Buffer.from(piece, 'latin1'));
    if ((this.#bits & 16) !== 0 && this.#random() < 0.2) socket.reset();
  }

  /** The first connection that was asked something gets what the octets say. */
  #answer(pieces: string[]): void {
    const asked = this.#scene.live.find((wire) => wire.written.includes('\r\n\r\n'));
    if (asked === undefined) {
      pieces.length = 0;
      return;
    }
    asked.respond(pieces.shift() as string);
    if ((this.#bits & 8) !== 0 && this.#random() < 0.2) asked.reset();
  }

  /** From here on the upstream answers whatever it is asked, properly. */
  #serveAll(): void {
    for (let round = 0; round < 6; round += 1) {
      for (const wire of this.#scene.live) {
        const { length } = wire.written;
        if (this.#answeredAt.get(wire) === length) continue;
        this.#answeredAt.set(wire, length);
        wire.respond(canned);
      }
      this.#scene.settle();
    }
  }

  /** Whatever went before: a client that is answered by the upstream has asked it in a request of its own. */
  #lastClient(): void {
    const last = this.#scene.connect();
    last.send(`GET ${lastTarget} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    this.#scene.settle();
    this.#serveAll();
    if (!last.received.startsWith('HTTP/1.1 200')) return;
    const asked = this.#messages().some(({ startLine }) => startLine.includes(lastTarget));
    promise(asked, () => 'the last client was answered, and no upstream can have read its request');
  }

  /** What upstreams were sent, one whole request behind the other. */
  #messages() {
    return this.#scene.wires.flatMap(({ written }) => {
      const found = [];
      for (let at = 0; at < written.length; ) {
        const message = readStrictly(written, at, { role: 'request' });
        if (message === null) break;
        found.push(message);
        at = message.end;
      }
      return found;
    });
  }

  #checkWires(text: string): void {
    const { requests, retries } = this.#scene;
    const messages = this.#messages();
    const sends = messages.length;
    // RFC 9110 9.2.2: whatever was retried, it was no POST.
    const posts = messages.filter(({ startLine }) => startLine.startsWith('POST ')).length;
    const asked = text.split('POST ').length - 1;
    promise(posts <= asked, () => `${posts} POST were sent on of ${asked}`);
    promise(
      sends <= requests + retries,
      () => `${sends} requests were sent on of ${requests}, with ${retries} retries`,
    );
  }

  /** With nobody left, a connection that is still open was sent whole requests: the next one would be read as a body. */
  #checkIdle(): void {
    for (const { written } of this.#scene.live) {
      let at = 0;
      while (at < written.length) {
        const message = readStrictly(written, at, { role: 'request' });
        promise(
          message !== null,
          () => `half a request on an idle connection:\n${written.slice(at)}`,
        );
        at = message.end;
      }
    }
  }

  /** What a client got is responses, no more of them than it made requests (and one refusal). */
  #checkReceived({ received }: FakeClientSocket): void {
    const { requests, wires } = this.#scene;
    // Which of them answers a HEAD is not known here, nor what a tunnel carries.
    if (wires.some(({ isReleased, written }) => isReleased || /^HEAD /m.test(written))) return;
    let finals = 0;
    for (let at = 0; at < received.length; ) {
      const message = readStrictly(received, at, { role: 'response', isClosed: true });
      if (message === null) break;
      if (!message.startLine.startsWith('HTTP/1.1 1')) finals += 1;
      at = message.end;
    }
    promise(finals <= requests + 1, () => `${finals} responses to ${requests} requests`);
  }
}
