/** A gateway that nobody uses: there may be one in each pod of a node, and they must not be felt. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { exactProcessorTimeUs, wakeups } from '../../bench/process-figures.ts';
import { startNginx } from '../../support/origins/nginx.ts';
import { skipReason, titled } from '../../support/program.ts';
import { waitFor } from '../../support/wait-for.ts';
import { endLater, gatewayForTest } from './scene.ts';

const seconds = 8;
const reason = skipReason('nginx');

describe.skipIf(reason !== undefined)(titled('at rest', reason), () => {
  it('with two warm connections it hardly wakes', async () => {
    const origin = await startNginx();
    endLater(() => origin.stop());
    const gateway = await gatewayForTest({ upstreams: { api: { url: origin.url } } });
    const idle = () => gateway.metric('sidepool_upstream_connections', { state: 'idle' });
    await waitFor(async () => (await idle()) === 2);
    // What the start has left to do: V8's compilers and collectors, mostly.
    await sleep(2_000);
    const { pid } = gateway;
    const before = { us: exactProcessorTimeUs(pid), wakeups: wakeups(pid) };
    await sleep(seconds * 1_000);
    const perSecond = {
      processorMs: (exactProcessorTimeUs(pid) - before.us) / 1_000 / seconds,
      wakeups: (wakeups(pid) - before.wakeups) / seconds,
    };
    console.log(
      `at rest: ${perSecond.processorMs.toFixed(3)} ms of processor time and ` +
        `${perSecond.wakeups.toFixed(2)} wakeups a second`,
    );
    expect(perSecond.wakeups).toBeLessThanOrEqual(10);
    expect(perSecond.processorMs).toBeLessThanOrEqual(2);
    expect(await idle()).toBe(2);
  });
});
