import { describe, expect, it } from 'vitest';
import { type Leasable, Lease } from '../../../src/upstream/carrier.ts';

function scene(requests = 0) {
  const calls: string[] = [];
  const carrier = { requests } as Leasable;
  const lease = new Lease(carrier, {
    giveBack: () => calls.push('given back'),
    discard: (_, reason) => calls.push(`discarded: ${reason}`),
    onTrialAnswered: () => calls.push('trial answered'),
    onSwitched: () => calls.push('switched'),
    onOutcome: ({ status }, outcome) => calls.push(`${outcome} ${status}`),
  });
  return { lease, carrier, calls };
}

describe('a lease', () => {
  it('goes back to its keeper, or is discarded with a reason', () => {
    const first = scene();
    first.lease.giveBack();
    expect(first.calls).toEqual(['given back']);
    const second = scene();
    second.lease.discard('fault');
    expect(second.calls).toEqual(['discarded: fault']);
  });

  it.each<[string, (lease: Lease) => void]>([
    ['given back', (lease) => lease.giveBack()],
    ['discarded', (lease) => lease.discard('fault')],
  ])('settled twice throws, and its keeper hears of the first alone: %s', (_, settle) => {
    for (const again of [
      (lease: Lease) => lease.giveBack(),
      (lease: Lease) => lease.discard('fault'),
    ]) {
      const { lease, calls } = scene();
      settle(lease);
      expect(() => again(lease)).toThrow('a lease was settled twice');
      expect(calls).toHaveLength(1);
    }
  });

  it('knows whether its connection had carried a request before it', () => {
    expect(scene(0).lease.isReused).toBe(false);
    expect(scene(1).lease.isReused).toBe(true);
  });

  it('does not take its own request for an earlier one', () => {
    const { lease, carrier } = scene(0);
    (carrier as { requests: number }).requests = 1;
    expect(lease.isReused).toBe(false);
  });
});
