import { describe, expect, it } from 'vitest';
import type { ApiCall } from '../../../../src/controller/kubernetes/api.ts';
import { countMissedPods } from '../../../../src/controller/kubernetes/missed-pods.ts';

const asks = { 'sidepool.io/upstreams': 'api=http://a' };
const has = { ...asks, 'sidepool.io/status': '{}' };

function page(items: readonly object[], next?: string) {
  return { status: 200, body: { metadata: { continue: next }, items } };
}

function pods(namespace: string, ...annotations: readonly object[]) {
  return annotations.map((each) => ({ metadata: { namespace, annotations: each } }));
}

describe('countMissedPods', () => {
  it('counts the living that ask and have none, each once, over all pages', async () => {
    const calls: ApiCall[] = [];
    const call = async (asked: ApiCall) => {
      calls.push(asked);
      const path = decodeURIComponent(asked.path);
      if (path.includes('injection=enabled')) return page([{ metadata: { name: 'on' } }]);
      if (path.includes('injection=disabled')) return page([{ metadata: { name: 'off' } }]);
      if (path.startsWith('/api/v1/namespaces/on/pods'))
        return path.includes('continue=more')
          ? page(pods('on', asks, {}))
          : page(pods('on', has, asks, {}), 'more');
      return page([...pods('on', asks), ...pods('off', asks), ...pods('else', asks, has)]);
    };
    expect(await countMissedPods({ call })).toBe(3);
    for (const { accept, path } of calls) {
      expect(accept).toMatch(/PartialObjectMetadataList/);
      if (path.includes('/pods')) expect(path).toMatch(/status\.phase!=Succeeded/);
    }
  });

  it('rejects when it may not look', async () => {
    await expect(
      countMissedPods({ call: async () => ({ status: 403, body: {} }) }),
    ).rejects.toThrow('403');
  });
});
