/**
 * A small DNS server on UDP and 127.0.0.1, for tests that need names whose answers change: under load, with a
 * given TTL, after a failure. It knows A and AAAA; a name that it was not told of does not exist (NXDOMAIN).
 *
 *     const dns = await DnsServer.start();
 *     dns.set('api.test', { a: ['127.0.0.2'], ttlSeconds: 1 });
 *     dns.misbehave('api.test', 'servfail');          // until `behave` is called
 *     const resolver = nodeResolver({ servers: [dns.address], timeoutMs: 200, attempts: 1 });
 *     await dns.stop();
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { SocketAddress } from 'node:net';

export type QueryType = 'A' | 'AAAA';

/** What a name answers instead of its addresses. `silent` lets the query time out. */
export type Misbehaviour = 'servfail' | 'refused' | 'notimp' | 'silent';

export interface DnsRecords {
  readonly a?: readonly string[];
  readonly aaaa?: readonly string[];
  readonly ttlSeconds?: number;
  /** How long the answer is held back. */
  readonly delayMs?: number;
}

export interface DnsQuery {
  readonly name: string;
  readonly type: QueryType | 'other';
}

const TYPE_A = 1;
const TYPE_AAAA = 28;
const RCODE = { noerror: 0, servfail: 2, nxdomain: 3, notimp: 4, refused: 5 } as const;

export class DnsServer {
  readonly #socket: Socket;
  readonly #records = new Map<string, DnsRecords>();
  readonly #misbehaving = new Map<string, Misbehaviour>();
  readonly #delayed = new Set<NodeJS.Timeout>();
  /** Every query so far, in order. */
  readonly queries: DnsQuery[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (query, from) => this.#answer(query, from));
  }

  static async start(port = 0): Promise<DnsServer> {
    const socket = createSocket('udp4');
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return new DnsServer(socket);
  }

  /** `127.0.0.1:port`, as `Resolver.setServers` takes it. */
  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  /** Replaces what a name answers. Without addresses the name exists and has no data. */
  set(name: string, records: DnsRecords): void {
    this.#records.set(name.toLowerCase(), records);
  }

  /** Makes the name not exist any more. */
  remove(name: string): void {
    this.#records.delete(name.toLowerCase());
  }

  /** Answers queries for the name, of one type or of both, with a failure until `behave`. */
  misbehave(name: string, how: Misbehaviour, type?: QueryType): void {
    for (const each of type === undefined ? (['A', 'AAAA'] as const) : [type])
      this.#misbehaving.set(`${each} ${name.toLowerCase()}`, how);
  }

  behave(name: string): void {
    this.#misbehaving.delete(`A ${name.toLowerCase()}`);
    this.#misbehaving.delete(`AAAA ${name.toLowerCase()}`);
  }

  countOf(name: string, type: QueryType): number {
    return this.queries.filter((each) => each.name === name && each.type === type).length;
  }

  async stop(): Promise<void> {
    for (const timer of this.#delayed) clearTimeout(timer);
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #answer(query: Buffer, from: RemoteInfo): void {
    const question = parseQuestion(query);
    if (question === null) return;
    const { name, type, end } = question;
    this.queries.push({ name, type });
    const misbehaviour = this.#misbehaving.get(`${type} ${name}`);
    if (misbehaviour === 'silent') return;
    const records = this.#records.get(name);
    const reply = (rcode: number, addresses: readonly string[] = []): Buffer =>
      writeReply(query.subarray(0, end), rcode, addresses, records?.ttlSeconds ?? 30);
    const packet =
      misbehaviour !== undefined
        ? reply(RCODE[misbehaviour])
        : records === undefined
          ? reply(RCODE.nxdomain)
          : reply(
              RCODE.noerror,
              type === 'A' ? records.a : type === 'AAAA' ? records.aaaa : undefined,
            );
    const send = (): void => this.#socket.send(packet, from.port, from.address);
    if (records?.delayMs === undefined) {
      send();
      return;
    }
    const timer = setTimeout(() => {
      this.#delayed.delete(timer);
      send();
    }, records.delayMs);
    this.#delayed.add(timer);
  }
}

/** The one question of a query (RFC 1035 4.1.2), and where it ends; null if this is not a query. */
function parseQuestion(
  packet: Buffer,
): { name: string; type: QueryType | 'other'; end: number } | null {
  if (packet.length < 17 || packet.readUInt16BE(4) !== 1) return null;
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = packet[at];
    if (length === undefined || length > 63) return null;
    at += 1;
    if (length === 0) break;
    labels.push(packet.toString('latin1', at, at + length));
    at += length;
  }
  if (at + 4 > packet.length) return null;
  const code = packet.readUInt16BE(at);
  const type = code === TYPE_A ? 'A' : code === TYPE_AAAA ? 'AAAA' : 'other';
  return { name: labels.join('.').toLowerCase(), type, end: at + 4 };
}

/** `question` is the query's header and question; its additional records (EDNS) are not answered. */
function writeReply(
  question: Buffer,
  rcode: number,
  addresses: readonly string[],
  ttlSeconds: number,
): Buffer {
  const head = Buffer.from(question);
  // A response, with the query's opcode and "recursion desired"; recursion available.
  head.writeUInt16BE(0x8080 | (question.readUInt16BE(2) & 0x7900) | rcode, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt16BE(0, 8);
  head.writeUInt16BE(0, 10);
  return Buffer.concat([head, ...addresses.map((address) => writeRecord(address, ttlSeconds))]);
}

function writeRecord(address: string, ttlSeconds: number): Buffer {
  const data = addressOctets(address);
  const record = Buffer.alloc(12);
  // A pointer to the name in the question (RFC 1035 4.1.4).
  record.writeUInt16BE(0xc00c, 0);
  record.writeUInt16BE(data.length === 4 ? TYPE_A : TYPE_AAAA, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(ttlSeconds, 6);
  record.writeUInt16BE(data.length, 10);
  return Buffer.concat([record, data]);
}

function addressOctets(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  const [left = '', right] = canonical.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const head = groups(left);
  const tail = groups(right ?? '');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const all = [...head, ...new Array<string>(zeros).fill('0'), ...tail];
  return Buffer.from(all.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]));
}
