/** The simulator's own reading of what the gateway writes to an origin: which requests, and where each begins and ends. */
import { BodyScan } from './body-scan.ts';
import { isPartOf } from './pattern.ts';
import { Violation } from './violation.ts';

export interface SentRequest {
  readonly id: number;
  readonly method: string;
  /** Places in all that was written on this connection. */
  readonly startAt: number;
  readonly headEndAt: number;
  /** Null until it was written to its end. */
  endAt: number | null;
  /** Octets of its body that were written. */
  bodyBytes: number;
  readonly expects: boolean;
  readonly asksUpgrade: boolean;
}

export class RequestScan {
  readonly #where: string;
  readonly #onBegan: (request: SentRequest) => void;
  readonly requests: SentRequest[] = [];
  #head: Buffer = Buffer.alloc(0);
  #body: BodyScan | null = null;
  writtenBytes = 0;
  #tunnelBytes = 0;
  /** From here on it is no HTTP any more. */
  isTunnel = false;

  constructor(where: string, onBegan: (request: SentRequest) => void) {
    this.#where = where;
    this.#onBegan = onBegan;
  }

  get last(): SentRequest | null {
    return this.requests.at(-1) ?? null;
  }

  push(data: Buffer): void {
    const startAt = this.writtenBytes;
    this.writtenBytes += data.length;
    if (this.isTunnel) {
      this.#readTunnel(data);
      return;
    }
    let at = 0;
    while (at < data.length) {
      at =
        this.#body === null ? this.#readHead(data, at, startAt) : this.#readBody(data, at, startAt);
    }
  }

  #readTunnel(data: Buffer): void {
    const { id } = this.last as SentRequest;
    if (!isPartOf(id, this.#tunnelBytes, data)) {
      this.#wrong(
        'tunnel',
        `what came through the tunnel is not the client's at ${this.#tunnelBytes}`,
      );
    }
    this.#tunnelBytes += data.length;
  }

  #readHead(data: Buffer, at: number, startAt: number): number {
    const before = this.#head.length;
    const bytes = before === 0 ? data.subarray(at) : Buffer.concat([this.#head, data.subarray(at)]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) {
      this.#head = bytes;
      return data.length;
    }
    this.#head = Buffer.alloc(0);
    const headBytes = end + 4;
    const text = bytes.toString('latin1', 0, end);
    const from = startAt + at - before;
    const request = this.#parse(text, from, from + headBytes);
    this.requests.push(request.sent);
    this.#onBegan(request.sent);
    if (request.length === 0) request.sent.endAt = request.sent.headEndAt;
    else this.#body = this.#bodyScan(request.sent, request.length);
    return at + headBytes - before;
  }

  #bodyScan(sent: SentRequest, length: number): BodyScan {
    return new BodyScan(length, (data) => {
      if (!isPartOf(sent.id, sent.bodyBytes, data)) {
        const at = sent.bodyBytes;
        this.#wrong('request-body', `the body of request ${sent.id} is not its own at ${at}`);
      }
      sent.bodyBytes += data.length;
    });
  }

  #readBody(data: Buffer, at: number, startAt: number): number {
    const read = (this.#body as BodyScan).read(data, at);
    if (typeof read.end === 'object') this.#wrong('request-framing', read.end.wrong);
    if (read.end === 'whole') {
      (this.last as SentRequest).endAt = startAt + read.at;
      this.#body = null;
    }
    return read.at;
  }

  /** `length`: of its body, -1 for chunked. */
  #parse(text: string, startAt: number, headEndAt: number): { sent: SentRequest; length: number } {
    const [start = '', ...lines] = text.split('\r\n');
    const line = /^([A-Z]+) \/r\/(\d+) HTTP\/1\.1$/.exec(start);
    if (line === null) this.#wrong('request-framing', `request line ${JSON.stringify(start)}`);
    const fields = new Map<string, string>();
    for (const each of lines) {
      const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\r\n\0]*)$/.exec(each);
      if (field === null) this.#wrong('request-framing', `field line ${JSON.stringify(each)}`);
      const name = (field?.[1] ?? '').toLowerCase();
      if (fields.has(name)) this.#wrong('request-framing', `${name} twice`);
      fields.set(name, field?.[2] ?? '');
    }
    const id = Number(line?.[2]);
    if (fields.get('x-id') !== String(id)) this.#wrong('request-framing', `X-Id of request ${id}`);
    if (!fields.has('host')) this.#wrong('request-framing', `no Host in request ${id}`);
    const length = fields.get('content-length');
    const coding = fields.get('transfer-encoding');
    if (length !== undefined && coding !== undefined) {
      this.#wrong('request-framing', `both lengths in request ${id}`);
    }
    if (coding !== undefined && coding !== 'chunked') {
      this.#wrong('request-framing', `Transfer-Encoding ${coding} in request ${id}`);
    }
    const connection = fields.get('connection');
    const asksUpgrade = fields.has('upgrade');
    if (connection !== (asksUpgrade ? 'upgrade' : undefined)) {
      this.#wrong('request-framing', `Connection ${connection} in request ${id}`);
    }
    const sent: SentRequest = {
      id,
      method: line?.[1] as string,
      startAt,
      headEndAt,
      endAt: null,
      bodyBytes: 0,
      expects: fields.has('expect'),
      asksUpgrade,
    };
    return { sent, length: coding === undefined ? Number(length ?? 0) : -1 };
  }

  #wrong(rule: string, what: string): never {
    throw new Violation(rule, `on ${this.#where}: ${what}`);
  }
}
