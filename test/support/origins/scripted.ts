/** Origins in other languages, each with the server that its users have at hand. */
import { join } from 'node:path';
import { writeDocuments } from '../bodies.ts';
import { runToEnd } from '../process.ts';
import { requireProgram } from '../program.ts';
import { type ProgramOrigin, startProgramOrigin } from './origin.ts';

const scripts = join(import.meta.dirname, 'scripts');

/** PHP's built-in server: answers with the version that was asked and closes each connection. */
export function startPhp(): Promise<ProgramOrigin> {
  return startProgramOrigin({
    name: 'php',
    plan: (dir, port) => {
      writeDocuments(dir.file('documents'));
      return {
        command: requireProgram('php'),
        args: ['-q', '-S', `127.0.0.1:${port}`, join(scripts, 'echo.php')],
        env: { DOCUMENTS: dir.file('documents') },
      };
    },
  });
}

/** Python's http.server; with 1.0 it closes each connection, with 1.1 it keeps them. */
export function startPython(version: '1.0' | '1.1'): Promise<ProgramOrigin> {
  return startProgramOrigin({
    name: 'python',
    plan: (dir, port) => {
      writeDocuments(dir.file('documents'));
      const script = join(scripts, 'echo_server.py');
      return {
        command: requireProgram('python3'),
        args: [script, String(port), dir.file('documents'), version],
      };
    },
  });
}

/** Go's net/http; compiled first, which takes some seconds when nothing is cached. */
export function startGo(): Promise<ProgramOrigin> {
  return startProgramOrigin({
    name: 'go',
    plan: async (dir, port) => {
      writeDocuments(dir.file('documents'));
      const binary = dir.file('echo-server');
      const built = await runToEnd({
        command: requireProgram('go'),
        args: ['build', '-o', binary, join(scripts, 'echo-server.go')],
        cwd: dir.path,
        env: { GO111MODULE: 'off' },
        timeoutMs: 120_000,
      });
      if (built.code !== 0) throw new Error(`go build failed:\n${built.stderr}`);
      return { command: binary, args: [`127.0.0.1:${port}`, dir.file('documents')] };
    },
  });
}
