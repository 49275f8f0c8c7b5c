/** A gateway in front of Node's echoing origin, for the clients that people really use. */

import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe } from 'vitest';
import { noise } from '../../support/bodies.ts';
import { type RunningGateway, startGateway } from '../../support/gateway.ts';
import { type NodeOrigin, startNodeOrigin } from '../../support/origins/node.ts';
import { type RunResult, runToEnd } from '../../support/process.ts';
import { requireProgram, skipReason, titled } from '../../support/program.ts';
import { makeTempDir, type TempDir } from '../../support/temp-dir.ts';

export interface ClientBench {
  readonly origin: NodeOrigin;
  readonly gateway: RunningGateway;
  /** `http://127.0.0.1:PORT`, the gateway's. */
  readonly url: string;
  readonly socketPath: string;
  readonly dir: TempDir;
  /** A file of 1 MB of noise. */
  readonly uploadPath: string;
}

export const upload = noise(1_000_000, 11);

export interface ClientKind {
  readonly title: string;
  readonly programs: readonly string[];
  /** Another reason to skip, such as a module that is missing. */
  readonly reason?: string | undefined;
}

export function describeClient(kind: ClientKind, tests: (bench: () => ClientBench) => void): void {
  const reason = skipReason(...kind.programs) ?? kind.reason;
  describe.skipIf(reason !== undefined)(
    titled(`a client of the gateway: ${kind.title}`, reason),
    () => {
      let bench: ClientBench;

      beforeAll(async () => {
        bench = await startBench();
      });

      afterAll(async () => {
        await bench?.gateway.stop();
        await bench?.origin.stop();
        bench?.dir.remove();
      });

      tests(() => bench);
    },
  );
}

/** Runs a client to its end; one that fails fails the test, with what it said. */
export async function run(
  program: string,
  args: readonly string[],
  input = '',
): Promise<RunResult> {
  const result = await runToEnd({
    command: requireProgram(program),
    args,
    input,
    timeoutMs: 20_000,
  });
  if (result.code !== 0) {
    throw new Error(`${program} ended with ${result.code}:\n${result.stdout}${result.stderr}`);
  }
  return result;
}

async function startBench(): Promise<ClientBench> {
  const dir = makeTempDir('clients');
  const uploadPath = dir.file('upload');
  writeFileSync(uploadPath, upload);
  const socketPath = dir.file('gateway.sock');
  const origin = await startNodeOrigin();
  const gateway = await startGateway({
    listeners: [{ upstream: 'origin' }, { address: `unix:${socketPath}`, upstream: 'origin' }],
    upstreams: { origin: { url: origin.url } },
  });
  return { origin, gateway, url: gateway.url, socketPath, dir, uploadPath };
}
