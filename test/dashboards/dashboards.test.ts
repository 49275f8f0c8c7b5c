/** The short form of `npm run test:dashboards`: the same Prometheus, gateway and faults, in ten seconds. */
import { expect, it } from 'vitest';
import { findProgram, skipReason, titled } from '../support/program.ts';
import { runDashboards } from './run.ts';

const reason = skipReason('prometheus', 'promtool');
const canRun = findProgram('prometheus') !== undefined && findProgram('promtool') !== undefined;

it.skipIf(!canRun)(
  titled('every panel, mark, variable and rule has an answer', reason),
  async () => {
    const { panels, queries, alerts, held, empty, unknown, complaints } = await runDashboards(10);
    expect(empty).toEqual([]);
    expect(unknown).toEqual([]);
    expect(complaints).toBe('');
    expect([panels > 80, queries > 130, alerts > 15]).toEqual([true, true, true]);
    // The faults have reached the figures: it is not only that zeros were found.
    expect(held).toEqual(
      expect.arrayContaining([
        'SidepoolUpstreamDown',
        'SidepoolUpstreamFailing',
        'SidepoolBreakerOpen',
        'SidepoolConfigurationRefused',
      ]),
    );
  },
  180_000,
);
