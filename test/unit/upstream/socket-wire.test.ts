/** The wire over a socket: what it says of bytes that the peer does not take. See the integration tests for the rest. */
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { expect, it } from 'vitest';
import { ReadBuffer, SocketWire } from '../../../src/upstream/socket-wire.ts';

class SlowSocket extends EventEmitter {
  writableLength = 0;
  readonly calls: string[] = [];

  write(data: string | Buffer): boolean {
    this.writableLength += data.length;
    return true;
  }

  destroy(): void {
    this.calls.push('destroy');
  }

  destroySoon(): void {
    this.calls.push('destroySoon');
  }
}

function open({ isEncrypted = false } = {}) {
  const socket = new SlowSocket();
  if (isEncrypted) Object.assign(socket, { encrypted: true });
  const wire = new SocketWire(socket as unknown as Socket, new ReadBuffer({ isEncrypted }));
  return { socket, wire };
}

it('knows of the least that has not left, though there is room for more', () => {
  const { socket, wire } = open();
  expect(wire.write('x')).toBe(true);
  expect(wire.hasUnsent).toBe(true);
  socket.writableLength = 0;
  expect(wire.hasUnsent).toBe(false);
});

it('over TLS of much alone: that a write is done is told only a turn later', () => {
  const { wire } = open({ isEncrypted: true });
  wire.write('x');
  expect(wire.hasUnsent).toBe(false);
  expect(wire.write('x'.repeat(65 * 1024))).toBe(false);
  expect(wire.hasUnsent).toBe(true);
});

it('closes at once when the peer takes nothing: the end would never be written', () => {
  const { socket, wire } = open();
  wire.write('x');
  wire.close();
  expect(socket.calls).toEqual(['destroy']);
});

it('says goodbye first when all is written', () => {
  const { socket, wire } = open();
  wire.close();
  expect(socket.calls).toEqual(['destroySoon']);
});
