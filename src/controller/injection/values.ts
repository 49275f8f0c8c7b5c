/** How single values are read, in annotations and in the file of defaults. Both may come as text or, from YAML, typed. */
import { bad, durationText, good, type Reading, readDuration } from '../../config/units.ts';

export type Native = 'auto' | 'on' | 'off';
export type Pipelining = 'off' | 'auto' | number;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

export function readNative(raw: unknown): Reading<Native> {
  // YAML 1.1 tools, Helm among them, make booleans of on and off.
  if (raw === 'on' || raw === true || raw === 'true') return good('on');
  if (raw === 'off' || raw === false || raw === 'false') return good('off');
  return raw === 'auto' ? good('auto') : bad('auto, on or off is meant');
}

export function readLogLevel(raw: unknown): Reading<string> {
  return logLevels.some((each) => each === raw)
    ? good(raw as string)
    : bad(`one of ${logLevels.join(', ')} is meant`);
}

const MOST_WARM = 1024;

export function readWarm(raw: unknown): Reading<number> {
  const number = wholeNumber(raw);
  return number !== null && number <= MOST_WARM
    ? good(number)
    : bad(`a whole number from 0 to ${MOST_WARM} is meant`);
}

export function readPipelining(raw: unknown): Reading<Pipelining> {
  if (raw === 'off' || raw === false || raw === 'false') return good('off');
  if (raw === 'auto') return good('auto');
  const depth = wholeNumber(raw);
  return depth !== null && depth >= 2 && depth <= 64
    ? good(depth)
    : bad('off, auto, or a whole number from 2 to 64 is meant');
}

/** Ports below 1024 would need a capability. */
export function readPort(raw: unknown): Reading<number> {
  const port = wholeNumber(raw);
  return port !== null && port >= 1024 && port <= 65_535
    ? good(port)
    : bad('a port from 1024 to 65535 is meant');
}

export function readFlag(raw: unknown): Reading<boolean> {
  if (raw === 'true' || raw === true) return good(true);
  if (raw === 'false' || raw === false) return good(false);
  return bad('"true" or "false" is meant');
}

/** The duration as the configuration writes it. */
export function readDurationText(raw: unknown): Reading<string> {
  const reading = readDuration(raw);
  return reading.ok ? good(durationText(reading.value)) : reading;
}

/** No image reference has white space or is longer; the rest is the container runtime's to judge. */
export function readImage(raw: unknown): Reading<string> {
  return typeof raw === 'string' && /^[^\s]{1,512}$/.test(raw)
    ? good(raw)
    : bad('an image is meant, such as registry.example.com/sidepool:0.1.0');
}

export function readVariable(raw: unknown): Reading<string> {
  return typeof raw === 'string' && /^[A-Za-z_][A-Za-z0-9_]*$/.test(raw)
    ? good(raw)
    : bad('the name of an environment variable is meant, such as API_URL');
}

function wholeNumber(raw: unknown): number | null {
  if (typeof raw === 'number') return Number.isInteger(raw) && raw >= 0 ? raw : null;
  return typeof raw === 'string' && /^\d{1,9}$/.test(raw) ? Number(raw) : null;
}

export interface NamedValue {
  /** Undefined where a value stands alone, for all. */
  readonly name: string | undefined;
  readonly value: string;
}

/** `value`, or `name=value, name=value`: parted by commas or line breaks. */
export function readNamedValues(text: string): readonly NamedValue[] {
  return words(text).map((word) => {
    const equals = word.indexOf('=');
    return equals < 0
      ? { name: undefined, value: word }
      : { name: word.slice(0, equals).trim(), value: word.slice(equals + 1).trim() };
  });
}

/** Parted by commas or white space around which nothing is meant. */
export function words(text: string): readonly string[] {
  return text
    .split(/[,\n]/)
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
