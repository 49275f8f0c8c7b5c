/**
 * `npm run test:dashboards [SECONDS]`: a real Prometheus scrapes a real gateway under load with faults every second, for 40 s
 * unless told otherwise; then every query of every panel, mark and variable, and every rule, is asked. Ends with 1 when one
 * has no answer, or asks for a metric that is not in the catalogue.
 *
 * The controller's page comes from its own figures and catalogue, filled by hand: there is no API server here.
 */
import { spawnSync } from 'node:child_process';
import { findProgram } from '../support/program.ts';
import { startFakeController } from './fake-controller.ts';
import { judge, type Verdict } from './judge.ts';
import { startPrometheus } from './prometheus.ts';
import { startScene } from './scene.ts';

export interface Outcome extends Verdict {
  /** What promtool says of the gateway's own page; empty when it finds nothing. */
  readonly complaints: string;
}

export async function runDashboards(seconds: number): Promise<Outcome> {
  const ends: (() => Promise<void>)[] = [];
  try {
    const scene = await startScene();
    ends.push(() => scene.close());
    const controller = await startFakeController();
    ends.push(() => controller.close());
    const sidecar = (pod: string, url: string) => ({
      job: 'sidecars',
      address: new URL(url).host,
      labels: { namespace: 'shop', pod },
    });
    const prometheus = await startPrometheus([
      sidecar('web-1', scene.gateway.adminUrl),
      sidecar('web-2', scene.draining.adminUrl),
      {
        job: 'controller',
        address: `127.0.0.1:${controller.port}`,
        labels: { namespace: 'sidepool', pod: 'sidepool-controller-1' },
      },
    ]);
    ends.push(() => prometheus.stop());
    const start = Date.now() / 1000;
    await scene.play(seconds, () => controller.work());
    const end = Date.now() / 1000;
    const page = await (await fetch(`${scene.gateway.adminUrl}/metrics`)).text();
    const { stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: page });
    return { ...(await judge(prometheus, { start, end })), complaints: `${stdout}${stderr}` };
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

if (import.meta.main) {
  const missing = ['prometheus', 'promtool'].filter((name) => findProgram(name) === undefined);
  if (missing.length > 0) {
    console.log(`skipped: ${missing.join(' and ')} not installed`);
  } else {
    const { panels, queries, rules, alerts, held, empty, excused, unknown, complaints } =
      await runDashboards(Number(process.argv[2] ?? 40));
    console.log(
      `panels ${panels}, queries ${queries} (marks and variables too), empty ${empty.length}`,
    );
    for (const one of empty) console.log(`  EMPTY ${one}`);
    for (const one of excused) console.log(`  may be empty: ${one}`);
    console.log(`rules ${rules}, of them alerts ${alerts}; held at some time: ${held.join(', ')}`);
    console.log(`metrics asked for that are in no catalogue: ${unknown.join(', ') || 'none'}`);
    console.log(`promtool check metrics: ${complaints.trim() || 'clean'}`);
    if (empty.length > 0 || unknown.length > 0 || complaints !== '') process.exitCode = 1;
  }
}
