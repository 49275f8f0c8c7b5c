import { describe, expect, it } from 'vitest';
import { canNative, readKubelets } from '../../../../src/controller/kubernetes/kubelets.ts';
import { FakeApi } from '../../../support/fake-api.ts';

describe('kubelets', () => {
  it.each([
    ['v1.29.0', true],
    ['v1.28.15', false],
    ['v1.35.4-eks-1a2b', true],
    ['v1.30.1+k3s1', true],
    ['v2.0.0', true],
    ['v1.9.3', false],
    ['virtual', false],
    ['', false],
  ])('%s: %s', (version, can) => {
    expect(canNative(version)).toBe(can);
  });

  it('all can when each can, over all pages', async () => {
    const api = new FakeApi();
    api.kubelets = ['v1.35.4', 'v1.33.0', 'v1.30.1', 'v1.29.2', 'v1.29.2'];
    expect(await readKubelets(api)).toEqual({ canAll: true, tooOld: [] });
    expect(api.calls.filter(({ path }) => path.startsWith('/api/v1/nodes'))).toHaveLength(3);
  });

  it('one on the last page that cannot is enough', async () => {
    const api = new FakeApi();
    api.kubelets = ['v1.35.4', 'v1.33.0', 'v1.30.1', 'v1.29.2', 'v1.27.9'];
    expect(await readKubelets(api)).toEqual({ canAll: false, tooOld: ['v1.27.9'] });
  });

  it('a cluster without nodes is judged by its API server', async () => {
    const api = new FakeApi();
    expect((await readKubelets(api)).canAll).toBe(true);
    api.serverVersion = 'v1.28.0';
    expect((await readKubelets(api)).canAll).toBe(false);
  });

  it('rejects when nobody answers', async () => {
    const api = new FakeApi();
    api.isAway = true;
    await expect(readKubelets(api)).rejects.toThrow('away');
  });
});
