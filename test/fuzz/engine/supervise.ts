/** Runs one target's exploration in a thread, and ends it when a trial does not. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { HEADER_BYTES, SHARED_BYTES, type WorkerResult, type WorkerTask } from '../worker.ts';

/** No trial may take this long, on however busy a machine; those that take a second of processor time are findings. */
const HANG_MS = 30_000;
/** What one target may hold. Inputs are at most 64 KiB: whoever needs this much has no bound. */
const MOST_HEAP_MB = 512;

export type Outcome =
  | { readonly kind: 'explored'; readonly result: WorkerResult }
  | {
      readonly kind: 'lost';
      readonly why: string;
      readonly input: Buffer;
      readonly executions: number;
    };

export async function supervise(
  task: Omit<WorkerTask, 'shared'>,
  hangMs: number = HANG_MS,
): Promise<Outcome> {
  const shared = new SharedArrayBuffer(SHARED_BYTES);
  const numbers = new Int32Array(shared, 0, 2);
  const worker = new Worker(new URL('../worker.ts', import.meta.url), {
    workerData: { ...task, shared } satisfies WorkerTask,
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB },
  });
  const lost = (why: string): Outcome => ({
    kind: 'lost',
    why,
    executions: numbers[0] as number,
    input: Buffer.from(new Uint8Array(shared, HEADER_BYTES, numbers[1] as number)),
  });
  let seen = -1;
  let seenMs = performance.now();
  let onHang: (outcome: Outcome) => void = () => undefined;
  const hung = new Promise<Outcome>((resolve) => {
    onHang = resolve;
  });
  const watch = setInterval(
    () => {
      const trials = Atomics.load(numbers, 0);
      if (trials !== seen) {
        seen = trials;
        seenMs = performance.now();
      } else if (trials > 0 && performance.now() - seenMs > hangMs)
        onHang(lost(`hang: a trial did not end in ${hangMs / 1000} s`));
    },
    Math.min(1000, hangMs / 3),
  );
  try {
    return await Promise.race([
      hung,
      once(worker, 'message').then(
        ([result]): Outcome => ({ kind: 'explored', result: result as WorkerResult }),
        (error: unknown) => lost(error instanceof Error ? error.message : String(error)),
      ),
    ]);
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}
