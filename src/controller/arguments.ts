/** The controller's command line. */
import { parseArgs } from 'node:util';
import { messageOf } from '../base/fault.ts';
import { readAddress } from '../config/addresses.ts';
import type { LogLevel } from '../config/gateway-config.ts';
import { bad, good, type Reading } from '../config/units.ts';
import { logLevels } from './injection/values.ts';
import type { ListenAddress } from './listen-address.ts';

export interface ControllerOptions {
  readonly injectionFile: string;
  /** In place of the file's. */
  readonly image: string | undefined;
  readonly webhook: ListenAddress;
  readonly status: ListenAddress;
  /** Null: endpoints are not told. */
  readonly endpoints: ListenAddress | null;
  readonly namespace: string;
  readonly service: string;
  readonly webhookConfiguration: string;
  readonly secret: string;
  readonly lease: string;
  readonly certificateDir: string | undefined;
  readonly authorityMs: number;
  readonly servingMs: number;
  readonly trustDelayMs: number;
  readonly resyncMs: number;
  readonly nodesIntervalMs: number;
  readonly alsoFor: readonly string[];
  readonly drainMs: number;
  readonly kubeconfig: string | undefined;
  readonly logLevel: LogLevel;
  /** Who this replica is. */
  readonly identity: string;
}

export const help = `Sidepool's controller: injects the sidecar into pods that ask for it.

Usage:
  sidepool-controller --injection FILE [options]

Options (docs/controller.md says more):
  --injection FILE              defaults of what is injected
  --image IMAGE                 the sidecars' image, in place of the file's
  --webhook ADDR                where the API server calls (default [::]:8443)
  --status ADDR                 probes and metrics (default [::]:8080)
  --endpoints ADDR              where sidecars are told the endpoints of Services, or off (default off)
  --namespace NAME              its own namespace (default $POD_NAMESPACE)
  --service NAME                its Service (default sidepool-controller)
  --webhook-configuration NAME  default sidepool
  --secret NAME                 default sidepool-certificates
  --lease NAME                  default sidepool-controller
  --certificate-dir DIR         tls.crt and tls.key that somebody else makes
  --ca-lifetime TIME            default 365d
  --certificate-lifetime TIME   default 30d
  --trust-delay TIME            default 5m
  --resync TIME                 default 10s
  --nodes-interval TIME         default 60s
  --also-for NAME               a further name or address for the certificate; may be repeated
  --drain TIME                  default 5s
  --kubeconfig FILE             outside of a cluster
  --log-level LEVEL             default info
  --help, --version
`;

export type Call =
  | { readonly name: 'help' }
  | { readonly name: 'version' }
  | { readonly name: 'run'; readonly options: ControllerOptions };

const flags = {
  injection: { type: 'string' },
  image: { type: 'string' },
  webhook: { type: 'string', default: '[::]:8443' },
  status: { type: 'string', default: '[::]:8080' },
  endpoints: { type: 'string', default: 'off' },
  namespace: { type: 'string' },
  service: { type: 'string', default: 'sidepool-controller' },
  'webhook-configuration': { type: 'string', default: 'sidepool' },
  secret: { type: 'string', default: 'sidepool-certificates' },
  lease: { type: 'string', default: 'sidepool-controller' },
  'certificate-dir': { type: 'string' },
  'ca-lifetime': { type: 'string', default: '365d' },
  'certificate-lifetime': { type: 'string', default: '30d' },
  'trust-delay': { type: 'string', default: '5m' },
  resync: { type: 'string', default: '10s' },
  'nodes-interval': { type: 'string', default: '60s' },
  'also-for': { type: 'string', multiple: true },
  drain: { type: 'string', default: '5s' },
  kubeconfig: { type: 'string' },
  'log-level': { type: 'string', default: 'info' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

/** Reads the words, or gives one sentence when they make no call. */
export function readControllerArguments(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Call | string {
  try {
    const { values } = parseArgs({ args: [...words], options: flags });
    if (values.help === true) return { name: 'help' };
    if (values.version === true) return { name: 'version' };
    return { name: 'run', options: optionsOf(values, env) };
  } catch (error) {
    return messageOf(error);
  }
}

type Values = ReturnType<typeof parseArgs<{ options: typeof flags }>>['values'];

function optionsOf(
  values: Values,
  env: Readonly<Record<string, string | undefined>>,
): ControllerOptions {
  const { POD_NAMESPACE, POD_NAME } = env;
  const { injection, namespace = POD_NAMESPACE } = values;
  if (injection === undefined)
    throw new Error('Give --injection FILE: see docs/injection.md for what is in it.');
  if (namespace === undefined || namespace === '')
    throw new Error('Give --namespace NAME, or set POD_NAMESPACE.');
  return {
    injectionFile: injection,
    image: values.image,
    webhook: flagValue('webhook', values.webhook, readAddress),
    status: flagValue('status', values.status, readAddress),
    endpoints:
      values.endpoints === 'off' ? null : flagValue('endpoints', values.endpoints, readAddress),
    namespace,
    service: values.service,
    webhookConfiguration: values['webhook-configuration'],
    secret: values.secret,
    lease: values.lease,
    certificateDir: values['certificate-dir'],
    authorityMs: flagValue('ca-lifetime', values['ca-lifetime'], readLifetime),
    servingMs: flagValue('certificate-lifetime', values['certificate-lifetime'], readLifetime),
    trustDelayMs: flagValue('trust-delay', values['trust-delay'], readLifetime),
    resyncMs: flagValue('resync', values.resync, readInterval),
    nodesIntervalMs: flagValue('nodes-interval', values['nodes-interval'], readInterval),
    alsoFor: values['also-for'] ?? [],
    drainMs: flagValue('drain', values.drain, readLifetime),
    kubeconfig: values.kubeconfig,
    logLevel: flagValue('log-level', values['log-level'], readLevel),
    identity: POD_NAME || `sidepool-controller-${process.pid}`,
  };
}

function flagValue<T>(flag: string, text: string, read: (raw: string) => Reading<T>): T {
  const reading = read(text);
  if (reading.ok) return reading.value;
  throw new Error(`--${flag}: found "${text}"; ${reading.meant}.`);
}

const MS_OF: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Like a duration of the configuration, but with days, and longer than a timer of Node can be. */
function readLifetime(text: string): Reading<number> {
  const found = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
  return found === null
    ? bad('a whole number and its unit is meant, such as 30s, 5m, 24h or 365d')
    : good(Number(found[1]) * (MS_OF[found[2] as string] as number));
}

const SHORTEST_INTERVAL_MS = 50;

function readInterval(text: string): Reading<number> {
  const reading = readLifetime(text);
  if (!reading.ok) return reading;
  const isFit = reading.value >= SHORTEST_INTERVAL_MS && reading.value <= 86_400_000;
  return isFit ? reading : bad('a time from 50ms to 1d is meant');
}

function readLevel(text: string): Reading<LogLevel> {
  const level = logLevels.find((each) => each === text);
  return level === undefined ? bad(`one of ${logLevels.join(', ')} is meant`) : good(level);
}
