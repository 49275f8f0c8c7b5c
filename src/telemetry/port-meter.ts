/**
 * Source ports towards the upstreams' endpoints: how many there can be, and how many are taken.
 *
 * The kernel finds a port for each new connection in one range, once for each address and port that it goes to. A port is
 * taken while its connection is open and for a minute after, in TIME_WAIT, whoever in this network namespace had it: so the
 * kernel's own list is what counts, and not what the pools know.
 *
 * That list has a line for each socket of the pod, those of its clients included, and costs some 3 us a line: 40 ms with
 * 15,000 of them. So it is read in pieces, off the main thread, to a limit; and again only after a thousand times as long
 * as the last reading took, or a minute, which is how long TIME_WAIT lasts.
 */
import { open, readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import type { Clock } from '../base/clock.ts';

export interface PortUse {
  open: number;
  timeWait: number;
}

export interface PortFigures {
  /** Ports that the kernel gives to connections to one endpoint; NaN where it does not tell. */
  readonly perEndpoint: number;
  /** By endpoint, such as `192.0.2.1:443`, as of the last reading; null where the kernel does not tell. */
  readonly byEndpoint: ReadonlyMap<string, PortUse> | null;
}

export interface PortMeterOptions {
  readonly clock: Clock;
  /** Instead of `/proc`. */
  readonly proc?: string;
}

const REST_FACTOR = 1000;
const MOST_REST_MS = 60_000;
/** 16 MiB are some 110,000 sockets: more than one address can have. */
const MOST_BYTES = 16 * 1024 * 1024;
const PIECE_BYTES = 64 * 1024;
const TIME_WAIT = '06';

export class PortMeter {
  readonly #clock: Clock;
  readonly #proc: string;
  #byEndpoint: ReadonlyMap<string, PortUse> | null = null;
  #restsUntilMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor({ clock, proc = '/proc' }: PortMeterOptions) {
    this.#clock = clock;
    this.#proc = proc;
  }

  async read(endpoints: readonly string[]): Promise<PortFigures> {
    // Two scrapers at once share a reading.
    if (this.#clock.now() >= this.#restsUntilMs) this.#reading ??= this.#readSockets(endpoints);
    const [perEndpoint] = await Promise.all([this.#budget(), this.#reading]);
    return { perEndpoint, byEndpoint: this.#byEndpoint };
  }

  /** Ports in the kernel's range that are not reserved. */
  async #budget(): Promise<number> {
    const settings = `${this.#proc}/sys/net/ipv4`;
    const [range, reserved] = await Promise.all([
      textOf(`${settings}/ip_local_port_range`),
      textOf(`${settings}/ip_local_reserved_ports`),
    ]);
    const [low, high] = range.trim().split(/\s+/).map(Number);
    if (low === undefined || high === undefined) return Number.NaN;
    let count = high - low + 1;
    for (const part of reserved.trim().split(',')) {
      if (part === '') continue;
      const [first = Number.NaN, last = first] = part.split('-').map(Number);
      count -= Math.max(0, Math.min(last, high) - Math.max(first, low) + 1);
    }
    return count;
  }

  async #readSockets(endpoints: readonly string[]): Promise<void> {
    const beganMs = this.#clock.now();
    const found = new Map<string, PortUse>();
    const byRemote = new Map<string, PortUse>();
    for (const endpoint of endpoints) {
      const use = { open: 0, timeWait: 0 };
      found.set(endpoint, use);
      for (const remote of kernelNames(endpoint)) byRemote.set(remote, use);
    }
    try {
      await countIn(`${this.#proc}/self/net/tcp`, byRemote);
      this.#byEndpoint = found;
      await countIn(`${this.#proc}/self/net/tcp6`, byRemote);
    } catch {
      // Not Linux, /proc is hidden, or there is no IPv6: what could be read stands.
    }
    this.#reading = null;
    const endedMs = this.#clock.now();
    this.#restsUntilMs = endedMs + Math.min(MOST_REST_MS, (endedMs - beganMs) * REST_FACTOR);
  }
}

/** Counts the sockets whose other end is one of these. */
async function countIn(path: string, byRemote: ReadonlyMap<string, PortUse>): Promise<void> {
  const file = await open(path);
  try {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    let rest = '';
    let read = 0;
    while (read < MOST_BYTES) {
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, -1);
      if (bytesRead === 0) return;
      read += bytesRead;
      const text = rest + piece.toString('latin1', 0, bytesRead);
      rest = text.slice(countLines(text, byRemote));
    }
  } finally {
    await file.close();
  }
}

/** Counts the whole lines; gives where the last one ended. */
function countLines(text: string, byRemote: ReadonlyMap<string, PortUse>): number {
  let start = 0;
  for (;;) {
    const end = text.indexOf('\n', start);
    if (end === -1) return start;
    // `  12: 0100007F:A1B2 0100007F:1F90 01 ...`: number, this end, the other end, state.
    const number = text.indexOf(':', start);
    const remote = text.indexOf(' ', number + 2) + 1;
    const remoteEnd = text.indexOf(' ', remote);
    // The title has no number.
    const use = number < end ? byRemote.get(text.slice(remote, remoteEnd)) : undefined;
    if (use !== undefined) {
      if (text.startsWith(TIME_WAIT, remoteEnd + 1)) use.timeWait += 1;
      else use.open += 1;
    }
    start = end + 1;
  }
}

/** How the kernel writes an address and port; an IPv4 address also as a socket of both families has it. */
function kernelNames(endpoint: string): readonly string[] {
  const colon = endpoint.lastIndexOf(':');
  const host = endpoint.slice(0, colon).replace(/^\[|\]$/g, '');
  const port = Number(endpoint.slice(colon + 1))
    .toString(16)
    .toUpperCase()
    .padStart(4, '0');
  if (isIPv4(host)) {
    const word = wordOf(host.split('.').map(Number));
    return [`${word}:${port}`, `0000000000000000${wordOf([0, 0, 255, 255])}${word}:${port}`];
  }
  const octets = octetsOfIpv6(host);
  const words = [0, 4, 8, 12].map((at) => wordOf(octets.slice(at, at + 4)));
  return [`${words.join('')}:${port}`];
}

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Four octets as the kernel prints them: as a number of this machine. */
function wordOf(octets: readonly number[]): string {
  const ordered = isLittleEndian ? octets.toReversed() : octets;
  return ordered
    .map((octet) => octet.toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
}

function octetsOfIpv6(host: string): readonly number[] {
  const [bare = ''] = host.split('%', 1);
  const [before = '', after] = bare.split('::');
  const groups = (text: string | undefined): number[] =>
    text === undefined || text === '' ? [] : text.split(':').flatMap(groupOctets);
  const head = groups(before);
  const tail = groups(after);
  return [
    ...head,
    ...new Array<number>(Math.max(0, 16 - head.length - tail.length)).fill(0),
    ...tail,
  ];
}

function groupOctets(group: string): number[] {
  if (group.includes('.')) return group.split('.').map(Number);
  const value = Number.parseInt(group, 16);
  return [value >> 8, value & 255];
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return '';
  }
}
