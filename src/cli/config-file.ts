/** Reads a configuration file from the disk. */
import { readFileSync } from 'node:fs';
import { codeOf, messageOf } from '../base/fault.ts';
import { fromPairs, type ParsedConfig, parseConfig } from '../config/load.ts';
import { formatMistakes, type Mistake } from '../config/mistake.ts';
import type { GatewaySource } from './arguments.ts';

export type ReadConfig =
  | Extract<ParsedConfig, { ok: true }>
  | {
      readonly ok: false;
      readonly message: string;
      /** Files whose change may mend it. */
      readonly secretFiles: readonly string[];
    };

export interface ReadOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `--admin` says beside `--config`. */
  readonly admin?: string | undefined;
}

const VARIABLE = 'env:';

/** Whether the text stands in a variable of the environment, `env:NAME`, and so never changes. */
export function isVariable(file: string): boolean {
  return file.startsWith(VARIABLE);
}

/** A checked configuration, or a message that names every mistake. Ends in a line break. */
export function readConfigFile(file: string, { env, admin }: ReadOptions): ReadConfig {
  let text: string;
  try {
    text = isVariable(file)
      ? variable(file.slice(VARIABLE.length), env)
      : readFileSync(file, 'utf8');
  } catch (error) {
    const why = codeOf(error) === 'ENOENT' ? 'there is no such file' : messageOf(error);
    return { ok: false, message: `${file}: ${why}.\n`, secretFiles: [] };
  }
  const parsed = parseConfig(text, {
    source: file,
    env,
    admin,
    readFile: (path) => readFileSync(path, 'utf8'),
  });
  if (parsed.ok) return parsed;
  const { mistakes, secretFiles } = parsed;
  return { ok: false, message: ended(formatMistakes(file, mistakes)), secretFiles };
}

function variable(name: string, env: ReadOptions['env']): string {
  const text = env[name];
  if (text === undefined) throw new Error('there is no such variable in the environment');
  return text;
}

export function ended(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** The configuration of a call. Warnings are told on the standard error output. */
export function readSource(source: GatewaySource): ReadConfig {
  if (source.kind === 'file') {
    const read = readConfigFile(source.file, { env: process.env, admin: source.admin });
    if (read.ok) tellWarnings(source.file, read.warnings);
    return read;
  }
  const parsed = fromPairs(source.pairs, { admin: source.admin });
  if (parsed.ok) return parsed;
  const message = ended(formatMistakes('command line', parsed.mistakes));
  return { ok: false, message, secretFiles: parsed.secretFiles };
}

export function tellWarnings(file: string, warnings: readonly Mistake[]): void {
  if (warnings.length > 0) process.stderr.write(ended(formatMistakes(file, warnings)));
}
