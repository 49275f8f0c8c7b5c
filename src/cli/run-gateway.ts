/** Runs the gateway as a process: configuration, signals, reload, exit code. */
import { type Clock, systemClock } from '../base/clock.ts';
import { messageOf } from '../base/fault.ts';
import { type ConfigWatch, watchConfig } from '../config/watch.ts';
import { createLog } from '../telemetry/log.ts';
import { StandardOutput } from '../telemetry/standard-output.ts';
import { Telemetry } from '../telemetry/telemetry.ts';
import type { GatewaySource } from './arguments.ts';
import { isVariable, readConfigFile, readSource, tellWarnings } from './config-file.ts';
import { Gateway } from './gateway.ts';
import { rehearse } from './rehearsal.ts';

/** Resolves with the exit code once the gateway has ended. */
export async function runGateway(source: GatewaySource, version: string): Promise<number> {
  const read = readSource(source);
  if (!read.ok) {
    process.stderr.write(read.message);
    return 2;
  }
  const clock: Clock = systemClock;
  const { SIDEPOOL_ZONE } = process.env;
  const output = new StandardOutput();
  const log = createLog({ level: read.config.log.level, destination: output });
  const telemetry = new Telemetry({ clock, version, log, output });
  // Before the output's own listener, which writes what is there by then.
  process.prependListener('exit', () => telemetry.flush());
  const gateway = new Gateway(read.config, {
    clock,
    random: Math.random,
    telemetry,
    // The performance clock counts from the start of the process.
    bornMs: 0,
    rehearse,
    // The injection fills it from a label of the pod.
    zone: SIDEPOOL_ZONE ?? '',
  });
  const ending = onSignals(gateway);
  const started = gateway.start();
  const reloading =
    source.kind === 'file' && !isVariable(source.file)
      ? reloadFrom(source, { gateway, started, telemetry, secretFiles: read.secretFiles })
      : null;
  try {
    await started;
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    reloading?.close();
    return 1;
  }
  const code = await ending;
  reloading?.close();
  return code;
}

/**
 * Resolves with the exit code when a signal has ended the gateway: after a drain, with 0 if it cut nobody off, or at once
 * by a second signal.
 */
function onSignals(gateway: Gateway): Promise<number> {
  // Node would open its inspector, to everybody on this machine.
  process.on('SIGUSR1', () => undefined);
  return new Promise((resolve) => {
    let isEnding = false;
    const end = (signal: NodeJS.Signals): void => {
      if (isEnding) {
        // Who is cut off is told so by a reset; the end of the process alone would send an orderly end.
        gateway.stop().catch(() => undefined);
        resolve(1);
        return;
      }
      isEnding = true;
      void gateway.drain(signal);
    };
    process.on('SIGTERM', end);
    process.on('SIGINT', end);
    // Also when it was the admin server that asked.
    gateway.onDrained((abandoned) => resolve(abandoned === 0 ? 0 : 1));
  });
}

interface ReloadParts {
  readonly gateway: Gateway;
  /** Settled when the gateway has started, or has not. */
  readonly started: Promise<void>;
  readonly telemetry: Telemetry;
  readonly secretFiles: readonly string[];
}

type FileSource = Extract<GatewaySource, { kind: 'file' }>;

/** Reads the file again on SIGHUP and when it changes. One reload at a time, and none is missed. */
function reloadFrom({ file, admin }: FileSource, parts: ReloadParts): ConfigWatch {
  const { gateway, started, telemetry, secretFiles } = parts;
  let isRunning = false;
  let isWanted = false;
  const reload = async (): Promise<void> => {
    isWanted = true;
    if (isRunning) return;
    isRunning = true;
    // Else both would open the same addresses. A start that fails is dealt with where it was asked for.
    const hasStarted = await started.then(
      () => true,
      () => false,
    );
    while (isWanted && hasStarted) {
      isWanted = false;
      await reloadOnce();
    }
    isRunning = false;
  };
  const reloadOnce = async (): Promise<void> => {
    const read = readConfigFile(file, { env: process.env, admin });
    watch.also(read.secretFiles);
    if (!read.ok) {
      telemetry.onReload('refused', read.message.trim());
      return;
    }
    try {
      const { outcome, notes } = await gateway.reload(read.config);
      if (outcome === 'applied') tellWarnings(file, read.warnings);
      telemetry.onReload(outcome, [file, ...notes].join('; '));
    } catch (error) {
      telemetry.onReload('refused', messageOf(error));
    }
  };
  const watch = watchConfig(file, {
    wheel: gateway.wheel,
    onChange: () => void reload(),
    onBlind: (directory, cause) =>
      telemetry.onReload(
        'unchanged',
        `${directory} cannot be watched (${cause}): send SIGHUP after a change.`,
      ),
  });
  watch.also(secretFiles);
  process.on('SIGHUP', () => void reload());
  return watch;
}
