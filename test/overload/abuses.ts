/** What abusers do on each of their connections. */
import type { Link } from './abuser.ts';

export interface Abuse {
  readonly onOpen?: (link: Link) => void;
  /** Once a second, the connections spread over it. */
  readonly onTick?: (link: Link) => void;
  /** More was asked for, or taken: for whoever goes as fast as it is let. */
  readonly onDrain?: (link: Link) => void;
  /** A whole response has come. Without it the connection is left as it is. */
  readonly onAnswer?: (link: Link) => void;
  /** False: it never reads but what `onTick` does. */
  readonly reads?: false;
  /** Whoever is closed comes again. */
  readonly reopens?: true;
}

const host = 'Host: origin\r\n';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\n${host}\r\n`;
const chunkedPost = `POST /discard HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`;

const tinyChunks = '1\r\nx\r\n'.repeat(10_000);
const extension = `;a=${'b'.repeat(60)}`.repeat(1_000);
const trailers = 'X-More: and more\r\n'.repeat(3_000);
const upload = Buffer.alloc(256 * 1024, 120);
/** 31 KiB in 98 fields: as large as is allowed. */
const largeFields = Array.from(
  { length: 98 },
  (_, nth) => `X-Field-${nth}: ${'v'.repeat(300)}\r\n`,
).join('');

const again = (link: Link): void => link.reopen();
/** Gives all that the connection takes. */
const pour =
  (data: string | Buffer) =>
  (link: Link): void => {
    while (link.write(data));
  };

export const abuses = {
  idle: {},
  /** Says something every twenty seconds, and is served. */
  active: {
    onOpen: (link) => link.write(get('/ok')),
    onTick: (link) => {
      link.memory += 1;
      if (link.memory % 20 === 0) link.write(get('/ok'));
    },
  },
  'slow-head': {
    onOpen: (link) => link.write(`GET /ok HTTP/1.1\r\n${host}X-Slow: `),
    onTick: (link) => link.write('s'),
  },
  /** Nearly as much as is allowed, and then silence. */
  'stuck-head': {
    onOpen: (link) => link.write(`GET /ok HTTP/1.1\r\n${host}${largeFields.slice(0, 31_000)}`),
  },
  'slow-body': {
    onOpen: (link) =>
      link.write(`PUT /stored/slow HTTP/1.1\r\n${host}Content-Length: 1000\r\n\r\n`),
    onTick: (link) => link.write('b'),
  },
  'slow-large-body': {
    onOpen: (link) =>
      link.write(`PUT /stored/slow HTTP/1.1\r\n${host}Content-Length: 1000000\r\n\r\n`),
    onTick: (link) => link.write('b'),
  },
  /** So little at a time that it is never done, and never idle. */
  'slow-reader': {
    onOpen: (link) => link.write(get('/size/10m')),
    onTick: (link) => link.readSome(),
    reads: false,
  },
  'large-heads': {
    onOpen: (link) => link.write(`GET /ok HTTP/1.1\r\n${host}${largeFields}\r\n`),
    onAnswer: (link) => link.write(`GET /ok HTTP/1.1\r\n${host}${largeFields}\r\n`),
    reopens: true,
  },
  'endless-heads': {
    onOpen: (link) => link.write(`GET /ok HTTP/1.1\r\n${host}`),
    onDrain: pour(largeFields),
    onAnswer: again,
    reopens: true,
  },
  'chunk-extensions': {
    onOpen: (link) => link.write(`${chunkedPost}1`),
    onDrain: pour(extension),
    onAnswer: again,
    reopens: true,
  },
  'tiny-chunks': {
    onOpen: (link) => link.write(chunkedPost),
    onDrain: pour(tinyChunks),
    reopens: true,
  },
  trailers: {
    onOpen: (link) => link.write(`${chunkedPost}0\r\n`),
    onDrain: pour(trailers),
    onAnswer: again,
    reopens: true,
  },
  garbage: {
    onOpen: (link) => link.write('BREW /coffee HTTP/1.1\r\nHost : none\r\n\r\n'),
    onAnswer: again,
    reopens: true,
  },
  /** Pipelined requests without end, and no reading. */
  'pipelined-unread': {
    onOpen: (link) => link.write(get('/size/10k')),
    onDrain: pour(get('/size/10k').repeat(1_000)),
    reads: false,
  },
  flood: { onOpen: again, reopens: true },
  websocket: {
    onOpen: (link) =>
      link.write(
        `GET /ws HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
      ),
  },
  /** One request after the other, each on a connection of its own, with a little pause. */
  ask: {
    onOpen: (link) => link.write(`GET /ok HTTP/1.0\r\n${host}\r\n`),
    onAnswer: (link) => link.reopen(20),
    reopens: true,
  },
  /** One request, and as patient as can be. */
  'ask-once': { onOpen: (link) => link.write(get('/ok')) },
  upload: {
    onOpen: (link) =>
      link.write(`POST /discard HTTP/1.1\r\n${host}Content-Length: 1000000000\r\n\r\n`),
    onDrain: pour(upload),
  },
} as const satisfies Readonly<Record<string, Abuse>>;

export type AbuseName = keyof typeof abuses;
