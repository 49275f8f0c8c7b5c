/** curl, many transfers to a process, so that it uses its connections again. */
import { existsSync, readFileSync } from 'node:fs';
import { runToEnd } from '../../support/process.ts';
import { requireProgram } from '../../support/program.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import type { ResponseTrial } from '../response-grammar.ts';
import type { Answers, Client, Got } from './client.ts';

const trialsEach = 25;

export function curlClient(): Client {
  return {
    ask: async (trials, port) => {
      const answers: Answers[] = [];
      for (let at = 0; at < trials.length; at += trialsEach)
        answers.push(...(await run(trials.slice(at, at + trialsEach), port)));
      return answers;
    },
    stop: async () => {},
  };
}

async function run(trials: readonly ResponseTrial[], port: number): Promise<Answers[]> {
  const dir = makeTempDir('differential-curl');
  try {
    const transfer = (path: string, file: string, more: string[]) =>
      [
        `url = "http://127.0.0.1:${port}${path}"`,
        `output = "${dir.file(file)}"`,
        `write-out = "${file} %{exitcode} %{http_code}\\n"`,
        'max-time = 60',
        'silent',
        ...more,
      ].join('\n');
    const config = trials.flatMap(({ id, method }) => [
      transfer(
        `/r${id}`,
        `r${id}`,
        method === 'HEAD' ? ['head'] : method === 'POST' ? ['data = "hello"'] : [],
      ),
      transfer(`/n${id}`, `n${id}`, []),
    ]);
    const ran = await runToEnd({
      command: requireProgram('curl'),
      args: ['-q', '-K', '-'],
      input: config.join('\nnext\n'),
      timeoutMs: 300_000,
    });
    const told = new Map(
      [...ran.stdout.matchAll(/^([rn]\d+) (\d+) (\d+)$/gm)].map(([, name, exit, status]) => [
        name,
        { exit: Number(exit), status: Number(status) },
      ]),
    );
    const got = (name: string, method: string): Got => {
      const { exit, status } = told.get(name) ?? { exit: -1, status: 0 };
      const path = dir.file(name);
      // Of HEAD curl writes the head where the body would be.
      const body = existsSync(path) && method !== 'HEAD' ? readFileSync(path, 'latin1') : '';
      return { status, body, isWhole: exit === 0 };
    };
    return trials.map(({ id, method }) => ({
      id,
      first: got(`r${id}`, method),
      next: got(`n${id}`, 'GET'),
    }));
  } finally {
    dir.remove();
  }
}
