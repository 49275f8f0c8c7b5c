/** docs/configuration.md, rendered from the schema: `node src/config/reference.ts > docs/configuration.md`. */
import { pathText } from './mistake.ts';
import { fileSchema } from './schema.ts';
import { describe, type Option } from './walk.ts';

/** Stands in the reference; a test reads it as a configuration. */
export const EXAMPLE = `listeners:
  - address: 127.0.0.1:15101
    upstream: api
  - address: unix:/run/sidepool/search.sock
    mode: "0660"
    upstream: search
upstreams:
  api:
    url: https://api.example.com
    headers:
      set:
        X-Team: shop
        Authorization: Bearer \${file:/run/secrets/api/token}
      remove: [X-Debug]
    pool: { warm: 4 }
    retry: { statuses: [503] }
  search:
    url: http://search.default.svc:9200
    timeouts: { firstByte: 10s }
admin:
  address: "[::]:15100"
`;

const OPENING = `# Configuration

<!-- Rendered from src/config/schema.ts. Do not edit: run \`node src/config/reference.ts > docs/configuration.md\`. -->

Sidepool reads one file, YAML 1.2 or JSON. Only \`listeners\` and \`upstreams\` must be in it; everything else has a
default that is safe to run.

\`\`\`yaml
${EXAMPLE}\`\`\`

For one or two upstreams no file is needed; this means the same as a file with one listener and one upstream:

\`\`\`sh
sidepool gateway --listen 127.0.0.1:15101 --upstream https://api.example.com
\`\`\`

## Values

| Kind | Written as |
|---|---|
| duration | a whole number and its unit: \`250ms\`, \`30s\`, \`10m\`, \`1h\`; at most \`576h\` |
| size | a whole number and its unit: \`512B\`, \`64KiB\`, \`16MiB\`, \`1GiB\` |
| percentage | \`20%\`, \`0.5%\` |
| address | \`127.0.0.1:15101\`, \`[::1]:15101\`, \`localhost:15101\`, \`unix:/run/sidepool/api.sock\`; IPv6 needs quotes in YAML |
| URL | \`http://\` or \`https://\`, host and, unless it is the usual one, port |
| file path | relative ones count from the directory of the configuration file |

A number without its unit is a mistake, and so is a key that is not known. All mistakes are told at once, each with its
line, what was found and what is meant:

\`\`\`
sidepool.yaml:12:13  upstreams.api.pool.warm: found "two"; a whole number from 0 to 1024 is meant
\`\`\`

## Secrets

Any text value may hold references. \`\${file:/run/secrets/token}\` stands for what is in that file, without the line
break at its end, and \`\${env:NAME}\` for a variable of the environment; \`$\${\` stands for the characters \`\${\`. A file or
a variable that is missing or empty is a mistake. What was put in is never shown again: \`/config\` and messages show
the reference, and hide the values of header fields whose names look like secrets (such as Authorization, Cookie or
X-Api-Key) altogether.

## Reload

The file is read again on SIGHUP, and when it, or a file that holds one of its secrets, changes; the swap by which
Kubernetes updates a mounted ConfigMap counts as a change (a ConfigMap mounted with \`subPath\` is never updated). No
connection is dropped. A new file with a mistake in it is refused as a whole, and the old configuration stays. An
upstream keeps its connections, and what it knows of its endpoints, unless its own \`url\`, \`tls\`, \`pool\`, \`pipelining\`,
\`outliers\`, \`breaker\`, \`timeouts.connect\` or \`timeouts.wait\`, or \`limits.head\` or \`limits.fields\`, changed.
`;

/** The whole page. */
export function renderReference(): string {
  const { shape } = describe(fileSchema);
  if (shape.kind !== 'mapping') throw new TypeError('the file is a mapping');
  const parts = [OPENING];
  const top: [string, Option][] = [];
  for (const [key, entry] of Object.entries(shape.entries)) top.push([key, describe(entry)]);
  parts.push(`## The file\n\n${table(top)}`);
  for (const [key, option] of top) renderPart([key], option, parts);
  return `${parts.join('\n')}`;
}

function renderPart(path: readonly string[], option: Option, parts: string[]): void {
  const [suffix, inner] = insideOf(option);
  if (inner === null || inner.shape.kind !== 'mapping') return;
  const here = [...path, ...suffix];
  const options = Object.entries(inner.shape.entries).map(([key, entry]): [string, Option] => [
    key,
    describe(entry),
  ]);
  parts.push(`## \`${titled(here)}\`\n\n${option.meaning}\n\n${table(options)}`);
  for (const [key, each] of options) renderPart([...here, key], each, parts);
}

/** What stands in each entry of a list or record; the option itself when it is a mapping. */
function insideOf(option: Option): readonly [readonly string[], Option | null] {
  const { shape } = option;
  if (shape.kind === 'mapping') return [[], option];
  if (shape.kind === 'list') return [['[]'], describe(shape.item)];
  if (shape.kind === 'record') return [['<name>'], describe(shape.value)];
  return [[], null];
}

function titled(path: readonly string[]): string {
  return path.join('.').replaceAll('.[]', '[]');
}

function table(options: readonly (readonly [string, Option])[]): string {
  const rows = options.map(
    ([key, option]) =>
      `| \`${pathText([key])}\` | ${kindOf(option)} | ${defaultOf(option)} | ${cell(option.meaning)} |`,
  );
  return `| Option | Value | Default | Meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function kindOf({ shape, canBeOff }: Option): string {
  return canBeOff ? `${kindOfShape(shape)}, or off` : kindOfShape(shape);
}

function kindOfShape(shape: Option['shape']): string {
  switch (shape.kind) {
    case 'mapping':
      return 'options';
    case 'leaf':
      return cell(shape.notation);
    case 'list':
      return `list: ${kindOf(describe(shape.item))}`;
    case 'record':
      return `by name: ${kindOf(describe(shape.value))}`;
  }
}

function defaultOf({ isRequired, fallback, shape }: Option): string {
  if (isRequired) return '**must be given**';
  if (fallback === undefined) return 'none';
  if (fallback === 'off') return '`off`';
  if (shape.kind === 'mapping') return 'see below';
  if (Array.isArray(fallback)) return `\`[${fallback.join(', ')}]\``;
  return typeof fallback === 'object' ? '`{}`' : `\`${fallback}\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (import.meta.main) process.stdout.write(renderReference());
