/**
 * Two sockets joined after a switch of protocols: bytes as they are, with back-pressure, half-close and an idle limit.
 * RFC 9110 9.3.6: what one side had sent when it closed is delivered to the other before that is closed too.
 */
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import type { TunnelEnd } from '../downstream/handler.ts';
import type { RawSocket } from '../upstream/wire.ts';

export interface TunnelParts {
  readonly client: TunnelEnd;
  readonly upstream: RawSocket;
  /** What the upstream sent behind its answer. */
  readonly upstreamRest: Buffer;
  readonly wheel: TimerWheel;
  /** Milliseconds without an octet either way; 0 for no limit. */
  readonly idleMs: number;
  /** The upstream's socket is closed; the client may still be taking what came over it. */
  readonly onEnded: () => void;
}

export function joinTunnel(parts: TunnelParts): void {
  const { upstream, wheel, idleMs, onEnded } = parts;
  const { socket: client, rest: clientRest, hasEnded } = parts.client;
  let openSockets = 2;

  const idle = new Deadline(() => {
    client.destroy();
    upstream.destroy();
  });
  const onTraffic = (): void => {
    if (idleMs > 0 && openSockets > 0) wheel.set(idle, idleMs);
  };
  const onHalfClosed = (other: { end(): void }): void => {
    other.end();
    onTraffic();
  };
  /** Nothing more can come from this side. The other is closed once it has taken what came before. */
  const onClosed = (other: { destroySoon(): void }): void => {
    openSockets -= 1;
    if (openSockets > 0) other.destroySoon();
    else wheel.clear(idle);
  };

  client.setReader((data) => {
    onTraffic();
    // A copy: what the upstream does not take at once waits, and the next read is written over it.
    if (!upstream.write(Buffer.from(data))) client.pause();
  });
  client.on('drain', () => upstream.resume());
  client.on('end', () => onHalfClosed(upstream));
  client.on('error', () => {
    // 'close' follows.
  });
  client.on('close', () => onClosed(upstream));
  upstream.setTunnel({
    onData: (data) => {
      onTraffic();
      if (!client.write(data)) upstream.pause();
    },
    onDrain: () => client.resume(),
    onEnd: () => onHalfClosed(client),
    onClosed: () => {
      onClosed(client);
      onEnded();
    },
  });
  if (parts.upstreamRest.length > 0) client.write(parts.upstreamRest);
  if (clientRest.length > 0) upstream.write(clientRest);
  if (hasEnded) upstream.end();
  onTraffic();
  client.resume();
  upstream.resume();
}
