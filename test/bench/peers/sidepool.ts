/** Builds of the gateway, with default settings or some of their own. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { runToEnd, type StartOptions } from '../../support/process.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { saidVersion } from '../report.ts';
import {
  certificateName,
  type Peer,
  type Route,
  repository,
  running,
  type Target,
} from './peer.ts';
import { routesTo } from './routes.ts';

export const ownBuild = 'node dist/sidepool.cjs gateway';

export interface SidepoolOptions {
  readonly name: string;
  readonly title: string;
  readonly settings: string;
  /** Up to and with its subcommand, such as `node dist/sidepool.cjs gateway`. */
  readonly command: string;
  /** Options of every upstream, as in the configuration file. */
  readonly upstream?: Readonly<Record<string, unknown>>;
}

export function sidepoolPeer(options: SidepoolOptions): Peer {
  const { name, title, settings } = options;
  return {
    name,
    title,
    settings,
    prepare: () => prepare(options),
    start: async (target) => {
      const routes = await routesTo(target);
      const adminPort = await freePort();
      const spawned = gatewayStart(options, target, routes, adminPort);
      const url = `http://127.0.0.1:${adminPort}/readyz`;
      return await running(target, routes, { ...spawned, ready: { kind: 'http', url } });
    },
  };
}

export function gatewayStart(
  options: Pick<SidepoolOptions, 'command' | 'upstream'>,
  target: Target,
  routes: readonly Route[],
  adminPort: number,
): StartOptions {
  const configPath = target.dir.file(`gateway-${adminPort}.json`);
  writeFileSync(
    configPath,
    JSON.stringify(config(options.upstream ?? {}, target, routes, adminPort)),
  );
  const [program, ...args] = words(options.command);
  return { command: program, args: [...args, '--config', configPath], cwd: repository };
}

function config(
  more: Readonly<Record<string, unknown>>,
  { authority, connections, clients }: Pick<Target, 'authority' | 'connections' | 'clients'>,
  routes: readonly Route[],
  adminPort: number,
): object {
  const tls = authority && { tls: { ca: authority.certPath, serverName: certificateName } };
  const pool = {
    ...(connections && { maxConnections: connections }),
    ...(clients && { maxWaiting: 2 * clients }),
  };
  const limits = clients && { limits: { maxClients: clients + 1_000 } };
  return {
    ...limits,
    listeners: routes.map(({ port }, nth) => ({
      address: `127.0.0.1:${port}`,
      upstream: `origin${nth}`,
    })),
    upstreams: Object.fromEntries(
      routes.map(({ originPort }, nth) => [
        `origin${nth}`,
        {
          url: `${authority ? 'https' : 'http'}://127.0.0.1:${originPort}`,
          ...tls,
          pool,
          ...more,
        },
      ]),
    ),
    admin: { address: `127.0.0.1:${adminPort}` },
  };
}

/** Asks the build's own `check` whether it knows these options: an older or a newer build may not. */
async function prepare({ command, upstream = {} }: SidepoolOptions): Promise<string> {
  const file = command.split(' ').find((word) => /\.[cm]?[jt]s$/.test(word));
  if (file !== undefined && !existsSync(join(repository, file)) && !existsSync(file))
    throw new Error('its build is not there: npm run build');
  const [program, ...args] = words(command);
  const dir = makeTempDir('bench-check');
  try {
    const path = dir.file('config.json');
    const routes = [{ port: 15_101, originPort: 15_102 }];
    writeFileSync(path, JSON.stringify(config(upstream, { authority: undefined }, routes, 15_100)));
    const checked = await runToEnd({
      command: program,
      args: [...args.slice(0, -1), 'check', path],
      cwd: repository,
    });
    if (checked.code !== 0)
      throw new Error(`this build refuses ${JSON.stringify(upstream)} in its configuration`);
  } finally {
    dir.remove();
  }
  const said = saidVersion(program, ...args.slice(0, -1), '--version');
  return `${/^sidepool/i.test(said) ? said : `Sidepool ${said}`} on Node ${process.version}`;
}

function words(command: string): [string, ...string[]] {
  const [program = '', ...args] = command.split(' ');
  return [program === 'node' ? process.execPath : program, ...args];
}
