/** A real Prometheus, with the chart's rules, that scrapes what it is told every second. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import { startProcess } from '../support/process.ts';
import { requireProgram } from '../support/program.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { alertFiles, alertsFolder } from './catalogue.ts';

export interface Target {
  readonly job: string;
  /** Host and port. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Time and value, as text. */
  readonly values: readonly (readonly [number, string])[];
}

export interface Prometheus {
  readonly url: string;
  /** Each second from `start` to `end`, in seconds since 1970. Throws with what Prometheus says of a wrong expression. */
  range(expr: string, start: number, end: number): Promise<readonly Series[]>;
  stop(): Promise<void>;
}

/** Gives it when each target has been scraped twice: what happens from then on is seen. */
export async function startPrometheus(targets: readonly Target[]): Promise<Prometheus> {
  const dir = makeTempDir('prometheus');
  const port = await freePort();
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: alertFiles.map((file) => join(alertsFolder, file)),
    scrape_configs: targets.map(({ job, address, labels }) => ({
      job_name: `${job}-${address}`,
      static_configs: [{ targets: [address], labels: { job, ...labels } }],
    })),
  };
  writeFileSync(dir.file('prometheus.yaml'), JSON.stringify(config)); // JSON is YAML too.
  const url = `http://127.0.0.1:${port}`;
  const running = await startProcess({
    command: requireProgram('prometheus'),
    args: [
      `--config.file=${dir.file('prometheus.yaml')}`,
      `--storage.tsdb.path=${dir.file('data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    ready: { kind: 'http', url: `${url}/-/ready` },
    readyTimeoutMs: 60_000,
  });
  const range: Prometheus['range'] = async (expr, start, end) => {
    const response = await fetch(`${url}/api/v1/query_range`, {
      method: 'POST',
      body: new URLSearchParams({ query: expr, start: `${start}`, end: `${end}`, step: '1' }),
    });
    const answer = (await response.json()) as {
      readonly status: string;
      readonly error?: string;
      readonly data: { readonly result: readonly Series[] };
    };
    if (answer.status !== 'success') throw new Error(`${answer.error} in: ${expr}`);
    return answer.data.result;
  };
  const isScraping = async (): Promise<boolean> => {
    const now = Date.now() / 1000;
    const scraped = await range('sum_over_time(up[1m]) >= 2', now, now);
    return scraped.length === targets.length;
  };
  await waitFor(isScraping, {
    timeoutMs: 60_000,
    everyMs: 500,
    what: 'two scrapes of each target',
  });
  return {
    url,
    range,
    async stop() {
      await running.stop(10_000);
      dir.remove();
    },
  };
}
