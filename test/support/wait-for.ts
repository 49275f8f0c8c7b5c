/** Waiting for a condition, with a limit and a message that says what was seen last. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  /** Told when time runs out; a function, so that it can show the last state. */
  readonly what?: string | (() => string);
}

/** Resolves with the first value that is neither `undefined` nor `false`. */
export async function waitFor<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  options: WaitOptions = {},
): Promise<T> {
  const { timeoutMs = 5_000, everyMs = 10 } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() >= deadline) throw new Error(lateMessage(options.what, timeoutMs));
    await sleep(everyMs);
  }
}

/** Rejects if the promise is not settled in time; the promise itself goes on. */
export async function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  what: string | (() => string),
): Promise<T> {
  const timer = new AbortController();
  const late = sleep(timeoutMs, undefined, { signal: timer.signal }).then(
    () => Promise.reject(new Error(lateMessage(what, timeoutMs))),
    // Aborted: the promise was settled first, and nobody looks at this one any more.
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

function lateMessage(what: WaitOptions['what'], timeoutMs: number): string {
  const text = typeof what === 'function' ? what() : (what ?? 'the condition');
  return `still waiting after ${timeoutMs} ms for: ${text}`;
}
