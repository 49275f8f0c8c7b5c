import { afterEach, describe, expect, it } from 'vitest';
import { Watch } from '../../../../src/controller/kubernetes/watch.ts';
import { FakeApi } from '../../../support/fake-api.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const path = '/api/v1/services';
const ends: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Lets promises go on. */
async function turns(count = 20): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await Promise.resolve();
}

function scene() {
  const api = new FakeApi();
  const clock = new FakeClock();
  api.lists.set(path, [{ metadata: { name: 'a' } }]);
  const told: unknown[] = [];
  const failures: string[] = [];
  const name = (object: unknown) => (object as { metadata: { name: string } }).metadata.name;
  const watch = new Watch(
    path,
    {
      onList: (items) => told.push(['list', ...items.map(name)]),
      onPut: (object) => told.push(['put', name(object)]),
      onRemoved: (object) => told.push(['removed', name(object)]),
    },
    {
      api,
      clock,
      random: () => 0.5,
      onFailed: (why) => failures.push(why),
      onMended: () => undefined,
    },
  );
  ends.push(() => watch.stop());
  watch.start();
  return { api, clock, told, failures, watch };
}

describe('Watch', () => {
  it('lists, then follows', async () => {
    const { api, told, watch } = scene();
    expect(watch.isFilled).toBe(false);
    await turns();
    expect(watch.isFilled).toBe(true);
    api.tell(path, 'ADDED', { metadata: { name: 'b' } });
    api.tell(path, 'MODIFIED', { metadata: { name: 'a' } });
    api.tell(path, 'DELETED', { metadata: { name: 'a' } });
    api.tell(path, 'BOOKMARK', {});
    expect(told).toEqual([
      ['list', 'a'],
      ['put', 'b'],
      ['put', 'a'],
      ['removed', 'a'],
    ]);
  });

  it('goes on where it was when the watch ends in time', async () => {
    const { api, clock, told } = scene();
    await turns();
    api.tell(path, 'BOOKMARK', {});
    const before = new URL(api.watches.get(path)!.stream.path, 'http://x').searchParams;
    clock.advance(300_000);
    api.watches.get(path)!.end();
    await turns();
    const after = new URL(api.watches.get(path)!.stream.path, 'http://x').searchParams;
    expect(Number(after.get('resourceVersion'))).toBeGreaterThan(
      Number(before.get('resourceVersion')),
    );
    expect(told).toEqual([['list', 'a']]);
  });

  it.each(['the answer', 'an event'])(
    'reads the list anew when its place was forgotten, by %s',
    async (by) => {
      const { api, clock, told } = scene();
      await turns();
      api.lists.set(path, [{ metadata: { name: 'c' } }]);
      clock.advance(60_000);
      if (by === 'the answer') api.watches.get(path)!.end(410);
      else {
        api.tell(path, 'ERROR', { code: 410 });
        // What still comes is of no place.
        api.tell(path, 'ADDED', { metadata: { name: 'late' } });
        api.watches.get(path)!.end();
      }
      await turns();
      expect(told).toEqual([
        ['list', 'a'],
        ['list', 'c'],
      ]);
    },
  );

  it('comes back with a pause when the API server is away, and when it ends watches at once', async () => {
    const { api, clock, told, failures } = scene();
    await turns();
    api.isAway = true;
    clock.advance(60_000);
    api.watches.get(path)!.end(500);
    await turns();
    expect(failures).toEqual([expect.stringMatching(/500/)]);
    clock.advance(400);
    await turns();
    expect(failures.at(-1)).toMatch(/away/);
    api.isAway = false;
    clock.advance(30_000);
    await turns();
    api.tell(path, 'ADDED', { metadata: { name: 'b' } });
    expect(told.at(-1)).toEqual(['put', 'b']);
    const first = api.watches.get(path);
    first!.end();
    await turns();
    expect(api.watches.get(path)).toBe(first);
    clock.advance(30_000);
    await turns();
    expect(api.watches.get(path)).not.toBe(first);
  });
});
