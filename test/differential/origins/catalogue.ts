/** The origins of the differential suite, each as its users have it, each with an account of what it has read. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonPackage } from '../../bench/peers/install.ts';
import { freePort } from '../../support/free-port.ts';
import { type Readiness, runToEnd, startProcess } from '../../support/process.ts';
import { requireProgram } from '../../support/program.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { apacheConfig, haproxyConfig, nginxConfig } from './configs.ts';
import { type CountingOrigin, type OriginKind, SeenLines } from './origin.ts';

interface Plan {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const here = import.meta.dirname;

export const originKinds: readonly OriginKind[] = [
  {
    name: 'nginx',
    programs: ['nginx'],
    start: () =>
      start('nginx', (dir, port, seen) => {
        const path = dir.file('nginx.conf');
        writeFileSync(path, nginxConfig(dir, port, seen));
        return {
          command: requireProgram('nginx'),
          args: ['-p', dir.path, '-c', path, '-e', 'stderr'],
        };
      }),
  },
  {
    name: 'apache',
    programs: ['apache2'],
    start: () =>
      start('apache', (dir, port, seen) => {
        const path = dir.file('httpd.conf');
        writeFileSync(path, apacheConfig(dir, port, seen));
        return { command: requireProgram('apache2'), args: ['-f', path, '-DFOREGROUND'] };
      }),
  },
  { name: 'haproxy', programs: ['haproxy'], start: startHaproxy },
  { name: 'node', programs: [], start: startNode },
  {
    name: 'python',
    programs: ['python3'],
    start: () =>
      start('python', (_, port, seen) => ({
        command: requireProgram('python3'),
        args: [join(here, 'origin.py'), String(port), seen],
      })),
  },
  {
    name: 'wsgi',
    programs: ['python3'],
    start: () =>
      start('wsgi', (_, port, seen) => ({
        command: requireProgram('python3'),
        args: [join(here, 'wsgi_origin.py'), String(port), seen],
      })),
  },
  {
    name: 'gunicorn',
    programs: ['python3'],
    start: async () => {
      const { bin } = await pythonPackage('gunicorn', '27.0.1');
      return await start('gunicorn', (_, port, seen) => ({
        command: join(bin, 'gunicorn'),
        args: [
          ...['--bind', `127.0.0.1:${port}`, '--worker-class', 'gthread', '--threads', '16'],
          ...['--keep-alive', '30', '--log-level', 'critical', '--chdir', here],
          'gunicorn_origin:application',
        ],
        env: { SEEN: seen, PYTHONDONTWRITEBYTECODE: '1' },
      }));
    },
  },
  {
    name: 'php',
    programs: ['php'],
    start: () =>
      start('php', (_, port, seen) => ({
        command: requireProgram('php'),
        args: ['-q', '-S', `127.0.0.1:${port}`, join(here, 'origin.php')],
        env: { SEEN: seen },
      })),
  },
  {
    name: 'go',
    programs: ['go'],
    start: () =>
      start('go', async (dir, port, seen) => {
        const binary = await buildGo(dir, join(here, 'origin.go'));
        return { command: binary, args: [`127.0.0.1:${port}`, seen] };
      }),
  },
];

function startNode(): Promise<CountingOrigin> {
  return start('node', (_, port, seen) => ({
    command: process.execPath,
    args: [fileURLToPath(new URL('./node-origin.ts', import.meta.url)), String(port), seen],
  }));
}

/** It has no account of its own that counts: what came out of it does, at an origin behind it. */
async function startHaproxy(): Promise<CountingOrigin> {
  const behind = await startNode();
  const front = await start('haproxy', (dir, port) => {
    const path = dir.file('haproxy.cfg');
    writeFileSync(path, haproxyConfig(port, behind.port));
    return { command: requireProgram('haproxy'), args: ['-db', '-q', '-f', path] };
  });
  return {
    port: front.port,
    log: behind.log,
    stop: async () => {
      await front.stop();
      await behind.stop();
    },
  };
}

export async function buildGo(dir: TempDir, source: string): Promise<string> {
  const binary = dir.file('built');
  const built = await runToEnd({
    command: requireProgram('go'),
    args: ['build', '-o', binary, source],
    cwd: dir.path,
    env: { GO111MODULE: 'off' },
    timeoutMs: 180_000,
  });
  if (built.code !== 0) throw new Error(`go build failed:\n${built.stderr}`);
  return binary;
}

async function start(
  name: string,
  plan: (dir: TempDir, port: number, seen: string) => Plan | Promise<Plan>,
): Promise<CountingOrigin> {
  const dir = makeTempDir(`differential-${name}`);
  const port = await freePort();
  const seen = dir.file('seen');
  try {
    const ready: Readiness = { kind: 'port', port };
    const planned = await plan(dir, port, seen);
    const started = await startProcess({ ready, ...planned });
    return {
      port,
      log: new SeenLines(seen),
      stop: async () => {
        await started.stop();
        dir.remove();
      },
    };
  } catch (cause) {
    dir.remove();
    throw cause;
  }
}
