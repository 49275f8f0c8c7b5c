/** What the origins have in common. */
import { freePort } from '../free-port.ts';
import {
  type Readiness,
  type RunningProcess,
  type StartOptions,
  startProcess,
} from '../process.ts';
import { makeTempDir, type TempDir } from '../temp-dir.ts';

export interface Origin {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, or https. */
  readonly url: string;
  stop(): Promise<void>;
}

export interface ProgramOrigin extends Origin {
  readonly process: RunningProcess;
  readonly dir: TempDir;
}

interface ProgramPlan extends Omit<StartOptions, 'ready'> {
  readonly ready?: Readiness;
}

export interface ProgramOriginOptions {
  readonly name: string;
  readonly scheme?: 'http' | 'https';
  /** Writes what the program needs below the directory and tells how to start it. */
  readonly plan: (dir: TempDir, port: number) => ProgramPlan | Promise<ProgramPlan>;
}

/** Starts a server program in a directory of its own, on a free port. */
export async function startProgramOrigin(options: ProgramOriginOptions): Promise<ProgramOrigin> {
  const dir = makeTempDir(options.name);
  const port = await freePort();
  try {
    const plan = await options.plan(dir, port);
    const started = await startProcess({ ready: { kind: 'port', port }, ...plan });
    return {
      port,
      url: `${options.scheme ?? 'http'}://127.0.0.1:${port}`,
      process: started,
      dir,
      stop: async () => {
        await started.stop();
        dir.remove();
      },
    };
  } catch (cause) {
    dir.remove();
    throw cause;
  }
}
