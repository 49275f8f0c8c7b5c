import { describe, expect, it } from 'vitest';
import { Hub, type Topic } from '../../../../src/controller/endpoints/hub.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const topic: Topic = { service: 'shop/pay', port: '80', zone: '' };

function scene() {
  const clock = new FakeClock();
  const told = new Map<string, readonly string[] | null>();
  let asked = 0;
  const hub = new Hub(clock, {
    addresses: (service) => {
      asked += 1;
      return told.get(service) ?? null;
    },
  });
  const subscriber = () => {
    const lines: unknown[] = [];
    return { lines, send: (line: string) => lines.push(JSON.parse(line)) };
  };
  const change = (addresses: readonly string[] | null) => {
    told.set('shop/pay', addresses);
    hub.onChanged('shop/pay');
    clock.advance(50);
  };
  return { clock, told, hub, subscriber, change, asked: () => asked };
}

describe('Hub', () => {
  it('tells all at first, and then what has changed', () => {
    const { told, hub, subscriber, change } = scene();
    told.set('shop/pay', ['a:1', 'b:1', 'c:1']);
    const one = subscriber();
    hub.subscribe(topic, one);
    change(['a:1', 'b:1', 'd:1']);
    change(['a:1', 'b:1', 'd:1']);
    expect(one.lines).toEqual([
      { set: 'shop/pay:80', endpoints: ['a:1', 'b:1', 'c:1'] },
      { change: 'shop/pay:80', add: ['d:1'], remove: ['c:1'] },
    ]);
  });

  it('tells all again where that is shorter, and when the Service comes and goes', () => {
    const { hub, subscriber, change } = scene();
    const one = subscriber();
    hub.subscribe(topic, one);
    change(['a:1', 'b:1']);
    change(['c:1']);
    change([]);
    change(null);
    expect(one.lines).toEqual([
      { set: 'shop/pay:80', endpoints: null },
      { set: 'shop/pay:80', endpoints: ['a:1', 'b:1'] },
      { set: 'shop/pay:80', endpoints: ['c:1'] },
      { set: 'shop/pay:80', endpoints: [] },
      { set: 'shop/pay:80', endpoints: null },
    ]);
  });

  it('works a change out once for all who want it, and changes of one moment together', () => {
    const { clock, told, hub, subscriber, asked } = scene();
    told.set('shop/pay', ['a:1']);
    const many = Array.from({ length: 100 }, subscriber);
    for (const each of many) hub.subscribe(topic, each);
    const before = asked();
    for (const addresses of [
      ['a:1', 'b:1'],
      ['a:1', 'b:1', 'c:1'],
    ]) {
      told.set('shop/pay', addresses);
      hub.onChanged('shop/pay');
      clock.advance(20);
    }
    clock.advance(50);
    expect(asked() - before).toBe(1);
    for (const { lines } of many) expect(lines).toHaveLength(2);
    expect(hub.linesSent).toBe(200);
  });

  it('forgets who has gone, and sleeps when nobody wants to know', () => {
    const { clock, told, hub, subscriber, change } = scene();
    told.set('shop/pay', ['a:1']);
    const [one, other] = [subscriber(), subscriber()];
    const end = hub.subscribe(topic, one);
    hub.subscribe({ ...topic, zone: 'b' }, other);
    end();
    change(['b:1']);
    expect(one.lines).toHaveLength(1);
    expect(other.lines).toHaveLength(2);
    hub.onChanged('shop/other');
    expect(clock.pendingSleeps).toBe(0);
    const late = subscriber();
    hub.subscribe(topic, late);
    expect(late.lines).toEqual([{ set: 'shop/pay:80', endpoints: ['b:1'] }]);
  });
});
