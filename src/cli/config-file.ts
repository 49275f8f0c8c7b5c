/** Reads a configuration file from the disk. */
import { readFileSync } from 'node:fs';
import { codeOf, messageOf } from '../base/fault.ts';
import { type ParsedConfig, parseConfig } from '../config/load.ts';
import { formatMistakes } from '../config/mistake.ts';

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
