/**
 * The proxies that are compared, one worker each, each with kept connections to its upstreams as its documentation
 * recommends. They run at this end of the link, and take any number of pools: a listener and an upstream of its own each.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Readiness,
  type RunningProcess,
  type StartOptions,
  startProcess,
} from '../../support/process.ts';
import { findProgram } from '../../support/program.ts';
import type { TempDir } from '../../support/temp-dir.ts';
import { envoyProgram } from './envoy.ts';
import { envoyConfig, haproxyConfig, nginxConfig, sidepoolConfig } from './peer-config.ts';

const repository = join(import.meta.dirname, '..', '..', '..');
const bundle = join(repository, 'dist', 'sidepool.cjs');

export const schemes = ['https', 'http'] as const;
export type Scheme = (typeof schemes)[number];
export const peerNames = ['nginx', 'HAProxy', 'Envoy', 'Sidepool'] as const;
export type PeerName = (typeof peerNames)[number];

export interface Pool {
  readonly port: number;
  readonly host: string;
}

export interface PeerPlan {
  readonly pools: readonly Pool[];
  readonly scheme: Scheme;
  readonly caPath: string;
  readonly adminPort: number;
  /** Its own, empty. */
  readonly prefix: string;
}

export interface RunningPeer {
  readonly name: PeerName;
  readonly pools: readonly Pool[];
  readonly process: RunningProcess;
}

/** Why a peer cannot be measured here, or undefined. */
export function missing(name: PeerName): string | undefined {
  switch (name) {
    case 'nginx':
    case 'HAProxy':
      return findProgram(name.toLowerCase()) ? undefined : 'it is not installed';
    case 'Envoy':
      return envoyProgram() ? undefined : 'it could not be installed';
    case 'Sidepool':
      return existsSync(bundle) ? undefined : 'dist is not there: npm run build';
  }
}

let started = 0;

/** Gives it back once it is ready: by its own word where it has one, else when its first port is open. */
export async function startPeer(
  name: PeerName,
  { poolCount, scheme, caPath, dir }: PeerRequest,
): Promise<RunningPeer> {
  // This namespace has no ports but ours, so they need not be looked for.
  const firstPort = 10_000 + (started++ % 200) * 100;
  const pools = Array.from({ length: poolCount }, (_, nth) => ({
    port: firstPort + 1 + nth,
    host: `pool-${nth + 1}.origin.test`,
  }));
  const prefix = dir.file(`${name.toLowerCase()}-${firstPort}`);
  mkdirSync(prefix);
  const plan = { pools, scheme, caPath, adminPort: firstPort, prefix };
  return { name, pools, process: await startProcess(startOptions(name, plan)) };
}

export interface PeerRequest {
  readonly poolCount: number;
  readonly scheme: Scheme;
  readonly caPath: string;
  readonly dir: TempDir;
}

function startOptions(name: PeerName, plan: PeerPlan): StartOptions {
  const write = (file: string, text: string): string => {
    const path = join(plan.prefix, file);
    writeFileSync(path, text);
    return path;
  };
  const admin = (path: string): Readiness => ({
    kind: 'http',
    url: `http://127.0.0.1:${plan.adminPort}${path}`,
  });
  const portOpen: Readiness = { kind: 'port', port: plan.pools[0]?.port ?? 0 };
  switch (name) {
    case 'nginx': {
      mkdirSync(join(plan.prefix, 'temp'));
      const config = write('nginx.conf', nginxConfig(plan));
      const args = ['-p', plan.prefix, '-c', config, '-e', 'stderr'];
      return { command: findProgram('nginx') ?? 'nginx', args, ready: portOpen };
    }
    case 'HAProxy': {
      const args = ['-db', '-f', write('haproxy.cfg', haproxyConfig(plan))];
      return { command: findProgram('haproxy') ?? 'haproxy', args, ready: portOpen };
    }
    case 'Envoy': {
      const config = write('envoy.json', envoyConfig(plan));
      const args = ['-c', config, '--concurrency', '1', '--disable-hot-restart', '-l', 'warning'];
      return {
        command: envoyProgram() ?? 'envoy',
        args,
        ready: admin('/ready'),
        readyTimeoutMs: 20_000,
      };
    }
    case 'Sidepool': {
      const args = [bundle, 'gateway', '--config', write('sidepool.yaml', sidepoolConfig(plan))];
      return { command: process.execPath, args, ready: admin('/readyz') };
    }
  }
}
