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
    seconds: 3,
    loads: () => [keepAliveLoad(3)],
  }),
  loadCase({
    name: 'keep-alive-tls',
    title: 'Keep-alive clients, TLS to the origin',
    about: `${keepAliveAbout} The proxies speak TLS to the origin; with no proxy, the clients do.`,
    base: 'haproxy',
    programs: ['wrk'],
    scene: { tls: true },
    seconds: 3,
    loads: () => [keepAliveLoad(3)],
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
  loadCase({
    name: 'sizes',
    title: 'Larger responses',
    about: 'Keep-alive clients (wrk) fetch files: 64 of them for 10 KB and 100 KB, 8 for 10 MB.',
    base: 'nginx',
    programs: ['wrk'],
    scene: { tls: false },
    seconds: 6,
    loads: () => [
      keepAliveLoad(2, { path: '/size/10k', title: '10 KB' }),
      keepAliveLoad(2, { path: '/size/100k', title: '100 KB' }),
      keepAliveLoad(2, { path: '/size/10m', clients: 8, title: '10 MB' }),
    ],
  }),
  loadCase({
    name: 'uploads',
    title: 'Uploads',
    about:
      'Keep-alive clients (wrk) POST a body, which the origin reads to its end before it answers: 64 of them 10 KB, 16 of them 1 MB.',
    base: 'nginx',
    programs: ['wrk'],
    scene: { tls: false },
    seconds: 4,
    loads: ({ dir }) =>
      [
        { size: '10 KB', bytes: 10 * 1024, clients: 64 },
        { size: '1 MB', bytes: 1024 * 1024, clients: 16 },
      ].map(({ size, bytes, clients }) => {
        const body = dir.file(`body-${bytes}`);
        const script = dir.file(`upload-${bytes}.lua`);
        writeFileSync(body, noise(bytes));
        writeFileSync(
          script,
          `wrk.method = "POST"\nwrk.body = io.open(${JSON.stringify(body)}, "rb"):read("*a")\n`,
        );
        return {
          ...keepAliveLoad(2, { path: '/upload', clients, script, title: size }),
          name: `post-${bytes}`,
        };
      }),
  }),
  loadCase({
    name: 'clients',
    title: 'Many clients',
    about:
      'The small response again, for more and more keep-alive clients (wrk) at once: what a request costs when there are 10,000 of them, beside what it costs the same proxy when there are 64.',
    base: 'nginx',
    programs: ['wrk'],
    without: ['direct', 'caddy', 'traefik'],
    scene: { tls: false },
    seconds: 6,
    loads: () => [
      keepAliveLoad(2),
      { ...keepAliveLoad(2, { clients: 1_000 }), relativeTo: 'wrk-64-small' },
      { ...keepAliveLoad(2, { clients: 10_000 }), relativeTo: 'wrk-64-small' },
    ],
  }),
];
