/**
 * The shape of the configuration file. Each option stands with its kind, its default as one would write it, and its
 * meaning: `reference.ts` renders docs/configuration.md from here.
 */
import * as v from 'valibot';
import {
  address,
  duration,
  entryName,
  filePath,
  flag,
  isOff,
  leaf,
  oneOf,
  percent,
  size,
  text,
  whole,
} from './leaves.ts';
import { absent, option, required, section } from './schema-options.ts';
import { bad, good } from './units.ts';
import { upstreamSchema } from './upstream-schema.ts';

/** Names are label values of metrics, and stand in paths and log lines. */
function upstreamNameMistake(name: string): string | null {
  return /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(name)
    ? null
    : 'a name of up to 63 letters, digits and inner ".", "_" or "-" is meant';
}

const mode = text('a mode of four octal digits', (raw) =>
  /^0[0-7]{3}$/.test(raw)
    ? good(Number.parseInt(raw, 8))
    : bad('four octal digits in quotes are meant, such as "0660"'),
);

const owner = text('uid:gid', (raw) => {
  const found = /^(\d{1,10}):(\d{1,10})$/.exec(raw);
  return found === null
    ? bad('user and group as numbers are meant, such as "1000:1000"')
    : good({ uid: Number(found[1]), gid: Number(found[2]) });
});

const listener = v.object({
  address: required(
    'Where clients connect: loopback TCP, or a Unix socket (`unix:/path`). Port 0 takes a free one.',
    address(),
  ),
  upstream: required('The name of the upstream that its requests go to.', text('a name', good)),
  backlog: option(
    511,
    "The kernel's queue of connections not yet accepted (the system may cap it: `net.core.somaxconn`).",
    whole(1, 65_535),
  ),
  mode: absent('The mode of the Unix socket. Left out, the umask decides.', mode),
  owner: absent("The owner of the Unix socket. Left out, the process's own.", owner),
  allowRemote: option(
    false,
    'Whether an address that other machines can reach is allowed. Whoever reaches a listener speaks to the upstream with all that this pod may do.',
    flag(),
  ),
});

const limits = section('Bounds on what clients may send and on memory.', {
  maxClients: option(10_000, 'Client connections over all listeners.', whole(1, 1_000_000)),
  head: option('32KiB', "Octets of a request's or a response's head.", size({ least: 1024 })),
  target: option('16KiB', 'Octets of request target; past it 414.', size({ least: 256 })),
  fields: option(100, "Fields in a request's or a response's head; past it 431.", whole(1, 10_000)),
  body: option('0B', 'Octets of request body; past it 413.', size({ zero: 'no limit' })),
  bufferTotal: option(
    '16MiB',
    'Octets of request bodies held for replay, over all exchanges.',
    size({ zero: 'none are held' }),
  ),
});

const clients = section('How patient Sidepool is with its clients.', {
  headTimeout: option(
    '10s',
    'From the first octet of a head, or from the accept, to its end; then 408.',
    duration(),
  ),
  idleTimeout: option(
    '75s',
    'How long a persistent connection may stay without a request.',
    duration(),
  ),
  maxRequests: option(
    1000,
    'Requests on one client connection.',
    whole(0, 1_000_000_000, 'no limit'),
  ),
  stallTimeout: option(
    '60s',
    'How long a client may neither take nor give an octet in the middle of an exchange.',
    duration(),
  ),
  lingerTime: option(
    '2s',
    'How long is read and thrown away after a refusal, so that the client can read it.',
    duration('not at all'),
  ),
  lingerBytes: option(
    '256KiB',
    'How much is read and thrown away after a refusal.',
    size({ zero: 'nothing' }),
  ),
  holdTime: option(
    '10ms',
    'How long a chunked response is held to learn its length, for an HTTP/1.0 client that asked for keep-alive.',
    duration('not at all'),
  ),
  holdBytes: option('16KiB', 'How much of such a response is held.', size({ zero: 'nothing' })),
});

const adminSection = v.object({
  address: option(
    '127.0.0.1:15100',
    'Where metrics, probes and the status page are served. In a pod: `[::]:15100`, so that kubelet and Prometheus reach it.',
    address(),
  ),
  readyWait: option(
    '5s',
    "How long `/readyz` waits for the warm floor's first connections; it never waits for an upstream that is down.",
    duration('not at all'),
  ),
});
/** Written by the controller's injection, as a rule. */
const endpointsSection = v.object({
  server: required(
    "The controller's address, such as `https://sidepool-controller.sidepool.svc:8444`.",
    text('URL', (raw) =>
      /^https:\/\/[^/?#@\s]+$/.test(raw) && URL.canParse(raw)
        ? good(raw)
        : bad('an https URL without a path is meant'),
    ),
  ),
  ca: required(
    'The authorities to trust for it, in PEM: the text itself, or a reference to its file (see Secrets).',
    text('PEM', (raw) =>
      raw.includes('-----BEGIN CERTIFICATE-----')
        ? good(raw)
        : bad(
            'PEM with a CERTIFICATE in it is meant, not its path: refer to a file as to a secret',
          ),
    ),
  ),
  tokenFile: required('The file of the token to show. Read again at each connection.', filePath()),
});

const off = leaf('off', () => good(null));

const accessSection = v.object({
  sample: option(
    '100%',
    'The share of requests that get a line. Those that fail get one whatever it is: a fault, or a status of 500 or more.',
    percent(),
  ),
  path: option(
    'without-query',
    'What is said of the target: the path alone, the query too (it may hold secrets), or nothing.',
    oneOf('without-query', 'with-query', 'off'),
  ),
});

export const fileSchema = v.object({
  listeners: required('Where clients connect. At least one.', v.array(listener)),
  upstreams: required(
    'Where requests go, each under a name of your choice.',
    v.record(entryName(upstreamNameMistake), upstreamSchema),
  ),
  endpoints: absent(
    'Where the endpoints of `kubernetes://` upstreams are told. Without it, or while it is away, DNS is asked.',
    endpointsSection,
  ),
  limits,
  clients,
  admin: option(
    {},
    'The admin server; `off` for none.',
    v.lazy((raw): typeof adminSection | typeof off => (isOff(raw) ? off : adminSection)),
  ),
  drain: section('How Sidepool ends (SIGTERM): it serves on until nothing is active.', {
    quiet: option(
      '1s',
      'How long nothing must have been active before it ends.',
      duration('ends at once when idle'),
    ),
    deadline: option(
      '25s',
      'When it ends whatever is still active. Keep it below the grace period of the pod.',
      duration('ends at once'),
    ),
  }),
  log: section('Logs, as JSON lines.', {
    level: option(
      'info',
      'The least severe that is written.',
      oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'),
    ),
    access: option(
      'off',
      'The access log: `off`, or options (`{}` for the defaults). It does not depend on the level. See [Operation](operation.md#access-log).',
      v.lazy((raw): typeof accessSection | typeof off => (isOff(raw) ? off : accessSection)),
    ),
  }),
});

export type FileOutput = v.InferOutput<typeof fileSchema>;
export type UpstreamOutput = v.InferOutput<typeof upstreamSchema>;
