/**
 * Two sockets joined after a switch of protocols: bytes as they are, with back-pressure, half-close and an idle limit.
 * RFC 9110 9.3.6: what one side had sent when it closed is delivered to the other before that is closed too.
 */
import { Deadline, type TimerWheel } from '../base/timer-wheel.ts';
import type { ClientSocket } from '../downstream/client-socket.ts';
import type { RawSocket } from '../upstream/wire.ts';

export interface TunnelParts {
  readonly client: ClientSocket;
  /** What the client sent behind its request, and the upstream behind its answer. */
  readonly clientRest: Buffer;
  readonly upstream: RawSocket;
  readonly upstreamRest: Buffer;
  readonly wheel: TimerWheel;
  /** Milliseconds without an octet either way; 0 for no limit. */
  readonly idleMs: number;
  readonly onEnded: () => void;
}

export function joinTunnel(parts: TunnelParts): void {
  const { client, upstream, wheel, idleMs, onEnded } = parts;
  let openSides = 2;
  let hasEnded = false;

  const end = (): void => {
    if (hasEnded) return;
    hasEnded = true;
    wheel.clear(idle);
    client.destroy();
    upstream.destroy();
    onEnded();
  };
  const idle = new Deadline(end);
  const onTraffic = (): void => {
    if (idleMs > 0) wheel.set(idle, idleMs);
  };
  const onHalfClosed = (other: { end(): void }): void => {
    openSides -= 1;
    other.end();
    onTraffic();
  };

  client.on('data', (data) => {
    onTraffic();
    if (!upstream.write(data)) client.pause();
  });
  client.on('drain', () => upstream.resume());
  client.on('end', () => onHalfClosed(upstream));
  client.on('error', () => {
    // 'close' follows.
  });
  client.on('close', () => {
    // Closed by a reset, or after both sides had ended; what is on its way to the other side is still delivered.
    if (openSides > 0 && !hasEnded) upstream.end();
    end();
  });
  upstream.setTunnel({
    onData: (data) => {
      onTraffic();
      if (!client.write(data)) upstream.pause();
    },
    onDrain: () => client.resume(),
    onEnd: () => onHalfClosed(client),
    onClosed: end,
  });
  if (parts.upstreamRest.length > 0) client.write(parts.upstreamRest);
  if (parts.clientRest.length > 0) upstream.write(parts.clientRest);
  onTraffic();
  client.resume();
  upstream.resume();
}
