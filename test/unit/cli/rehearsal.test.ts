/** What a rehearsal leaves behind: nothing, however it ends. */
import { readdirSync, readFileSync } from 'node:fs';
import { Server } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { rehearse } from '../../../src/cli/rehearsal.ts';
import { fromPairs } from '../../../src/config/load.ts';
import { waitFor } from '../../support/wait-for.ts';

afterEach(() => vi.restoreAllMocks());

function played(clock: Clock = systemClock, signal = new AbortController().signal) {
  const parsed = fromPairs([{ listen: '127.0.0.1:15101', upstream: 'https://127.0.0.1:9' }]);
  if (!parsed.ok) throw new Error('the pair is right');
  return rehearse({ config: parsed.config, clock, random: Math.random, signal });
}

const open = () => ({
  resources: process
    .getActiveResourcesInfo()
    .filter((name) => /Server|Pipe|TCP/.test(name))
    .sort(),
  descriptors: readdirSync('/proc/self/fd').length,
});

/** Sockets end a turn after they were told to. */
async function nothingIsLeft(before: ReturnType<typeof open>): Promise<void> {
  await waitFor(() => JSON.stringify(open()) === JSON.stringify(before), {
    what: () => `${JSON.stringify(open())} is ${JSON.stringify(before)}`,
  });
  expect(readFileSync('/proc/net/unix', 'latin1')).not.toContain(
    `sidepool-rehearsal-${process.pid}-`,
  );
}

/** Counts the sleeps that were neither slept out nor cancelled, and lets a busy machine take longer than it may. */
function countingClock(): Clock & { readonly pending: number } {
  let pending = 0;
  return {
    ...systemClock,
    get pending() {
      return pending;
    },
    sleep(delayMs, wake) {
      pending += 1;
      let isOver = false;
      const end = () => {
        if (!isOver) pending -= 1;
        isOver = true;
      };
      const cancel = systemClock.sleep(100 * delayMs, () => {
        end();
        wake();
      });
      return () => {
        end();
        cancel();
      };
    },
  };
}

it('goes through, and leaves no socket, descriptor or timer', async () => {
  const before = open();
  const clock = countingClock();
  expect(await played(clock)).toBeNull();
  expect(clock.pending).toBe(0);
  await nothingIsLeft(before);
});

it('is given up when its time has passed', async () => {
  const before = open();
  const hasty: Clock = { ...systemClock, sleep: (_, wake) => systemClock.sleep(0, wake) };
  vi.spyOn(Server.prototype, 'listen').mockReturnThis();
  expect(await played(hasty)).toBe('not done in 250 ms');
  await nothingIsLeft(before);
});

it('is given up in the middle when it is called off, and also before', async () => {
  const before = open();
  const caller = new AbortController();
  const playing = played(systemClock, caller.signal);
  await waitFor(
    () => readFileSync('/proc/net/unix', 'latin1').includes(`sidepool-rehearsal-${process.pid}-`),
    {
      everyMs: 0,
    },
  );
  caller.abort();
  expect(await playing).toBe('it was called off');
  expect(await played(systemClock, caller.signal)).toBe('it was called off');
  await nothingIsLeft(before);
});

it('is given up where no socket can be had', async () => {
  const before = open();
  vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server) {
    process.nextTick(() => this.emit('error', new Error('listen EACCES: permission denied')));
    return this;
  });
  expect(await played()).toBe('listen EACCES: permission denied');
  await nothingIsLeft(before);
});
