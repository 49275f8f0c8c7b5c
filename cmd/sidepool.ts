#!/usr/bin/env node
/** The command line. Each command loads what it needs, when it is needed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { help, readArguments } from '../src/cli/arguments.ts';

/** Put in by the bundler. */
declare const SIDEPOOL_VERSION: string | undefined;

const command = readArguments(process.argv.slice(2));
if (typeof command === 'string') {
  process.stderr.write(`sidepool: ${command}\nsidepool --help tells how to call it.\n`);
  process.exitCode = 2;
} else {
  run(command).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(`sidepool: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
}

async function run(called: Exclude<typeof command, string>): Promise<number> {
  switch (called.name) {
    case 'help':
      process.stdout.write(help);
      return 0;
    case 'version':
      process.stdout.write(`${version()}\n`);
      return 0;
    case 'check': {
      const { check } = await import('../src/cli/check.ts');
      return check(called.file);
    }
    case 'explain': {
      const { explain } = await import('../src/cli/explain.ts');
      return explain(called.file, called.json);
    }
    case 'doctor': {
      const { doctor } = await import('../src/cli/doctor/doctor.ts');
      return doctor(called.call);
    }
    case 'top': {
      const { top } = await import('../src/cli/top/top.ts');
      return top(called.call);
    }
    case 'inject': {
      const { injectFile } = await import('../src/cli/inject.ts');
      return injectFile(called.call);
    }
    case 'ready': {
      const { ready } = await import('../src/cli/ready.ts');
      return ready(called.call);
    }
    case 'gateway': {
      const { runGateway } = await import('./gateway.ts');
      return runGateway(called.source, version());
    }
    case 'demo': {
      const { runDemo } = await import('./demo.ts');
      return runDemo(called);
    }
  }
}

function version(): string {
  if (typeof SIDEPOOL_VERSION === 'string') return SIDEPOOL_VERSION;
  return JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package.json'), 'utf8')).version;
}
