/** Whether the configuration takes a mode of pipelining: asked of the program under test, by its `check`. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempDir } from '../../support/temp-dir.ts';
import type { Pipelining } from './run.ts';

const repository = join(import.meta.dirname, '..', '..', '..');

/** Why it is refused, or undefined when it is taken. */
export function pipeliningRefusal(pipelining: Pipelining): string | undefined {
  const { SIDEPOOL_GATEWAY: gateway = 'node cmd/sidepool.ts gateway' } = process.env;
  const [program = '', ...args] = gateway.replace(/ gateway$/, ' check').split(' ');
  const dir = makeTempDir('modes');
  const file = dir.file('gateway.yaml');
  const origin = { url: 'http://127.0.0.1:15200', pipelining };
  const listeners = [{ address: '127.0.0.1:15201', upstream: 'origin' }];
  writeFileSync(file, JSON.stringify({ listeners, upstreams: { origin } }));
  const { status, stdout, stderr } = spawnSync(
    program === 'node' ? process.execPath : program,
    [...args, file],
    { cwd: repository, encoding: 'utf8' },
  );
  dir.remove();
  if (status === 0) return undefined;
  const said = `${stdout}${stderr}`.replaceAll(file, '').trim().split('\n')[0] ?? '';
  return `refused by the configuration: ${/found .*/.exec(said)?.[0] ?? said}`;
}
