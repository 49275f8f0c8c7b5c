/** The cases that are loads of wrk and ab. */
import { writeFileSync } from 'node:fs';
import { noise } from '../../support/bodies.ts';
import { keepAliveLoad, oneRequestLoad } from '../load.ts';
import type { Case } from './case.ts';
import { loadCase } from './load-case.ts';

const keepAliveAbout =
  '64 clients (wrk) keep their connections and ask for 32 octets, one request after the other.';
const oneRequestAbout =
  'Clients of one HTTP/1.0 request each (ab), 32 at a time, ask for 32 octets: a connection to the proxy for each request.';

export const loadCases: readonly Case[] = [
  loadCase({
    name: 'keep-alive',
    title: 'Keep-alive clients',
    about: keepAliveAbout,
    base: 'nginx',
    programs: ['wrk'],
    scene: { tls: false },
    seconds: 2,
    loads: () => [keepAliveLoad(2)],
  }),
  loadCase({
    name: 'keep-alive-tls',
    title: 'Keep-alive clients, TLS to the origin',
    about: `${keepAliveAbout} The proxies speak TLS to the origin; with no proxy, the clients do.`,
    base: 'haproxy',
    programs: ['wrk'],
    scene: { tls: true },
    seconds: 2,
    loads: () => [keepAliveLoad(2)],
  }),
  loadCase({
    name: 'one-request',
    title: 'Clients of one request',
    about: oneRequestAbout,
    base: 'nginx',
    programs: ['ab'],
    scene: { tls: false },
    seconds: 3,
    loads: () => [oneRequestLoad(3)],
  }),
  loadCase({
    name: 'one-request-tls',
    title: 'Clients of one request, TLS to the origin',
    about: `${oneRequestAbout} The proxies speak TLS to the origin; with no proxy, each client makes a handshake of its own.`,
    base: 'haproxy',
    programs: ['ab'],
    scene: { tls: true },
    seconds: 3,
    loads: () => [oneRequestLoad(3)],
  }),
  responses('10k', '10 KB', 64),
  responses('100k', '100 KB', 64),
  responses('10m', '10 MB', 8),
  uploads('10k', '10 KB', { bytes: 10 * 1024, clients: 64 }),
  uploads('1m', '1 MB', { bytes: 1024 * 1024, clients: 16 }),
  loadCase({
    name: 'clients',
    title: 'Many clients',
    about:
      'The small response again, for more and more keep-alive clients (wrk) at once: what a request costs when there are 10,000 of them, beside what it costs the same proxy when there are 64. Limits that are lower by default are raised: Sidepool has `maxWaiting` of twice the clients (1,024 by default; the others get 503), nginx keeps as many connections as there are clients, since it cannot queue; HAProxy and Envoy open 1,024 at most and queue.',
    base: 'nginx',
    programs: ['wrk'],
    without: ['direct', 'caddy', 'traefik', 'undici'],
    scene: { tls: false, clients: 10_000 },
    seconds: 6,
    loads: () => [
      keepAliveLoad(2),
      { ...keepAliveLoad(2, { clients: 1_000 }), relativeTo: 'wrk-64-small' },
      { ...keepAliveLoad(2, { clients: 10_000 }), relativeTo: 'wrk-64-small' },
    ],
  }),
];

function responses(name: string, size: string, clients: number): Case {
  return loadCase({
    name: `response-${name}`,
    title: `Responses of ${size}`,
    about: `${clients} keep-alive clients (wrk) fetch a file of ${size}.`,
    base: 'nginx',
    programs: ['wrk'],
    without: ['caddy'],
    scene: { tls: false },
    seconds: 2,
    loads: () => [keepAliveLoad(2, { path: `/size/${name}`, clients })],
  });
}

function uploads(name: string, size: string, body: { bytes: number; clients: number }): Case {
  const { bytes, clients } = body;
  return loadCase({
    name: `upload-${name}`,
    title: `Uploads of ${size}`,
    about: `${clients} keep-alive clients (wrk) POST ${size}, which the origin reads to its end before it answers.`,
    base: 'nginx',
    programs: ['wrk'],
    without: ['caddy'],
    scene: { tls: false },
    seconds: 2,
    loads: ({ dir }) => {
      const bodyPath = dir.file('body');
      const script = dir.file('upload.lua');
      writeFileSync(bodyPath, noise(bytes));
      writeFileSync(
        script,
        `wrk.method = "POST"\nwrk.body = io.open(${JSON.stringify(bodyPath)}, "rb"):read("*a")\n`,
      );
      return [keepAliveLoad(2, { path: '/upload', clients, script })];
    },
  });
}
