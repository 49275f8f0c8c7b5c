/**
 * `${file:/run/secrets/token}` and `${env:NAME}` in any text of the configuration. Only references stay in what is
 * shown afterwards: see redact.ts. `$${` stands for `${`.
 */
import type { Finding, Path } from './mistake.ts';

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The file's text; throws when it cannot be read. */
  readonly readFile: (path: string) => string;
}

export interface Substituted {
  readonly value: unknown;
  readonly findings: readonly Finding[];
  /** The files that were read, or looked for in vain. */
  readonly files: readonly string[];
}

export function substitute(raw: unknown, sources: SecretSources): Substituted {
  const findings: Finding[] = [];
  const files = new Set<string>();
  const walk = (value: unknown, path: Path): unknown => {
    if (typeof value === 'string') return value.includes('${') ? resolve(value, path) : value;
    if (Array.isArray(value)) return value.map((each, index) => walk(each, [...path, index]));
    if (typeof value !== 'object' || value === null) return value;
    const copy: [string, unknown][] = [];
    for (const [key, each] of Object.entries(value)) copy.push([key, walk(each, [...path, key])]);
    return Object.fromEntries(copy);
  };
  const resolve = (text: string, path: Path): string =>
    text.replace(/\$(\$\{)|\$\{([^}]*)(\}?)/g, (whole, escaped, reference, end) => {
      if (escaped !== undefined) return escaped;
      const lookedUp = end === '' ? unclosed : lookUp(reference, sources, files);
      if ('value' in lookedUp) return lookedUp.value;
      findings.push({ path, at: 'value', ...lookedUp });
      return whole;
    });
  return { value: walk(raw, []), findings, files: [...files] };
}

type LookedUp = { readonly value: string } | { readonly found: string; readonly meant: string };

const unclosed: LookedUp = {
  found: `"\${" without its "}"`,
  meant: `\${file:/path} or \${env:NAME} is meant (and $\${ for the characters themselves)`,
};

function lookUp(reference: string, sources: SecretSources, files: Set<string>): LookedUp {
  const found = `"\${${reference}}"`;
  const colon = reference.indexOf(':');
  const kind = reference.slice(0, colon);
  const name = reference.slice(colon + 1);
  if (name === '' || (kind !== 'file' && kind !== 'env')) {
    const hint = /^[A-Za-z_]\w*$/.test(reference) ? `: write \${env:${reference}}` : '';
    return {
      found,
      meant: `\${file:/path} or \${env:NAME} is meant${hint} (and $\${ for the characters themselves)`,
    };
  }
  if (kind === 'env') {
    const value = Object.hasOwn(sources.env, name) ? sources.env[name] : undefined;
    if (value === undefined) return { found, meant: `the environment has no ${name}: set it` };
    return value === '' ? { found, meant: `${name} is set but empty: give it a value` } : { value };
  }
  files.add(name);
  try {
    const value = withoutLineEnds(sources.readFile(name));
    return value === ''
      ? { found, meant: `the file ${name} is empty: write the value into it` }
      : { value };
  } catch (error) {
    return {
      found,
      meant: `the file cannot be read (${reason(error)}): mount it, or correct the path`,
    };
  }
}

/** Without the line ends at its end. A pattern would take time that grows with the square of those within. */
function withoutLineEnds(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === '\n') end -= text[end - 2] === '\r' ? 2 : 1;
  return text.slice(0, end);
}

/** `ENOENT` and the like say enough, and never hold contents. */
export function reason(error: unknown): string {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : error instanceof Error ? error.message : String(error);
}
