/**
 * From the upstreams that a pod names to what its sidecar runs with. The short form becomes a configuration that is
 * checked by the gateway's own rules here, so that a mistake is told when the pod is made and not by a sidecar that does
 * not start.
 */
import { readAddress } from '../../config/addresses.ts';
import { readDocument } from '../../config/document.ts';
import { parseConfig } from '../../config/load.ts';
import { formatMistakes, type Mistake } from '../../config/mistake.ts';
import { bad, good, type Reading } from '../../config/units.ts';
import { type AnnotationName, PREFIX } from './annotations.ts';
import { listAt, textAt } from './json.ts';
import { mistakeIn, type PerUpstream, type Settings } from './settings.ts';
import { readNamedValues } from './values.ts';

/** What the annotation `upstreams` says. */
export type UpstreamSource =
  | { readonly kind: 'inline'; readonly urls: ReadonlyMap<string, string> }
  | { readonly kind: 'config-map'; readonly name: string };

/** The key of a ConfigMap that holds the configuration; all its keys lie beside it in one folder. */
export const CONFIG_KEY = 'sidepool.yaml';

const MEANT = 'NAME=URL is meant, such as api=https://api.example.com, or configMap:NAME';

export function readUpstreamSource(text: string): Reading<UpstreamSource> {
  const configMap = /^configMap:(.*)$/s.exec(text.trim());
  if (configMap !== null) {
    const name = (configMap[1] ?? '').trim();
    return /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(name)
      ? good({ kind: 'config-map', name })
      : bad('the name of a ConfigMap is meant, such as configMap:sidepool');
  }
  const urls = new Map<string, string>();
  for (const { name, value } of readNamedValues(text)) {
    if (name === undefined || name === '' || value === '') return bad(MEANT);
    if (urls.has(name)) return bad(`each name is meant once, and ${name} is there twice`);
    urls.set(name, value);
  }
  return urls.size === 0 ? bad(MEANT) : good({ kind: 'inline', urls });
}

/** A listener of the sidecar that the application can call by a URL. */
export interface LocalUrl {
  readonly upstream: string;
  readonly port: number;
  readonly url: string;
}

export interface Plan {
  readonly localUrls: readonly LocalUrl[];
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export interface DrainTimes {
  readonly quiet: string;
  readonly deadline: string;
}

/** The controller's endpoint stream, as a sidecar finds it. */
export interface EndpointStreamPlace {
  /** `https://host:port`. */
  readonly server: string;
  /** PEM: what to trust of it. */
  readonly ca: string;
}

/** Where the token for it is mounted. */
export const STREAM_TOKEN_FOLDER = '/var/run/secrets/sidepool.io';

export function callsServices(urls: ReadonlyMap<string, string>): boolean {
  return [...urls.values()].some((url) => /^kubernetes:/i.test(url));
}

export interface InlineParts {
  readonly settings: Settings;
  readonly drain: DrainTimes;
  readonly stream: EndpointStreamPlace | null;
}

/** The configuration's document for upstreams in the short form. */
export function inlineConfig(
  urls: ReadonlyMap<string, string>,
  { settings, drain, stream }: InlineParts,
): string {
  const names = [...urls.keys()];
  const upstreams = [...urls].map(([name, url]) => {
    const warm = pick(settings.warm, name) ?? 0;
    const warmMax = Math.max(warm, USUAL_WARM_MAX);
    const maxConnections = Math.max(warmMax, USUAL_MAX_CONNECTIONS);
    const pool = {
      warm,
      ...(warmMax === USUAL_WARM_MAX ? {} : { warmMax }),
      ...(maxConnections === USUAL_MAX_CONNECTIONS ? {} : { maxConnections }),
    };
    const pipelining = pick(settings.pipelining, name) ?? 'off';
    return [name, { url, pool, ...(pipelining === 'off' ? {} : { pipelining }) }] as const;
  });
  return JSON.stringify({
    listeners: names.map((upstream, index) => ({
      address: `127.0.0.1:${settings.firstPort + index}`,
      upstream,
    })),
    upstreams: Object.fromEntries(upstreams),
    admin: { address: `[::]:${settings.adminPort}` },
    drain,
    log: { level: settings.logLevel },
    ...(stream === null
      ? {}
      : { endpoints: { ...stream, tokenFile: `${STREAM_TOKEN_FOLDER}/token` } }),
  });
}

/** The gateway's own defaults, which a warm floor above them must raise. */
const USUAL_WARM_MAX = 8;
const USUAL_MAX_CONNECTIONS = 32;

function pick<T>({ all, named }: PerUpstream<T>, name: string): T | undefined {
  return named.get(name) ?? all;
}

export function planInline(
  urls: ReadonlyMap<string, string>,
  { settings, config }: { settings: Settings; config: string },
): Plan {
  const parsed = parseConfig(config, { source: 'pod', env: {}, readFile: noFile });
  const problems = [...new Set(parsed.ok ? [] : parsed.mistakes.map(told))];
  const localUrls = [...urls.keys()].map((upstream, index) =>
    localUrl(upstream, settings.firstPort + index),
  );
  return { localUrls, problems: [...problems, ...strangers(settings, localUrls)], warnings: [] };
}

function noFile(): string {
  throw new Error('the short form takes no references to files: use configMap:NAME');
}

/** Whoever wrote annotations knows them, not the paths of the document that came of them. */
function told({ path, found, meant }: Mistake): string {
  const [top, name = ''] = path.split('.');
  const says = (annotation: AnnotationName): string =>
    `${PREFIX}${annotation}: found ${found}; ${meant}`;
  if (path.endsWith('.pool.warm')) return says('warm');
  if (path.endsWith('.pipelining')) return says('pipelining');
  if (top?.startsWith('listeners')) return says('first-port');
  if (top === 'admin') return says('admin-port');
  if (top === 'drain') return says('drain-quiet');
  if (top === 'log') return says('log-level');
  const subject = name === '' ? '' : `${name}: `;
  return `${PREFIX}upstreams: ${subject}found ${found}; ${meant}`;
}

/** Reads of a ConfigMap's document what the application must know. The rest is the gateway's to read. */
export function planConfigMap(
  name: string,
  text: string,
  { settings }: { settings: Settings },
): Plan {
  const document = readDocument(text);
  const where = `ConfigMap ${name}, ${CONFIG_KEY}`;
  if (document.mistakes.length > 0)
    return nothing(formatMistakes(where, document.mistakes.slice(0, 1)));
  const localUrls: LocalUrl[] = [];
  const warnings: string[] = [];
  for (const listener of listAt(document.value, 'listeners')) {
    const upstream = textAt(listener, 'upstream');
    const address = readAddress(textAt(listener, 'address'));
    if (upstream === undefined || !address.ok)
      return nothing(`${where}: every listener needs its address and its upstream`);
    if (address.value.kind === 'unix')
      warnings.push(`${where}: unix:${address.value.path} gets no variable: set one by hand`);
    else if (address.value.port === 0)
      return nothing(`${where}: a listener of a pod needs a port other than 0`);
    else localUrls.push(localUrl(upstream, address.value.port));
  }
  if (localUrls.length + warnings.length === 0) return nothing(`${where}: there are no listeners`);
  return { localUrls, problems: strangers(settings, localUrls), warnings };
}

function nothing(problem: string): Plan {
  return { localUrls: [], problems: [problem], warnings: [] };
}

function localUrl(upstream: string, port: number): LocalUrl {
  return { upstream, port, url: `http://127.0.0.1:${port}` };
}

/** Values for upstreams that the pod does not have. */
function strangers(settings: Settings, localUrls: readonly LocalUrl[]): readonly string[] {
  const known = localUrls.map(({ upstream }) => upstream);
  const problems: string[] = [];
  const lists: readonly [AnnotationName, PerUpstream<unknown>][] = [
    ['warm', settings.warm],
    ['pipelining', settings.pipelining],
    ['env', settings.variables],
  ];
  for (const [annotation, { named }] of lists)
    for (const name of named.keys())
      if (!known.includes(name))
        problems.push(
          mistakeIn(annotation, name, `the name of an upstream is meant: ${known.join(', ')}`),
        );
  if (settings.variables.all !== undefined && known.length > 1)
    problems.push(
      mistakeIn(
        'env',
        settings.variables.all,
        `NAME=VARIABLE is meant, as there are ${known.length} upstreams`,
      ),
    );
  return problems;
}
