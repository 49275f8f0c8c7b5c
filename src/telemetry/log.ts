/** The log: one JSON object a line on standard output, by pino. */
import { type DestinationStream, pino } from 'pino';
import type { LogLevel } from '../config/gateway-config.ts';
import { StandardOutput } from './standard-output.ts';

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

/**
 * Makes the log. Writing is asynchronous, so that a stuck reader of standard output never stops the data path, and
 * without a worker thread, which would be a second file and 10 MB.
 */
export function createLog({
  level,
  destination = new StandardOutput(),
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
