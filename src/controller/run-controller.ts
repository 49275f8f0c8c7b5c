/** Runs the controller as a process: call, signals, exit code. */
import { readFileSync } from 'node:fs';
import { systemClock } from '../base/clock.ts';
import { messageOf } from '../base/fault.ts';
import { formatMistakes } from '../config/mistake.ts';
import { createLog } from '../telemetry/log.ts';
import { help, readControllerArguments } from './arguments.ts';
import { Controller } from './controller.ts';
import { readDefaults } from './injection/defaults.ts';
import { KubernetesApi } from './kubernetes/api.ts';

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Resolves with the exit code when a signal has ended it. */
export async function runController(
  words: readonly string[],
  { env, version, out, err }: Surroundings,
): Promise<number> {
  const call = readControllerArguments(words, env);
  if (typeof call === 'string') {
    err(`sidepool-controller: ${call}\nsidepool-controller --help tells how to call it.\n`);
    return 2;
  }
  if (call.name !== 'run') {
    out(call.name === 'help' ? help : `${version}\n`);
    return 0;
  }
  const { options } = call;
  let text: string;
  let api: KubernetesApi;
  try {
    text = readFileSync(options.injectionFile, 'utf8');
    api = new KubernetesApi(options.kubeconfig);
  } catch (error) {
    err(`sidepool-controller: ${messageOf(error)}\n`);
    return 2;
  }
  const { image } = options;
  const read = readDefaults(text, image === undefined ? {} : { image });
  if (!read.ok) {
    err(`${formatMistakes(options.injectionFile, read.mistakes)}\n`);
    return 2;
  }
  const log = createLog({ level: options.logLevel });
  const { defaults } = read;
  const controller = new Controller(options, {
    api,
    clock: systemClock,
    random: Math.random,
    log,
    defaults,
    version,
  });
  const ending = signalled();
  try {
    await controller.start();
  } catch (error) {
    err(`sidepool-controller: ${messageOf(error)}\n`);
    return 1;
  }
  await ending;
  await Promise.race([controller.stop(), signalled()]);
  return 0;
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
  });
}
