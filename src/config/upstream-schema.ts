/** What can be said of an upstream. */
import * as v from 'valibot';
import { isAuthority } from '../http1/request-target.ts';
import { fieldNameMistake, fieldValueMistake, isProperName } from './field-rules.ts';
import {
  authority,
  duration,
  entryName,
  filePath,
  flag,
  isOff,
  leaf,
  oneOf,
  originUrl,
  percent,
  size,
  text,
  token,
  whole,
} from './leaves.ts';
import { breaker, outliers } from './resilience-schema.ts';
import { absent, option, required, section } from './schema-options.ts';
import { bad, good, type Reading } from './units.ts';

const PIPELINING = 'off, auto, or a whole number from 2 to 64 is meant';

function readPipelining(raw: unknown): Reading<'off' | 'auto' | number> {
  if (isOff(raw)) return good<'off'>('off');
  if (raw === 'auto') return good<'auto'>('auto');
  const isDepth = typeof raw === 'number' && Number.isInteger(raw) && raw >= 2 && raw <= 64;
  return isDepth ? good(raw) : bad(PIPELINING);
}

const via = leaf('off or a name', (raw) => {
  if (isOff(raw)) return good(null);
  return typeof raw === 'string' && (isProperName(raw) || isAuthority(raw))
    ? good(raw)
    : bad('off, or a name for this gateway such as sidepool, is meant');
});

function sound(raw: string, mistake: string | null): Reading<string> {
  return mistake === null ? good(raw) : bad(mistake);
}

const headers = section('Changes to the header fields of every request.', {
  set: option(
    {},
    "Fields to set: the client's own of that name are replaced. Secrets come from files or the environment: see Secrets.",
    v.record(
      entryName(fieldNameMistake),
      text('a field value', (raw) => sound(raw, fieldValueMistake(raw))),
    ),
  ),
  remove: option(
    [],
    'Names of fields to remove.',
    v.array(text('a field name', (raw) => sound(raw, fieldNameMistake(raw)))),
  ),
});

const tls = v.object({
  ca: option(
    [],
    "PEM file or files of the authorities to trust in place of the system's; the word `system` in the list adds those back. None: the system's.",
    leaf('a file path or a list of them', (raw) => {
      const list: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
      return list.every((each): each is string => typeof each === 'string' && each !== '')
        ? good(list)
        : bad(
            "a file path or a list of file paths is meant (the word system stands for the system's own)",
          );
    }),
  ),
  serverName: absent(
    "The name to ask for (SNI) and to verify. Left out, the URL's host.",
    text('a host name', (raw) =>
      isAuthority(raw) && !raw.includes(':') && !raw.includes('[')
        ? good(raw.toLowerCase())
        : bad('a host name without a port is meant, such as api.example.com'),
    ),
  ),
  certFile: absent(
    'PEM file of the client certificate, with `keyFile`. Read again when it changes.',
    filePath(),
  ),
  keyFile: absent('PEM file of the key of `certFile`.', filePath()),
  verify: option(
    'full',
    "`full` checks the certificate's chain and name; `none` checks nothing, and is for tests alone.",
    oneOf('full', 'none'),
  ),
});

const pool = section('The connections to the upstream, over all its endpoints.', {
  maxConnections: option(
    32,
    'Connections at most, those being dialled included; tunnels are not counted.',
    whole(1, 65_535),
  ),
  warm: option(
    2,
    'Idle connections kept ready at all times, so that a request finds one.',
    whole(0, 1024),
  ),
  warmMax: option(8, 'How far the warm floor may follow recent peak demand.', whole(0, 1024)),
  idleTimeout: option(
    '60s',
    'The longest that a connection may be idle and still be used. Keep it below what the upstream allows.',
    duration(),
  ),
  maxAge: option(
    '10m',
    'The age at which a connection is closed, give or take a tenth: so that load moves to new endpoints.',
    duration('no limit'),
  ),
  maxRequests: option(
    0,
    'Requests that one connection carries.',
    whole(0, 1_000_000_000, 'no limit'),
  ),
  maxWaiting: option(
    1024,
    'Requests that may wait for a connection at once; the next gets 503.',
    whole(0, 1_000_000),
  ),
  maxDials: option(4, 'Connections being opened at once.', whole(1, 1024)),
  learnIdleTimeout: option(
    true,
    'Whether `idleTimeout` is shortened by what is learned from when the upstream closes idle connections.',
    flag(),
  ),
});

const timeouts = section('How long to wait for the upstream.', {
  connect: option('2s', 'To open one connection, TCP and TLS together.', duration()),
  wait: option(
    '3s',
    'For a connection: how long a request may wait for one; so a restart of the upstream is waited out.',
    duration(),
  ),
  firstByte: option(
    '60s',
    "From the request's last octet to the response's first.",
    duration('no limit'),
  ),
  idle: option('60s', 'Without an octet of body either way.', duration('no limit')),
  request: option('0s', 'For the whole exchange.', duration('no limit')),
  tunnelIdle: option(
    '1h',
    'Without an octet either way in a tunnel (an upgraded connection).',
    duration('no limit'),
  ),
});

const retry = section('Which failed attempts are made again.', {
  resends: option(
    1,
    'How often a request that was sent, and may be repeated, is sent again. What was never sent is not counted here.',
    leaf('0 or 1', (raw) =>
      raw === 0 || raw === 1
        ? good<0 | 1>(raw)
        : bad('0 or 1 is meant: a failed resend is not sent again (RFC 9110 9.2.2)'),
    ),
  ),
  bodyLimit: option(
    '64KiB',
    'Octets of request body that are held for replay; a longer one streams without.',
    size({ zero: 'none are held' }),
  ),
  budget: option('20%', 'Retries at most, as a share of requests.', percent()),
  budgetFloor: option(
    3,
    'Retries a second that are allowed whatever the share.',
    whole(0, 100_000),
  ),
  onNewConnection: option(
    'safe',
    'Which methods are sent again when a new connection ended before a response: `safe`, also the `idempotent` ones, or `never` any.',
    oneOf('safe', 'idempotent', 'never'),
  ),
  statuses: option(
    [],
    'Response statuses to try again on.',
    v.array(
      leaf('429, 502, 503, 504', (raw) =>
        typeof raw === 'number' && [429, 502, 503, 504].includes(raw)
          ? good(raw)
          : bad('one of 429, 502, 503, 504 is meant'),
      ),
    ),
  ),
  maxRetryAfter: option(
    '5s',
    'The longest Retry-After that is waited out; a response with a longer one is relayed.',
    duration('none is waited out'),
  ),
  idempotencyHeaders: option(
    [],
    'Fields that make any method repeatable, such as Idempotency-Key, where the upstream honours them.',
    v.array(token('a field name')),
  ),
  perTryTimeout: option(
    '0s',
    'For the first octet of the response to one attempt, while another may follow it.',
    duration('no such limit'),
  ),
  backoff: section('The pause before a retry, random up to a bound that doubles each time.', {
    base: option('25ms', 'The first bound.', duration()),
    max: option('1s', 'The last bound.', duration()),
  }),
});

const upgradeToken = text('an upgrade token', (raw) => {
  const lower = raw.toLowerCase();
  if (lower === 'h2c' || lower.startsWith('tls/') || lower.startsWith('http/'))
    return bad(
      `${raw} is never carried: it would change the protocol of the connection under the gateway`,
    );
  return lower.split('/').length <= 2 && lower.split('/').every(isProperName)
    ? good(lower)
    : bad('an upgrade token such as websocket is meant');
});

export const upstreamSchema = v.object({
  url: required(
    'Scheme, host and port: http or https, nothing else in it. Or a Kubernetes Service, spoken to in plain HTTP: `kubernetes://name.namespace:port`.',
    originUrl(),
  ),
  host: option(
    'upstream',
    "The Host sent on: the `upstream`'s authority, or what the `client` named.",
    oneOf('upstream', 'client'),
  ),
  authorities: option(
    [],
    "Further authorities that a client may name in an absolute-form target; any but these, the upstream's and the listener's gets 421.",
    v.array(authority()),
  ),
  headers,
  via: option(
    'off',
    'The name to write into Via. Off unless set: nginx stops compressing for requests that carry it.',
    via,
  ),
  tls: absent('For an https upstream. TLS 1.2 is the least, whatever stands here.', tls),
  pool,
  timeouts,
  retry,
  outliers,
  breaker,
  upgrades: option(
    ['websocket'],
    'Upgrade tokens that are carried, as tunnels.',
    v.array(upgradeToken),
  ),
  requireUpgrade: option(
    false,
    'Whether requests without one of `upgrades` are refused with 426.',
    flag(),
  ),
  pipelining: option(
    'off',
    'GET and HEAD requests under way on one connection: `off` is one at a time, `auto` finds out how many.',
    leaf('off, auto or 2 to 64', readPipelining),
  ),
});
