/** The origins: each answers as asks.ts says, and keeps an account of the ids that it has seen. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startProgramOrigin } from '../../support/origins/origin.ts';
import { type RunningProcess, runToEnd, startProcess } from '../../support/process.ts';
import { requireProgram } from '../../support/program.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';
import { fillerOf, fillers, type MixOptions } from './asks.ts';
import { readSeen, readSeenFile, type Seen } from './seen-log.ts';
import { apacheConfig, haproxyConfig, nginxConfig, writePages } from './server-configs.ts';

export interface EchoOrigin {
  readonly url: string;
  /** Ends it; resolves with its account, and with what it tells of itself. */
  stop(): Promise<OriginAccount>;
}

export interface OriginAccount {
  readonly seen: Seen;
  /** What the hostile one did, by name. */
  readonly deeds: Readonly<Record<string, number>>;
}

export interface OriginKind {
  readonly name: string;
  /** The programs without which it is skipped. */
  readonly programs: readonly string[];
  readonly mix: MixOptions;
  /** Whether it closes and resets as it likes, so that some requests fail by rights. */
  readonly isHostile: boolean;
  readonly start: (seed: number) => Promise<EchoOrigin>;
}

const all = ['len', 'chunk', 'none', 'same', 'slow', 'body'] as const;
const served = ['len', 'chunk', 'none', 'same', 'body'] as const;
const whole = { largestSize: fillers.length - 1 };

export const originKinds: readonly OriginKind[] = [
  {
    name: 'nginx',
    programs: ['nginx'],
    mix: { kinds: served, ...whole },
    isHostile: false,
    start: startNginx,
  },
  {
    name: 'apache',
    programs: ['apache2'],
    mix: { kinds: served, ...whole },
    isHostile: false,
    start: startApache,
  },
  {
    name: 'haproxy',
    programs: ['haproxy'],
    // It frames what it answers itself with a length only, and keeps it in a buffer.
    mix: { kinds: ['len', 'none', 'same', 'body'], largestSize: 3 },
    isHostile: false,
    start: startHaproxy,
  },
  {
    name: 'node',
    programs: [],
    mix: { kinds: all, ...whole },
    isHostile: false,
    start: () => startScript(fileURLToPath(new URL('./node-origin.ts', import.meta.url)), []),
  },
  {
    name: 'go',
    programs: ['go'],
    mix: { kinds: all, ...whole },
    isHostile: false,
    start: startGo,
  },
  {
    name: 'hostile',
    programs: [],
    mix: { kinds: all, ...whole },
    isHostile: true,
    start: (seed) =>
      startScript(fileURLToPath(new URL('./hostile-origin.ts', import.meta.url)), [String(seed)]),
  },
  {
    name: 'halting',
    programs: [],
    mix: { kinds: all, ...whole },
    isHostile: true,
    start: (seed) =>
      startScript(fileURLToPath(new URL('./hostile-origin.ts', import.meta.url)), [
        String(seed),
        'halting',
      ]),
  },
];

async function startNginx(): Promise<EchoOrigin> {
  const origin = await startProgramOrigin({
    name: 'nginx',
    plan: (dir, port) => {
      writePages(dir, '@id@');
      writeFileSync(dir.file('nginx.conf'), nginxConfig(dir, port));
      const args = ['-p', dir.path, '-c', dir.file('nginx.conf'), '-e', 'stderr'];
      return { command: requireProgram('nginx'), args };
    },
  });
  return accounted(origin.url, origin.process, origin.dir);
}

async function startApache(): Promise<EchoOrigin> {
  const origin = await startProgramOrigin({
    name: 'apache',
    plan: (dir, port) => {
      writePages(dir, '<!--#echo var="ASKED" -->');
      writeFileSync(dir.file('httpd.conf'), apacheConfig(dir, port));
      const args = ['-f', dir.file('httpd.conf'), '-DFOREGROUND'];
      return { command: requireProgram('apache2'), args };
    },
  });
  return accounted(origin.url, origin.process, origin.dir);
}

/** Its account is its log, which it writes to its standard output. */
async function startHaproxy(): Promise<EchoOrigin> {
  const origin = await startProgramOrigin({
    name: 'haproxy',
    plan: (dir, port) => {
      writePages(dir, '%[path,field(4,/)]');
      writeFileSync(dir.file('haproxy.cfg'), haproxyConfig(dir, port));
      const args = ['-db', '-f', dir.file('haproxy.cfg')];
      return { command: requireProgram('haproxy'), args };
    },
  });
  return {
    url: origin.url,
    stop: async () => {
      await origin.stop();
      return { seen: readSeen(origin.process.stdout()), deeds: {} };
    },
  };
}

async function startGo(): Promise<EchoOrigin> {
  const origin = await startProgramOrigin({
    name: 'go',
    plan: async (dir, port) => {
      const binary = dir.file('origin');
      const built = await runToEnd({
        command: requireProgram('go'),
        args: ['build', '-o', binary, fileURLToPath(new URL('./main.go', import.meta.url))],
        cwd: dir.path,
        env: { GO111MODULE: 'off' },
        timeoutMs: 120_000,
      });
      if (built.code !== 0) throw new Error(`go build failed:\n${built.stderr}`);
      const files = fillers.map((_, size) => dir.file(`filler-${size}`));
      for (const [size, path] of files.entries()) writeFileSync(path, fillerOf(size));
      return { command: binary, args: [String(port), dir.file('seen'), ...files] };
    },
  });
  return accounted(origin.url, origin.process, origin.dir);
}

async function startScript(path: string, args: readonly string[]): Promise<EchoOrigin> {
  const dir = makeTempDir('origin');
  const started = await startProcess({
    command: process.execPath,
    args: [path, dir.file('seen'), ...args],
    ready: { kind: 'line', pattern: /listening \d+/ },
  });
  const [, port] = await started.waitForLine(/listening (\d+)/);
  return accounted(`http://127.0.0.1:${port}`, started, dir);
}

function accounted(url: string, process: RunningProcess, dir: TempDir): EchoOrigin {
  return {
    url,
    stop: async () => {
      await process.stop();
      const told = /^deeds (\{.*\})$/m.exec(process.stdout())?.[1] ?? '{}';
      const account = { seen: readSeenFile(dir.file('seen')), deeds: JSON.parse(told) };
      dir.remove();
      return account;
    },
  };
}
