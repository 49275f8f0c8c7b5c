/**
 * Proves Sidepool on a real Kubernetes: makes the cluster, the images and the engine that builds them, runs
 * the suites `*.cluster.ts` and that of the image, and ends all of it.
 *
 *     node test/cluster/run.ts [--rollouts N] [--keep] [--reuse DIR] [FILE...]
 *
 * --rollouts N   rolling restarts in each proof of them (default 5)
 * --keep         leave the cluster running; its folder is told
 * --reuse DIR    take the cluster in DIR, that --keep left, and its images, and leave it running
 *
 * Needs what test/cluster/kit/README.md says, and a Docker engine or the packages for one. What cannot run
 * is told with its reason and counted as skipped.
 */
import { globSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';
import { runToEnd } from '../support/process.ts';
import { kit, repository } from './support/clients.ts';
import { nodeLevelMissing } from './support/missing.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rollouts: { type: 'string', default: '5' },
    keep: { type: 'boolean', default: false },
    reuse: { type: 'string' },
  },
});
const { SIDEPOOL_CLUSTER_REPORT: report, DOCKER_HOST } = process.env;
// The image alone, as a container, is judged here too: this is where it is made.
const suites = [
  'test/integration/image/image.test.ts',
  ...globSync('test/cluster/*.cluster.ts', { cwd: repository }).sort(),
];
const chosen = positionals.length === 0 ? suites : positionals;

const missing = nodeLevelMissing();
if (missing.length > 0 && values.reuse === undefined) {
  console.warn(`cluster suites skipped: ${missing.join('; ')}`);
  tell({ numPassedTests: 0, numFailedTests: 0, numPendingTests: suites.length, numTodoTests: 0 });
} else {
  process.exitCode = await prove();
}

async function prove(): Promise<number> {
  const ends: (() => Promise<unknown>)[] = [];
  const endAll = async (): Promise<void> => {
    for (const end of ends.splice(0).reverse()) await end().catch(console.error);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void endAll().then(() => process.exit(130)));
  try {
    const docker = await dockerHost(ends);
    const dir = values.reuse ?? (await prepare(docker, ends));
    return await runSuites(dir, docker);
  } finally {
    await endAll();
  }
}

/** The folder of a cluster that has the images. */
async function prepare(docker: string, ends: (() => Promise<unknown>)[]): Promise<string> {
  await step('the programs of a cluster', join(kit, 'build'), 'node');
  const env = { DOCKER_HOST: docker };
  await step(
    'the image',
    ...[join(repository, 'deploy', 'image', 'build'), '--local', 'sidepool.test/sidepool:dev'],
    env,
  );
  await step(
    'an image for applications',
    ...[join(repository, 'test', 'cluster', 'apps-image'), 'sidepool.test/apps:1'],
    env,
  );
  const dir = mkdtempSync(join(tmpdir(), 'sidepool-cluster-'));
  ends.push(async () => {
    if (values.keep) console.log(`the cluster goes on: export KUBECONFIG=${dir}/kubeconfig`);
    else await step('the end of the cluster', join(kit, 'down'), dir);
  });
  await step('a cluster', join(kit, 'up'), 'node', dir);
  await step(
    'images into the node',
    ...[join(kit, 'load'), dir, 'sidepool.test/sidepool:dev', 'sidepool.test/apps:1'],
    env,
  );
  return dir;
}

/** The engine that answers already, or one of our own. */
async function dockerHost(ends: (() => Promise<unknown>)[]): Promise<string> {
  const { code } = await runToEnd({ command: 'docker', args: ['version'] });
  if (code === 0) return DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  if (values.reuse !== undefined) return '';
  const dir = mkdtempSync(join(tmpdir(), 'sidepool-engine-'));
  const engine = join(repository, 'test', 'support', 'docker-engine');
  ends.push(() => step('the end of the engine', engine, 'stop', dir));
  await step('a Docker engine', engine, 'start', dir);
  return `unix://${dir}/docker.sock`;
}

type Environment = Readonly<Record<string, string>>;

/** Runs a program to its end; its words go on to standard error, as they come, if it fails. */
async function step(
  what: string,
  command: string,
  ...rest: readonly (string | Environment)[]
): Promise<void> {
  const args = rest.filter((each) => typeof each === 'string');
  const env = rest.find((each) => typeof each !== 'string') ?? {};
  const beganMs = performance.now();
  const { code, stdout, stderr } = await runToEnd({ command, args, env, timeoutMs: 40 * 60_000 });
  if (code !== 0) throw new Error(`${what}: ${basename(command)} failed\n${stdout}${stderr}`);
  const last = stderr.trim().split('\n').at(-1) ?? '';
  console.log(`${what}: ${((performance.now() - beganMs) / 1000).toFixed(1)} s. ${last}`);
}

async function runSuites(dir: string, docker: string): Promise<number> {
  const vitest = await startVitest('test', [], {
    config: false,
    root: repository,
    watch: false,
    include: [...chosen],
    // They share one cluster, and two processors.
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 240_000,
    env: {
      DOCKER_HOST: docker,
      SIDEPOOL_CLUSTER_DIR: dir,
      SIDEPOOL_CLUSTER_ROLLOUTS: values.rollouts,
    },
    reporters: report === undefined ? ['verbose'] : ['verbose', ['json', { outputFile: report }]],
  });
  const tests = vitest.state.getFiles().length;
  const failed = vitest.state.getCountOfFailedTests() > 0 || tests === 0 || process.exitCode === 1;
  await vitest.close();
  return failed ? 1 : 0;
}

function tell(counts: Readonly<Record<string, number>>): void {
  if (report !== undefined) writeFileSync(report, JSON.stringify(counts));
  const { numPassedTests, numFailedTests, numPendingTests } = counts;
  console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${numPendingTests} skipped`);
}
