/** The peers' configurations, from a list of pools. Choices that bear on the figures have their reason beside them. */
import type { PeerPlan } from './peers.ts';

const resolverPort = 53;

/** Kept connections as ngx_http_upstream_module's `keepalive` tells: HTTP/1.1, and no Connection sent on. */
export function nginxConfig({ pools, scheme, caPath, prefix }: PeerPlan): string {
  const port = scheme === 'https' ? 443 : 80;
  const servers = pools.map(
    (pool, nth) => `
  upstream pool-${nth} {
    server ${pool.host}:${port};
    keepalive 32;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${pool.port};
    location / {
      proxy_pass ${scheme}://pool-${nth};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host ${pool.host};
      proxy_ssl_name ${pool.host};
      proxy_ssl_server_name on;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${caPath};
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
    }
  }`,
  );
  return `
daemon off;
master_process off;
error_log stderr warn;
pid ${prefix}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path ${prefix}/temp/body;
  proxy_temp_path ${prefix}/temp/proxy;
  fastcgi_temp_path ${prefix}/temp/fastcgi;
  uwsgi_temp_path ${prefix}/temp/uwsgi;
  scgi_temp_path ${prefix}/temp/scgi;
  ${servers.join('')}
}
`;
}

/** `http-reuse always`: without it the first request of a client never goes over a kept connection, and one is all it sends. */
export function haproxyConfig({ pools, scheme, caPath }: PeerPlan): string {
  const port = scheme === 'https' ? 443 : 80;
  const parts = pools.map((pool, nth) => {
    const secure = `ssl verify required ca-file ${caPath} verifyhost ${pool.host} sni str(${pool.host})`;
    return `
frontend front-${nth}
  bind 127.0.0.1:${pool.port}
  default_backend back-${nth}
backend back-${nth}
  http-request set-header Host ${pool.host}
  server origin ${pool.host}:${port} resolvers local resolve-prefer ipv4 init-addr libc ${scheme === 'https' ? secure : ''}`;
  });
  return `
global
  nbthread 1
  maxconn 4096
resolvers local
  nameserver local 127.0.0.1:${resolverPort}
  hold valid 1s
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  http-reuse always
  retries 3
  retry-on conn-failure empty-response
${parts.join('')}
`;
}

/** JSON is YAML too. HTTP/1.0 must be allowed; names are looked up at the pace of their TTL. */
export function envoyConfig({ pools, scheme, caPath, adminPort }: PeerPlan): string {
  const address = (host: string, port: number) => ({
    socket_address: { address: host, port_value: port },
  });
  const type = 'type.googleapis.com/envoy.extensions';
  const listeners = pools.map((pool, nth) => {
    const route = {
      cluster: `pool-${nth}`,
      host_rewrite_literal: pool.host,
      retry_policy: { retry_on: 'connect-failure,reset', num_retries: 2 },
    };
    const routes = [{ match: { prefix: '/' }, route }];
    const manager = {
      '@type': `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
      stat_prefix: 'front',
      codec_type: 'HTTP1',
      http_protocol_options: { accept_http_10: true },
      route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: { '@type': `${type}.filters.http.router.v3.Router` },
        },
      ],
    };
    const filters = [
      { name: 'envoy.filters.network.http_connection_manager', typed_config: manager },
    ];
    return {
      name: `front-${nth}`,
      address: address('127.0.0.1', pool.port),
      filter_chains: [{ filters }],
    };
  });
  const clusters = pools.map((pool, nth) => ({
    name: `pool-${nth}`,
    type: 'STRICT_DNS',
    respect_dns_ttl: true,
    dns_lookup_family: 'V4_ONLY',
    connect_timeout: '5s',
    load_assignment: {
      cluster_name: `pool-${nth}`,
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: address(pool.host, scheme === 'https' ? 443 : 80) } },
          ],
        },
      ],
    },
    ...(scheme === 'https' && {
      transport_socket: {
        name: 'envoy.transport_sockets.tls',
        typed_config: {
          '@type': `${type}.transport_sockets.tls.v3.UpstreamTlsContext`,
          sni: pool.host,
          common_tls_context: {
            // Its own limit for clients is 1.2, which costs a round trip more.
            tls_params: { tls_maximum_protocol_version: 'TLSv1_3' },
            validation_context: {
              trusted_ca: { filename: caPath },
              match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: pool.host } }],
            },
          },
        },
      },
    }),
  }));
  return JSON.stringify({
    admin: { address: address('127.0.0.1', adminPort) },
    static_resources: { listeners, clusters },
  });
}

/** Nothing but what must be said: its defaults are what is measured. */
export function sidepoolConfig({ pools, scheme, caPath, adminPort }: PeerPlan): string {
  const listeners = pools.map(({ port }, nth) => ({
    address: `127.0.0.1:${port}`,
    upstream: `pool-${nth}`,
  }));
  const upstreams = pools.map(({ host }, nth) => [
    `pool-${nth}`,
    { url: `${scheme}://${host}`, ...(scheme === 'https' && { tls: { ca: caPath } }) },
  ]);
  return JSON.stringify({
    listeners,
    upstreams: Object.fromEntries(upstreams),
    admin: { address: `127.0.0.1:${adminPort}` },
  });
}
