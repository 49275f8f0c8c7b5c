/** From the text of a file, or from the pairs of the command line, to a checked configuration: or to every mistake. */
import { dirname, resolve } from 'node:path';
import { checkTogether } from './checks.ts';
import { readDocument } from './document.ts';
import type { GatewayConfig } from './gateway-config.ts';
import { type Finding, type Mistake, type Path, pathText } from './mistake.ts';
import { type SecretSources, substitute } from './secrets.ts';
import { toGatewayConfig } from './to-gateway-config.ts';
import { validate, withoutSecrets } from './validate.ts';

export interface ConfigSource extends SecretSources {
  /** The file's path: relative paths in it count from its directory. */
  readonly source: string;
  /** The admin server's address, or `off`, in place of what the file says. */
  readonly admin?: string | undefined;
}

/** `secretFiles` are those that `${file:...}` named: when one of them changes, or comes to be, the configuration does. */
export type ParsedConfig =
  | {
      readonly ok: true;
      readonly config: GatewayConfig;
      readonly warnings: readonly Mistake[];
      readonly secretFiles: readonly string[];
    }
  | {
      readonly ok: false;
      readonly mistakes: readonly Mistake[];
      readonly secretFiles: readonly string[];
    };

/** Reads YAML or JSON. Finds all mistakes at once. */
export function parseConfig(text: string, source: ConfigSource): ParsedConfig {
  const document = readDocument(text);
  if (!document.isReadable) return { ok: false, mistakes: document.mistakes, secretFiles: [] };
  const directory = dirname(source.source);
  const assembled = assemble(withAdmin(document.value, source.admin), {
    env: source.env,
    readFile: source.readFile,
    resolvePath: (path) => resolve(directory, path),
  });
  const mistakes = [
    ...document.mistakes,
    ...assembled.mistakes.map((finding) => document.locate(finding)),
  ].sort(byPlace);
  if (mistakes.length > 0 || assembled.config === null)
    return { ok: false, mistakes, secretFiles: assembled.files };
  return {
    ok: true,
    config: assembled.config,
    warnings: assembled.warnings.map((finding) => document.locate(finding)).sort(byPlace),
    secretFiles: assembled.files,
  };
}

function withAdmin(written: unknown, admin: string | undefined): unknown {
  if (admin === undefined || !isMap(written)) return written;
  const rest = isMap(written.admin) ? written.admin : {};
  return { ...written, admin: admin === 'off' ? 'off' : { ...rest, address: admin } };
}

function isMap(value: unknown): value is { readonly admin?: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function byPlace(a: Mistake, b: Mistake): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

interface Assembled {
  readonly config: GatewayConfig | null;
  readonly mistakes: readonly Finding[];
  readonly warnings: readonly Finding[];
  readonly files: readonly string[];
}

interface AssembleContext extends SecretSources {
  readonly resolvePath: (path: string) => string;
}

function assemble(written: unknown, context: AssembleContext): Assembled {
  const { resolvePath } = context;
  const readFile = (path: string): string => context.readFile(resolvePath(path));
  const {
    value,
    findings: unresolved,
    files,
  } = substitute(written, { env: context.env, readFile });
  const { output, findings } = validate(value, written);
  // A reference that leads nowhere would be found a second time, as a value of the wrong kind.
  const wrong = findings.filter(
    ({ path }) => !unresolved.some((each) => pathText(each.path) === pathText(path)),
  );
  const earlier = [...unresolved, ...wrong];
  const checked =
    typeof output === 'object' && output !== null
      ? checkTogether(output, earlier, { readFile: context.readFile, resolvePath })
      : { mistakes: [], warnings: [] };
  const mistakes = [
    ...earlier,
    ...checked.mistakes.map((finding) => withoutSecrets(finding, written)),
  ];
  const config =
    mistakes.length > 0 ? null : toGatewayConfig(output, { document: written, resolvePath });
  return {
    config,
    mistakes,
    warnings: checked.warnings.map((finding) => withoutSecrets(finding, written)),
    files: files.map(resolvePath),
  };
}

/** One `--listen` and the `--upstream` that follows it. */
export interface Pair {
  readonly listen: string;
  readonly upstream: string;
}

export interface PairOptions {
  /** The admin server's address, or `off`; the default's unless given. */
  readonly admin?: string | undefined;
}

/** The same configuration from the command line's short form. Pairs with the same URL share one upstream. */
export function fromPairs(pairs: readonly Pair[], { admin }: PairOptions = {}): ParsedConfig {
  const names = new Map<string, string>();
  for (const { upstream } of pairs) {
    if (!names.has(upstream)) names.set(upstream, freeName(upstream, [...names.values()]));
  }
  const document = {
    listeners: pairs.map(({ listen, upstream }) => ({
      address: listen,
      upstream: names.get(upstream),
    })),
    upstreams: Object.fromEntries([...names].map(([url, name]) => [name, { url }])),
    ...(admin === undefined ? {} : { admin: admin === 'off' ? 'off' : { address: admin } }),
  };
  const assembled = assemble(document, {
    env: {},
    readFile: () => {
      throw new Error('the command line takes no references to files');
    },
    resolvePath: resolve,
  });
  const toMistake = ({ path, found, meant }: Finding): Mistake => ({
    path: flagOf(path, pairs.length),
    found,
    meant,
  });
  if (assembled.config === null)
    return { ok: false, mistakes: assembled.mistakes.map(toMistake), secretFiles: [] };
  return {
    ok: true,
    config: assembled.config,
    warnings: assembled.warnings.map(toMistake),
    secretFiles: [],
  };
}

/** The URL's host, as far as it can be a name, and numbered if another has it. */
function freeName(url: string, taken: readonly string[]): string {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  const name =
    host
      .replaceAll(/[^A-Za-z0-9.-]/g, '-')
      .replaceAll(/^[.-]+|[.-]+$/g, '')
      .slice(0, 58) || 'upstream';
  if (!taken.includes(name)) return name;
  for (let count = 2; ; count += 1)
    if (!taken.includes(`${name}-${count}`)) return `${name}-${count}`;
}

/** Whoever wrote a command line knows its flags, not the file's paths. */
function flagOf(path: Path, pairs: number): string {
  const [top, index, key] = path;
  if (top === 'admin') return '--admin';
  if (top === 'listeners' && typeof index !== 'number') return '--listen';
  if (top === 'listeners' && key === 'address')
    return pairs === 1 ? '--listen' : `--listen (number ${Number(index) + 1})`;
  if (top === 'upstreams') return '--upstream';
  return pathText(path);
}
