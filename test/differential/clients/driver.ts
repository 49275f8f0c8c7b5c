/**
 * Clients in other languages. Each is a program that reads lines `ID METHOD PORT` and writes, for each, a line of JSON:
 * `{"id":1,"first":{"status":200,"body":"BASE64","whole":true},"next":{...}}`.
 */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { requireProgram } from '../../support/program.ts';
import { forgetGroup, watchGroup } from '../../support/reaper.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { buildGo } from '../origins/catalogue.ts';
import type { ResponseTrial } from '../response-grammar.ts';
import type { Answers, Client, ClientKind, Got } from './client.ts';
import { curlClient } from './curl.ts';
import { rawClient } from './raw-client.ts';

const here = import.meta.dirname;
const any = () => true;

export const clientKinds: readonly ClientKind[] = [
  { name: 'raw', programs: [], takes: any, start: async () => rawClient },
  { name: 'curl', programs: ['curl'], takes: any, start: async () => curlClient() },
  {
    name: 'python',
    programs: ['python3'],
    takes: skipsContinueAlone,
    start: async () => drive(requireProgram('python3'), [join(here, 'client.py')]),
  },
  {
    name: 'php',
    programs: ['php'],
    takes: skipsOneInterim,
    start: async () =>
      drive(requireProgram('php'), ['-d', 'display_errors=stderr', join(here, 'client.php')]),
  },
  {
    name: 'node',
    programs: [],
    takes: any,
    start: async () =>
      drive(process.execPath, [fileURLToPath(new URL('./node-client.ts', import.meta.url))]),
  },
  {
    name: 'go',
    programs: ['go'],
    takes: any,
    start: async () => {
      const dir = makeTempDir('differential-go-client');
      const client = drive(await buildGo(dir, join(here, 'client.go')), []);
      return {
        ...client,
        stop: async () => {
          await client.stop();
          dir.remove();
        },
      };
    },
  },
];

/** Python's http.client takes any interim response but 100 for the final one, against RFC 9110 15.2. */
function skipsContinueAlone({ pieces }: ResponseTrial): boolean {
  return !/HTTP\/1\.\d 1(?!00)/.test(pieces.join(''));
}

/** PHP's streams pass over one interim response and take the second for the final one, against the same section. */
function skipsOneInterim({ pieces }: ResponseTrial): boolean {
  return (pieces.join('').match(/HTTP\/1\.\d 1/g) ?? []).length <= 1;
}

function drive(command: string, args: readonly string[]): Client {
  const child = spawn(command, args, { detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
  const group = child.pid ?? 0;
  watchGroup(group);
  const waiting = new Map<number, (answers: Answers) => void>();
  const failed = new Set<(cause: Error) => void>();
  child.stdin.on('error', () => {});
  child.once('exit', (code) => {
    for (const reject of failed) reject(new Error(`${command} ended with ${code}`));
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const told = JSON.parse(line) as { id: number; first: RawGot; next: RawGot };
    waiting.get(told.id)?.({ id: told.id, first: decode(told.first), next: decode(told.next) });
    waiting.delete(told.id);
  });
  const askOne = ({ id, method }: ResponseTrial, port: number) =>
    new Promise<Answers>((resolve, reject) => {
      failed.add(reject);
      waiting.set(id, (answers) => {
        failed.delete(reject);
        resolve(answers);
      });
      child.stdin.write(`${id} ${method} ${port}\n`);
    });
  return {
    ask: (trials, port) => Promise.all(trials.map((trial) => askOne(trial, port))),
    stop: async () => {
      failed.clear();
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.stdin.end();
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await ended;
      forgetGroup(group);
    },
  };
}

interface RawGot {
  readonly status: number;
  readonly body: string;
  readonly whole: boolean | null;
}

function decode({ status, body, whole }: RawGot): Got {
  return { status, body: Buffer.from(body, 'base64').toString('latin1'), isWhole: whole };
}
