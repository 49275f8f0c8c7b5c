/** The command line. */
import { parseArgs } from 'node:util';
import { messageOf } from '../base/fault.ts';
import { readAddress } from '../config/addresses.ts';
import type { Pair } from '../config/load.ts';
import { readDuration } from '../config/units.ts';
import type { DoctorCall } from './doctor/doctor.ts';
import type { InjectCall } from './inject.ts';
import type { ReadyCall } from './ready.ts';
import type { TopCall } from './top/top.ts';

export type Command =
  | { readonly name: 'help' }
  | { readonly name: 'version' }
  | { readonly name: 'gateway'; readonly source: GatewaySource }
  | { readonly name: 'check'; readonly file: string }
  | { readonly name: 'explain'; readonly file: string; readonly json: boolean }
  | { readonly name: 'doctor'; readonly call: DoctorCall }
  | { readonly name: 'top'; readonly call: TopCall }
  | { readonly name: 'inject'; readonly call: InjectCall }
  | { readonly name: 'ready'; readonly call: ReadyCall }
  | { readonly name: 'demo'; readonly once: boolean; readonly requests: number };

export type GatewaySource =
  | { readonly kind: 'file'; readonly file: string; readonly admin: string | undefined }
  | { readonly kind: 'pairs'; readonly pairs: readonly Pair[]; readonly admin: string | undefined };

export const help = `Sidepool: warm, pooled upstream connections for clients that open one for every request.

Usage:
  sidepool gateway --listen ADDR --upstream URL [--listen ADDR --upstream URL ...] [--admin ADDR]
  sidepool gateway --config FILE [--admin ADDR]
  sidepool check FILE
  sidepool explain FILE [--json]
  sidepool doctor --config FILE | --upstream URL [--upstream URL ...] [--idle TIME] [--json]
  sidepool top [--admin ADDR] [--every TIME] [--once] [--json]
  sidepool inject -f FILE [--injection FILE] [--image IMAGE] [--native on|off] [--json]
  sidepool ready [--admin ADDR] [--wait TIME]
  sidepool demo [--once] [--requests N]
  sidepool --help | --version

  gateway   Carries requests. ADDR is 127.0.0.1:15101, [::1]:15101 or unix:/run/sidepool/api.sock;
            URL is http:// or https:// with a host and, if need be, a port. FILE may be env:NAME: a variable
            that holds the configuration's text.
  check     Reads a configuration file and says what is wrong with it, without starting anything.
  explain   Says in sentences what a gateway would do with each listener of a configuration.
  doctor    Says what is wrong here: names, addresses, certificates, answers, idle limits, source ports, descriptors.
  top       Shows the pools of a gateway that runs, again and again.
  inject    Prints what the controller's webhook would make of a manifest (- for standard input).
  ready     Waits until the gateway of this pod is ready, for a hook of the pod.
  demo      Runs the same load directly and through a gateway, over TLS, and shows the difference.

Options:
  --admin ADDR   where metrics and the status page are (default 127.0.0.1:15100; off for none); stands above the file's
  --injection F  defaults of what is injected, as the controller has them
  --image IMAGE  the sidecar's image
  --native off   as in a cluster with kubelets older than 1.29 (default on)
  --json         JSON instead of text
  --idle TIME    how long doctor watches an idle connection (default 10s; 0s for not at all)
  --every TIME   between two looks of top (default 1s)
  --wait TIME    how long, at most (default 30s)
  --once         end after the table, or after one look
  --requests N   requests of the demo's load (default 2000)

Exit codes: 0 done, 1 a failed run, 2 a wrong call or configuration.
`;

/** Reads the words behind `sidepool`. Gives one sentence instead when they make no call. */
export function readArguments(words: readonly string[]): Command | string {
  const [name, ...rest] = words;
  if (rest.includes('--help') || rest.includes('-h')) return { name: 'help' };
  try {
    switch (name) {
      case undefined:
      case 'help':
      case '--help':
      case '-h':
        return { name: 'help' };
      case '--version':
      case '-v':
        return { name: 'version' };
      case 'gateway':
        return readGateway(rest);
      case 'check':
        return readCheck(rest);
      case 'explain':
        return readExplain(rest);
      case 'doctor':
        return readDoctor(rest);
      case 'top':
        return readTop(rest);
      case 'inject':
        return readInject(rest);
      case 'ready':
        return readReady(rest);
      case 'demo':
        return readDemo(rest);
      default:
        return `"${name}" is no command: there are gateway, check, explain, doctor, top, inject, ready and demo.`;
    }
  } catch (error) {
    return messageOf(error);
  }
}

function readGateway(words: readonly string[]): Command | string {
  const { values } = parseArgs({
    args: [...words],
    options: {
      listen: { type: 'string', multiple: true },
      upstream: { type: 'string', multiple: true },
      admin: { type: 'string' },
      config: { type: 'string' },
    },
  });
  const { listen = [], upstream = [], admin, config } = values;
  if (config !== undefined) {
    if (listen.length + upstream.length > 0)
      return 'Give --config, or --listen with --upstream, not both.';
    const mistake = admin === undefined || admin === 'off' ? undefined : adminMistake(admin);
    return mistake ?? { name: 'gateway', source: { kind: 'file', file: config, admin } };
  }
  if (listen.length === 0) return 'Give --listen ADDR with --upstream URL, or --config FILE.';
  if (listen.length !== upstream.length) {
    return `${listen.length} --listen and ${upstream.length} --upstream: they come in pairs.`;
  }
  const pairs = listen.map((address, index) => ({
    listen: address,
    upstream: upstream[index] ?? '',
  }));
  return { name: 'gateway', source: { kind: 'pairs', pairs, admin } };
}

/** Told here: in the file, where mistakes have their places, it does not stand. */
function adminMistake(admin: string): string | undefined {
  const reading = readAddress(admin);
  return reading.ok ? undefined : `--admin: found "${admin}"; ${reading.meant}.`;
}

function readCheck(words: readonly string[]): Command | string {
  const { positionals } = parseArgs({ args: [...words], allowPositionals: true, options: {} });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) return 'Give one file: sidepool check FILE.';
  return { name: 'check', file };
}

function readExplain(words: readonly string[]): Command | string {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { json: { type: 'boolean' } },
  });
  const [file] = positionals;
  if (file === undefined || positionals.length > 1) return 'Give one file: sidepool explain FILE.';
  return { name: 'explain', file, json: values.json === true };
}

function readDoctor(words: readonly string[]): Command | string {
  const { values } = parseArgs({
    args: [...words],
    options: {
      config: { type: 'string' },
      upstream: { type: 'string', multiple: true },
      idle: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const { config, upstream = [], json } = values;
  if ((config === undefined) === (upstream.length === 0))
    return 'Give --config FILE, or --upstream URL once or more.';
  const idle = readDuration(values.idle ?? '10s');
  if (!idle.ok) return `--idle: found "${values.idle}"; ${idle.meant}.`;
  // No listener is opened: any address that is right will do.
  const pairs = upstream.map((url, at) => ({ listen: `127.0.0.1:${15_101 + at}`, upstream: url }));
  const source: GatewaySource =
    config === undefined
      ? { kind: 'pairs', pairs, admin: 'off' }
      : { kind: 'file', file: config, admin: undefined };
  return { name: 'doctor', call: { source, idleMs: idle.value, json: json === true } };
}

function readTop(words: readonly string[]): Command | string {
  const { values } = parseArgs({
    args: [...words],
    options: {
      admin: { type: 'string' },
      every: { type: 'string' },
      once: { type: 'boolean' },
      json: { type: 'boolean' },
    },
  });
  const admin = readAddress(values.admin ?? '127.0.0.1:15100');
  if (!admin.ok) return `--admin: found "${values.admin}"; ${admin.meant}.`;
  const every = readDuration(values.every ?? '1s');
  if (!every.ok) return `--every: found "${values.every}"; ${every.meant}.`;
  if (every.value < 100) return '--every: at least 100ms is meant.';
  const call = { admin: admin.value, everyMs: every.value, json: values.json === true };
  return { name: 'top', call: { ...call, once: values.once === true } };
}

function readInject(words: readonly string[]): Command | string {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      file: { type: 'string', short: 'f' },
      injection: { type: 'string' },
      image: { type: 'string' },
      native: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const { injection, image, native = 'on', json } = values;
  const files = [...(values.file === undefined ? [] : [values.file]), ...positionals];
  const [file] = files;
  if (file === undefined || files.length > 1)
    return 'Give one file: sidepool inject -f FILE, or -f - for standard input.';
  if (native !== 'on' && native !== 'off') return '--native takes on or off.';
  const isNativePossible = native === 'on';
  const format = json === true ? 'json' : 'yaml';
  return { name: 'inject', call: { file, injection, image, isNativePossible, format } };
}

function readReady(words: readonly string[]): Command | string {
  const { values } = parseArgs({
    args: [...words],
    options: { admin: { type: 'string' }, wait: { type: 'string' } },
  });
  const admin = readAddress(values.admin ?? '127.0.0.1:15100');
  if (!admin.ok) return `--admin: found "${values.admin}"; ${admin.meant}.`;
  const wait = readDuration(values.wait ?? '30s');
  if (!wait.ok) return `--wait: found "${values.wait}"; ${wait.meant}.`;
  return { name: 'ready', call: { admin: admin.value, waitMs: wait.value } };
}

function readDemo(words: readonly string[]): Command | string {
  const { values } = parseArgs({
    args: [...words],
    options: { once: { type: 'boolean' }, requests: { type: 'string' } },
  });
  const requests = Number(values.requests ?? '2000');
  if (!Number.isInteger(requests) || requests < 100 || requests > 1_000_000) {
    return '--requests takes a whole number from 100 to 1000000.';
  }
  return { name: 'demo', once: values.once === true, requests };
}
