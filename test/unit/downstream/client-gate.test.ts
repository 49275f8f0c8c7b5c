import { expect, it } from 'vitest';
import { TimerWheel } from '../../../src/base/timer-wheel.ts';
import type { ClientConnection } from '../../../src/downstream/client-connection.ts';
import { ClientGate } from '../../../src/downstream/client-gate.ts';
import type { Crowd } from '../../../src/downstream/client-parts.ts';
import { DateSource } from '../../../src/message/http-date.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function crowdOf(count: number): Crowd {
  const made = Array.from({ length: count }, () => ({}) as ClientConnection);
  return { connections: new Set(made), onClosed: () => undefined };
}

it('one listener may have all; one of two, three times what it leaves', () => {
  const clock = new FakeClock();
  const gate = new ClientGate({
    clock,
    wheel: new TimerWheel(clock),
    dates: new DateSource(clock),
    observer: {
      onConnection: () => undefined,
      onConnectionClosed: () => undefined,
      onRequest: () => undefined,
      onRefused: () => undefined,
      onFault: () => undefined,
      onBytes: () => undefined,
    },
    maxClients: 100,
  });
  const dead = crowdOf(99);
  gate.open = 99;
  gate.crowds.add(dead);
  expect(gate.isFair(dead)).toBe(true);
  const other = crowdOf(0);
  gate.crowds.add(other);
  gate.open = 74;
  expect(gate.isFair(crowdOf(74))).toBe(true);
  gate.open = 75;
  expect([gate.isFair(crowdOf(75)), gate.isFair(other)]).toEqual([false, true]);
});
