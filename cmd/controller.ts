#!/usr/bin/env node
/** The controller: a program of its own, since it brings the Kubernetes client along. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runController } from '../src/controller/run-controller.ts';

/** Put in by the bundler. */
declare const SIDEPOOL_VERSION: string | undefined;

function version(): string {
  if (typeof SIDEPOOL_VERSION === 'string') return SIDEPOOL_VERSION;
  return JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')).version;
}

// Node would open its inspector, to everybody on this machine.
process.on('SIGUSR1', () => undefined);

runController(process.argv.slice(2), {
  env: process.env,
  version: version(),
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
}).then(
  (code) => process.exit(code),
  (error: unknown) => {
    const text = error instanceof Error ? error.stack : String(error);
    process.stderr.write(`sidepool-controller: ${text}\n`);
    process.exit(1);
  },
);
