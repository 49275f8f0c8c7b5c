/** What clients can do. */
import type { OverloadCase } from './case.ts';

/** The gateway under the calm load and all that it ever compiles, at a little over twice what it has at rest. */
export const baseMiB = 64;
/** Of a client connection: Node's socket, ours, its head and its deadline. Measured once: 4 to 5. */
const clientKiB = 6;

function forClients(count: number, eachKiB = 0): number {
  return baseMiB + Math.ceil((count * (clientKiB + eachKiB)) / 1024);
}

const perClient = `${baseMiB} MiB for the gateway itself, ${clientKiB} KiB for each client connection`;
/** 64 KiB unwritten in each direction, a read of 64 KiB on top, and the read buffer: for each connection of three pools. */
const exchangesMiB = 3 * 32 * 0.25;
const perExchange = `${exchangesMiB} MiB for 3 upstreams x 32 connections with 256 KiB on their way at most`;

export const clientCases: readonly OverloadCase[] = [
  {
    name: 'idle-clients',
    title: '9,500 clients that say nothing',
    about: 'They connect, 2,000 a second, and send nothing.',
    abusers: [{ abuse: 'idle', way: 'among', count: 9_500, openPerSecond: 2_000 }],
    seconds: 14,
    nginx: true,
    bound: { MiB: forClients(9_500), why: `${perClient}.` },
  },
  {
    name: 'too-many-clients',
    title: '12,000 clients that say nothing',
    about: 'More than `limits.maxClients` (10,000).',
    abusers: [{ abuse: 'idle', way: 'among', count: 12_000, openPerSecond: 2_000 }],
    seconds: 14,
    bound: { MiB: forClients(10_000), why: `${perClient}; no more than 10,000 of those.` },
  },
  {
    name: 'active-clients',
    title: '9,500 clients that ask every twenty seconds',
    about: 'They keep their connections: about 475 requests a second in all, beside the calm ones.',
    abusers: [{ abuse: 'active', way: 'among', count: 9_500, openPerSecond: 700 }],
    seconds: 24,
    nginx: true,
    bound: { MiB: forClients(9_500) + exchangesMiB, why: `${perClient}; ${perExchange}.` },
  },
  {
    name: 'slow-heads',
    title: '2,000 slow heads',
    about: 'An octet of a head each second, for ever.',
    abusers: [{ abuse: 'slow-head', way: 'among', count: 2_000, openPerSecond: 1_000 }],
    seconds: 14,
    nginx: true,
    bound: { MiB: forClients(2_000, 1), why: `${perClient}, and 1 KiB of head.` },
  },
  {
    name: 'stuck-heads',
    title: '2,000 heads of 31 KiB that do not end',
    about: 'All but the end of the largest head that is allowed, at once; then silence.',
    abusers: [{ abuse: 'stuck-head', way: 'among', count: 2_000, openPerSecond: 500 }],
    seconds: 16,
    bound: {
      MiB: forClients(2_000, 64),
      why: `${perClient}, and 64 KiB of head: twice \`limits.head\`, because its room doubles as it comes.`,
    },
  },
  {
    name: 'slow-bodies',
    title: '2,000 slow bodies of 1,000 octets',
    about: 'An octet a second: what the whole body would need is known, and small.',
    abusers: [{ abuse: 'slow-body', way: 'among', count: 2_000, openPerSecond: 1_000 }],
    seconds: 14,
    nginx: true,
    bound: { MiB: forClients(2_000, 2), why: `${perClient}, and 2 KiB for what is held.` },
  },
  {
    name: 'slow-large-bodies',
    title: '500 slow bodies of 1 MB',
    about: 'An octet a second of a body that is too large to be held.',
    abusers: [{ abuse: 'slow-large-body', way: 'among', count: 500, openPerSecond: 500 }],
    seconds: 12,
    nginx: true,
    bound: { MiB: forClients(500, 2) + exchangesMiB, why: `${perClient}; ${perExchange}.` },
    mayFail: {
      among:
        'A body that is too large to be held streams through a connection of the pool, and 32 of them take all 32. Their own upstream has none left; `timeouts.request` bounds that, and is off by default.',
    },
  },
  {
    name: 'slow-readers',
    title: '500 slow readers of 10 MB',
    about: 'They read 64 KiB a second.',
    abusers: [{ abuse: 'slow-reader', way: 'among', count: 500, openPerSecond: 500 }],
    seconds: 12,
    nginx: true,
    bound: { MiB: forClients(500) + exchangesMiB, why: `${perClient}; ${perExchange}.` },
    mayFail: {
      among:
        'A response streams: its reader holds a connection of the pool for as long as it takes, and 32 take all 32 (nginx has no such limit and stores responses in files). Their own upstream has none left.',
    },
  },
  {
    name: 'large-heads',
    title: '50 clients with heads of 31 KiB',
    about: 'Allowed, and sent one after the other as fast as they are answered.',
    abusers: [{ abuse: 'large-heads', way: 'among', count: 50, openPerSecond: 100 }],
    seconds: 8,
    nginx: true,
    bound: { MiB: forClients(50, 256) + exchangesMiB, why: `${perClient}; ${perExchange}.` },
  },
  {
    name: 'endless-heads',
    title: '100 heads that never end',
    about: 'As fast as they are taken; whoever is refused comes again.',
    abusers: [{ abuse: 'endless-heads', way: 'among', count: 100, openPerSecond: 200 }],
    seconds: 8,
    bound: { MiB: forClients(100, 192), why: `${perClient}; a read and the room of a head.` },
  },
  {
    name: 'chunk-extensions',
    title: '100 chunk extensions that never end',
    about: 'As fast as they are taken; whoever is refused comes again.',
    abusers: [{ abuse: 'chunk-extensions', way: 'among', count: 100, openPerSecond: 200 }],
    seconds: 8,
    bound: { MiB: forClients(100, 192) + exchangesMiB, why: `${perClient}; ${perExchange}.` },
  },
  {
    name: 'tiny-chunks',
    title: '20 bodies in chunks of one octet, without end',
    about: 'As fast as they are taken, to an origin that reads them all.',
    abusers: [{ abuse: 'tiny-chunks', way: 'bad', count: 20, openPerSecond: 100 }],
    seconds: 8,
    nginx: true,
    bound: { MiB: forClients(20) + exchangesMiB, why: `${perClient}; ${perExchange}.` },
  },
  {
    name: 'trailers',
    title: '100 trailer sections that never end',
    about: 'As fast as they are taken; whoever is refused comes again.',
    abusers: [{ abuse: 'trailers', way: 'among', count: 100, openPerSecond: 200 }],
    seconds: 8,
    bound: { MiB: forClients(100, 192) + exchangesMiB, why: `${perClient}; ${perExchange}.` },
  },
  {
    name: 'pipelined-unread',
    title: '200 clients that pipeline without end and read nothing',
    about: 'Requests for 10 KiB, as fast as they are taken.',
    abusers: [{ abuse: 'pipelined-unread', way: 'among', count: 200, openPerSecond: 400 }],
    seconds: 10,
    bound: {
      MiB: forClients(200, 64 + 128 + 16) + exchangesMiB,
      why: `${perClient}, 64 KiB unread by it, 10 KiB over that, and a read of 64 KiB waiting behind in a buffer of twice that; ${perExchange}.`,
    },
  },
  {
    name: 'garbage',
    title: '50 clients that send no HTTP',
    about: 'As fast as they are refused, on new connections.',
    abusers: [{ abuse: 'garbage', way: 'among', count: 50, openPerSecond: 100 }],
    seconds: 8,
    bound: { MiB: forClients(2_000), why: `${perClient}; those that are closing count as well.` },
  },
  {
    name: 'flood',
    title: 'A flood of connections',
    about: '200 that connect and close at once, again and again, as fast as one process can.',
    abusers: [{ abuse: 'flood', way: 'among', count: 200, openPerSecond: 1_000 }],
    seconds: 8,
    nginx: true,
    bound: {
      MiB: forClients(4 * 511 + 200),
      why: `${perClient}; four queues of 511 in the kernel may be accepted at once.`,
    },
  },
  {
    name: 'tunnels',
    title: '500 tunnels left open',
    about: 'WebSocket connections that say nothing, to an upstream that also gets calm requests.',
    abusers: [{ abuse: 'websocket', way: 'bad', count: 500, openPerSecond: 200 }],
    harm: 'websocket',
    calm: ['bad', 'beside'],
    seconds: 12,
    nginx: true,
    bound: {
      MiB: forClients(500, 40),
      why: `${perClient}, and 40 for the connection to the origin with its read buffer of 16.`,
    },
  },
];
