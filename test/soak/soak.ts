/**
 * A long run: everything at once, while things happen to the origins, and the question whether anything grows.
 *
 *   npm run soak -- [--minutes 60] [--warm-up 15] [--json FILE] [--write]
 *   npm run soak -- --of FILE [--write]      judges and writes what an earlier run has left with --json
 *
 * `SIDEPOOL_GATEWAY` names the build (see test/support/gateway.ts). `--write` writes docs/soak.md, docs/soak.svg and
 * docs/benchmarks/soak.json. Ends with 1 when a figure grows significantly beyond its bound, or when a request failed that
 * should not. As root it runs in a mount namespace of its own, so that it can move a name in /etc/hosts; else no name moves.
 */
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { circumstances } from '../bench/report.ts';
import type { RunningGateway } from '../support/gateway.ts';
import { sumOf } from '../support/metrics.ts';
import { findProgram } from '../support/program.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { SoakClients } from './long/clients.ts';
import { Disturber, unexcused } from './long/disturbances.ts';
import {
  breaches,
  drawingOf,
  happeningTable,
  pageOf,
  type Rest,
  requestTable,
  type SoakResult,
  slopeTable,
} from './long/report.ts';
import { Sampler } from './long/sampler.ts';
import { SoakScene } from './long/scene.ts';

const insideWord = '--inside';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'warm-up': { type: 'string' },
    json: { type: 'string' },
    write: { type: 'boolean', default: false },
    inside: { type: 'boolean', default: false },
    of: { type: 'string' },
  },
});
const minutes = Number(values.minutes);
// What is loaded, compiled and grown to its working size on first use is no leak.
const warmUpMinutes = Number(values['warm-up'] ?? Math.min(15, minutes / 4));

if (values.of !== undefined) process.exitCode = judgeAgain(values.of);
else if (values.inside || process.getuid?.() !== 0 || findProgram('unshare') === undefined)
  process.exitCode = await run();
else process.exitCode = await inNamespace();

function judgeAgain(path: string): number {
  const result = JSON.parse(readFileSync(path, 'utf8')) as SoakResult;
  const again = { ...result, unexcused: unexcused(result.failures, result.happenings) };
  tell(again);
  return breaches(again).length === 0 ? 0 : 1;
}

function inNamespace(): Promise<number> {
  const args = ['--mount', process.execPath, import.meta.filename, insideWord];
  const inside = spawn('unshare', [...args, ...process.argv.slice(2)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => inside.kill(signal));
  return new Promise((resolve) => {
    inside.once('error', () => resolve(1));
    inside.once('exit', (code) => resolve(code ?? 1));
  });
}

async function run(): Promise<number> {
  const dir = makeTempDir('soak-files');
  const hostsPath = values.inside ? ownHosts(dir) : null;
  if (hostsPath === null) process.stderr.write('not root, or no unshare: no name will move\n');
  const probePath = dir.file('probe.json');
  const began = circumstances();
  const scene = await SoakScene.start(hostsPath, probePath);
  const { gateway } = scene;
  const ending = (): never => process.exit(1);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, ending);
  const restBefore = await restOf(gateway);
  const beganMs = performance.now();
  const sampler = new Sampler(gateway, probePath);
  const clients = new SoakClients(scene);
  const disturber = new Disturber(scene, hostsPath);
  await lasting(gateway);
  await disturber.stop();
  await clients.stop();
  await sampler.stop();
  const restAfter = await settled(gateway);
  const exitCode = await scene.stop();
  const failures = clients.failures.map((each) => ({
    ...each,
    beganMs: each.beganMs - beganMs,
    endedMs: each.endedMs - beganMs,
  }));
  const happenings = disturber.happenings.map((each) => ({
    ...each,
    fromMs: each.fromMs - beganMs,
    toMs: each.toMs - beganMs,
  }));
  const result: SoakResult = {
    circumstances: began,
    command: commandText(),
    minutes,
    warmUpMinutes,
    samples: sampler.samples.map((each) => ({ ...each, atMs: each.atMs - beganMs })),
    sampleFailures: sampler.failures,
    done: clients.done,
    rude: clients.rude,
    failures,
    unexcused: unexcused(failures, happenings),
    happenings,
    restBefore,
    restAfter,
    exitCode,
    errors: errorsIn(gateway.output()),
  };
  dir.remove();
  tell(result);
  return breaches(result).length === 0 ? 0 : 1;
}

/** Until the time is over, or the gateway is. */
async function lasting({ process: running }: RunningGateway): Promise<void> {
  await Promise.race([sleep(minutes * 60_000), running.exited]);
}

/** A file of our own over /etc/hosts, for us and our children alone. */
function ownHosts(dir: TempDir): string {
  const path = dir.file('hosts');
  writeFileSync(path, readFileSync('/etc/hosts'));
  execFileSync('mount', ['--bind', path, '/etc/hosts']);
  // Written through the mount: the file below it is the same.
  return path;
}

async function restOf(gateway: RunningGateway): Promise<Rest> {
  const metrics = await gateway.metrics();
  // The connection on which these were asked for is still being closed.
  await sleep(200);
  return {
    clients: sumOf(metrics, 'sidepool_client_connections'),
    active: sumOf(metrics, 'sidepool_upstream_active_requests'),
    waiting: sumOf(metrics, 'sidepool_upstream_waiting'),
    connections: sumOf(metrics, 'sidepool_upstream_connections'),
    descriptors: readdirSync(`/proc/${gateway.pid}/fd`).length,
  };
}

/** Once everything has had time to end: surplus connections live for as long as they may be idle. */
async function settled(gateway: RunningGateway): Promise<Rest> {
  let rest = await restOf(gateway);
  const isQuiet = async (): Promise<boolean> => {
    rest = await restOf(gateway);
    return rest.clients + rest.active + rest.waiting === 0 && rest.connections <= 12;
  };
  await waitFor(isQuiet, { timeoutMs: 90_000, everyMs: 1_000 }).catch(() => undefined);
  return rest;
}

/** What this run has no reason to expect: wrong configurations are refused, and told, on purpose. */
function errorsIn(output: string): string[] {
  return output
    .split('\n')
    .filter((line) => line !== '' && (!line.startsWith('{') || line.includes('"level":"error"')))
    .filter((line) => !line.includes('"event":"reload"'));
}

function commandText(): string {
  const { SIDEPOOL_GATEWAY: instead = '' } = process.env;
  return instead === ''
    ? 'the sources'
    : `the bundle, \`${instead.replace(/\S+\/(?=\w+\.cjs)/, 'dist/')}\``;
}

function tell(result: SoakResult): void {
  const found = breaches(result);
  console.log(
    [
      happeningTable(result),
      requestTable(result),
      slopeTable(result),
      JSON.stringify({ restBefore: result.restBefore, restAfter: result.restAfter }),
      found.length === 0 ? 'It holds.' : `IT DOES NOT HOLD:\n${found.join('\n')}`,
    ].join('\n\n'),
  );
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(result));
  if (!values.write) return;
  const docs = join(import.meta.dirname, '..', '..', 'docs');
  const drawingPath = join(docs, 'soak.svg');
  writeFileSync(drawingPath, drawingOf(result));
  writeFileSync(join(docs, 'soak.md'), pageOf(result, drawingPath));
  writeFileSync(join(docs, 'benchmarks', 'soak.json'), `${JSON.stringify(result)}\n`);
}
