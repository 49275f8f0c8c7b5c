import { describe, expect, it } from 'vitest';
import { OwnerEvents } from '../../../../src/controller/webhook/events.ts';
import type { Reviewed } from '../../../../src/controller/webhook/review.ts';
import { FakeApi } from '../../../support/fake-api.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'shop-1', uid: 'r-1' };

const injected: Reviewed = {
  outcome: { kind: 'injected', patch: [], warnings: [], mode: 'native', upstreams: ['api', 'pay'] },
  namespace: 'team',
  podName: undefined,
  generateName: 'shop-1-',
  owner,
  isDryRun: false,
};

function scene() {
  const api = new FakeApi();
  const clock = new FakeClock();
  const failures: string[] = [];
  const events = new OwnerEvents({
    api,
    clock,
    reporter: 'a',
    onFailed: (why) => failures.push(why),
  });
  return { api, clock, events, failures };
}

describe('OwnerEvents', () => {
  it('tells the owner what was done', () => {
    const { api, events } = scene();
    events.tell(injected);
    expect(api.calls[0]?.path).toBe('/api/v1/namespaces/team/events');
    expect(api.events[0]).toMatchObject({
      involvedObject: { ...owner, namespace: 'team' },
      type: 'Normal',
      reason: 'SidepoolInjected',
      message: 'Sidepool was injected (native) for api, pay.',
      firstTimestamp: '2025-06-15T15:06:40Z',
    });
  });

  it('tells the same only once in ten minutes, and another thing at once', () => {
    const { api, clock, events } = scene();
    for (let pods = 0; pods < 50; pods += 1) events.tell(injected);
    expect(api.events).toHaveLength(1);
    events.tell({ ...injected, owner: { ...owner, uid: 'r-2' } });
    expect(api.events).toHaveLength(2);
    clock.advance(600_000);
    events.tell(injected);
    expect(api.events).toHaveLength(3);
  });

  it('says why a pod goes without, and that it was refused', () => {
    const { api, events } = scene();
    const problems = ['hostNetwork: no', 'and more'];
    events.tell({
      ...injected,
      outcome: { kind: 'not-injected', problems, warnings: [], isStrict: false },
    });
    events.tell({
      ...injected,
      outcome: { kind: 'not-injected', problems, warnings: [], isStrict: true },
    });
    expect(api.events).toMatchObject([
      { type: 'Warning', reason: 'SidepoolNotInjected', message: 'hostNetwork: no; and more' },
      { type: 'Warning', reason: 'SidepoolRefused' },
    ]);
  });

  it('says nothing of a dry run, of what was not asked, nor to nobody', () => {
    const { api, events } = scene();
    events.tell({ ...injected, isDryRun: true });
    events.tell({ ...injected, owner: null });
    events.tell({ ...injected, outcome: { kind: 'not-asked', warnings: [] } });
    events.tell({ ...injected, outcome: { kind: 'unchanged', warnings: [] } });
    expect(api.calls).toEqual([]);
  });

  it('tells a pod without an owner about itself', () => {
    const { api, events } = scene();
    events.tell({ ...injected, owner: null, podName: 'shop' });
    expect(api.events[0]).toMatchObject({ involvedObject: { kind: 'Pod', name: 'shop' } });
  });

  it('has a bounded number under way, and counts those that fail', async () => {
    const { api, events, failures } = scene();
    api.isAway = true;
    for (let count = 0; count < 40; count += 1)
      events.tell({ ...injected, owner: { ...owner, uid: `r-${count}` } });
    expect(api.calls).toHaveLength(16);
    await new Promise((resolve) => setImmediate(resolve));
    expect(failures).toHaveLength(16);
    events.tell({ ...injected, owner: { ...owner, uid: 'later' } });
    expect(api.calls).toHaveLength(17);
  });
});
