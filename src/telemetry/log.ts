/** The log: one JSON object a line on standard output, by pino. */
import { type DestinationStream, pino } from 'pino';
import type { LogLevel } from '../config/gateway-config.ts';

type LineWriter = (fields: object, message: string) => void;

/** As much of a logger as this room uses; pino's is one. */
export interface Log {
  level: string;
  isLevelEnabled(level: string): boolean;
  debug: LineWriter;
  info: LineWriter;
  warn: LineWriter;
  error: LineWriter;
}

export const logLevels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'silent'];

/** Lines that wait for a standard output that nobody reads; later ones are dropped rather than kept. */
const WAITING_BYTES = 1024 * 1024;

/**
 * Makes the log. Writing is asynchronous, so that a stuck reader of standard output never stops the data path, and
 * without a worker thread, which would be a second file and 10 MB. What is unwritten when the process exits, by
 * `process.exit` or an uncaught error too, is written then (pino registers that for asynchronous destinations).
 */
export function createLog({
  level,
  destination = standardOutput(),
}: {
  level: LogLevel;
  destination?: DestinationStream;
}): Log {
  return pino(
    {
      level,
      // Process id and host name say nothing in a pod that the collector does not know better.
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}

function standardOutput(): DestinationStream {
  let refusals = 0;
  const destination = pino.destination({
    dest: 1,
    sync: false,
    maxLength: WAITING_BYTES,
    // Tries come every 100 ms. At exit they block, and a reader that is stuck must not hold up the end for ever.
    retryEAGAIN: () => {
      refusals += 1;
      return refusals % 20 !== 0;
    },
  });
  // A log that cannot be written (a full disk behind a redirect) is no reason to stop carrying requests.
  destination.on('error', () => {});
  return destination;
}
