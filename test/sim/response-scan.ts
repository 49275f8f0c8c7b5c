/**
 * The simulator's own reading of what a client receives: which responses, whose they are, and whether one that looks whole
 * is what its origin has said.
 */
import type { Answer, Told } from './attempt.ts';
import { BodyScan } from './body-scan.ts';
import { checkTold, type Ledger } from './ledger.ts';
import { isPartOf } from './pattern.ts';
import type { RequestPlan } from './plan.ts';
import { Violation } from './violation.ts';

/** A request that its client has begun to send, and what has come back for it. */
export interface Asked {
  readonly plan: RequestPlan;
  outcome: 'none' | 'part' | 'whole' | 'own';
  hasContinue: boolean;
}

/** Of a request that never became an exchange. */
const nothingYet = { wasSent: false, isStuck: false, hasResponse: false, hasBytes: false };

interface Underway {
  readonly asked: Asked;
  /** Null for an answer of the gateway's own. */
  readonly answer: Answer | null;
  readonly endsByClose: boolean;
  readonly saysClose: boolean;
  body: BodyScan | null;
}

export class ResponseScan {
  readonly #name: string;
  readonly #ledger: Ledger;
  readonly #asked: readonly Asked[];
  #head: Buffer = Buffer.alloc(0);
  #now: Underway | null = null;
  /** Final responses that are whole. */
  finals = 0;
  /** The gateway has said that the connection ends with the last one. */
  hasSaidClose = false;
  /** The serial of the switch, once it is a tunnel. */
  tunnelSerial: number | null = null;
  tunnelBytes = 0;

  constructor(name: string, ledger: Ledger, asked: readonly Asked[]) {
    this.#name = name;
    this.#ledger = ledger;
    this.#asked = asked;
  }

  push(data: Buffer): void {
    let at = 0;
    while (at < data.length) {
      if (this.tunnelSerial !== null) at = this.#readTunnel(data, at, this.tunnelSerial);
      else if (this.#now === null) at = this.#readHead(data, at);
      else at = this.#readBody(data, at, this.#now);
    }
  }

  #readTunnel(data: Buffer, at: number, serial: number): number {
    const rest = data.subarray(at);
    if (!isPartOf(serial, this.tunnelBytes, rest)) {
      this.#wrong(
        'tunnel',
        `what came through the tunnel is not the origin's at ${this.tunnelBytes}`,
      );
    }
    this.tunnelBytes += rest.length;
    return data.length;
  }

  #readHead(data: Buffer, at: number): number {
    const before = this.#head.length;
    const bytes = before === 0 ? data.subarray(at) : Buffer.concat([this.#head, data.subarray(at)]);
    const end = bytes.indexOf('\r\n\r\n');
    if (end === -1) {
      this.#head = bytes;
      return data.length;
    }
    this.#head = Buffer.alloc(0);
    this.#onHead(bytes.toString('latin1', 0, end));
    return at + end + 4 - before;
  }

  #onHead(text: string): void {
    const [start = '', ...lines] = text.split('\r\n');
    const line = /^HTTP\/1\.1 (\d{3}) [^\r\n]*$/.exec(start);
    if (line === null) this.#wrong('response-framing', `status line ${JSON.stringify(start)}`);
    const status = Number(line?.[1]);
    const fields = new Map<string, string>();
    for (const each of lines) {
      const field = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ([^\r\n\0]*)$/.exec(each);
      if (field === null) this.#wrong('response-framing', `field line ${JSON.stringify(each)}`);
      const name = (field?.[1] ?? '').toLowerCase();
      if (fields.has(name)) this.#wrong('response-framing', `${name} twice`);
      fields.set(name, field?.[2] ?? '');
    }
    const asked = this.#asked[this.finals];
    if (asked === undefined) this.#wrong('unasked-response', `${status} and nothing was asked`);
    if (this.hasSaidClose) this.#wrong('response-after-close', `${status} after Connection: close`);
    if (status < 200 && status !== 101) this.#onInterim(status, asked as Asked);
    else this.#onFinal(status, fields, asked as Asked);
  }

  #onInterim(status: number, asked: Asked): void {
    if (asked.plan.version === 10)
      this.#wrong('interim-to-1.0', `${status} to request ${asked.plan.id}`);
    asked.hasContinue = true;
  }

  #onFinal(status: number, fields: ReadonlyMap<string, string>, asked: Asked): void {
    const { plan } = asked;
    const serial = fields.get('x-serial');
    const answer = serial === undefined ? null : this.#ledger.answerOf(Number(serial));
    if (serial === undefined) this.#checkOwn(status, fields, asked);
    else this.#checkRelayed(status, fields, asked, answer);
    const hasNoBody = plan.method === 'HEAD' || status === 101 || status === 204 || status === 304;
    const length = fields.get('content-length');
    const coding = fields.get('transfer-encoding');
    if (
      coding !== undefined &&
      (length !== undefined || coding !== 'chunked' || plan.version === 10)
    ) {
      this.#wrong('response-framing', `Transfer-Encoding ${coding}, Content-Length ${length}`);
    }
    const endsByClose = !hasNoBody && length === undefined && coding === undefined;
    const saysClose = /(?:^|, )close$/.test(fields.get('connection') ?? '') || endsByClose;
    asked.outcome = 'part';
    this.#now = { asked, answer, endsByClose, saysClose, body: null };
    if (status === 101) {
      this.tunnelSerial = answer?.plan.serial ?? 0;
      asked.outcome = 'whole';
      this.finals += 1;
      return;
    }
    if (hasNoBody || length === '0') {
      this.#onWhole(this.#now);
      return;
    }
    const bytes =
      coding !== undefined ? -1 : endsByClose ? Number.POSITIVE_INFINITY : Number(length);
    this.#now.body = this.#bodyScan(bytes, answer);
  }

  #bodyScan(length: number, answer: Answer | null): BodyScan {
    let bytes = 0;
    return new BodyScan(length, (data) => {
      if (answer !== null && !isPartOf(answer.plan.serial, bytes, data)) {
        const { id } = answer.attempt.entry.plan;
        this.#wrong(
          'response-body',
          `the body of the response to ${id} is not its own at ${bytes}`,
        );
      }
      bytes += data.length;
    });
  }

  #readBody(data: Buffer, at: number, now: Underway): number {
    const read = (now.body as BodyScan).read(data, at);
    if (typeof read.end === 'object') this.#wrong('response-framing', read.end.wrong);
    if (read.end === 'whole') this.#onWhole(now);
    return read.at;
  }

  /** Made by the gateway itself: what it says of the request must be so. */
  #checkOwn(status: number, fields: ReadonlyMap<string, string>, { plan }: Asked): void {
    const said = /^sidepool; error=[a-z_]+; details="([a-z-]+)"$/.exec(
      fields.get('proxy-status') ?? '',
    );
    if (said === null) this.#wrong('nobodys-response', `${status} to request ${plan.id}`);
    const entry = this.#ledger.entryOf(plan.id);
    const truth = entry.truth ?? nothingYet;
    checkTold(entry, said?.[1] as Told, truth);
  }

  #checkRelayed(
    status: number,
    fields: ReadonlyMap<string, string>,
    { plan }: Asked,
    answer: Answer | null,
  ): void {
    const id = fields.get('x-id');
    if (id !== String(plan.id) || answer?.attempt.entry.plan.id !== plan.id) {
      this.#wrong('crossed', `the response to ${id} came for request ${plan.id}`);
    }
    if (status !== answer?.plan.status) this.#wrong('status', `${status} to request ${plan.id}`);
    if (answer?.attempt !== answer?.attempt.entry.last) {
      this.#wrong('resent-after-response', `request ${plan.id} was sent again after this response`);
    }
  }

  /** It looks whole to the client. */
  #onWhole(now: Underway): void {
    const { asked, answer } = now;
    asked.outcome = answer === null ? 'own' : 'whole';
    this.finals += 1;
    this.hasSaidClose = now.saysClose;
    this.#now = null;
    if (answer === null) return;
    const { bodyBytes, attempt, plan } = answer;
    const got = now.body?.bytes ?? 0;
    const hasNoBody = asked.plan.method === 'HEAD' || plan.status === 204 || plan.status === 304;
    const { tcp, socket } = attempt.connection;
    const isRead =
      tcp.readBytes >= answer.endAt && (plan.framing !== 'close' || socket?.hasSeenEnd === true);
    if (!answer.isWhole || !isRead || got !== (hasNoBody ? 0 : bodyBytes)) {
      this.#wrong(
        'cut-looks-whole',
        `the response to ${asked.plan.id} looks whole with ${got} of ${bodyBytes} octets`,
      );
    }
  }

  /** Nothing more will come. */
  end(seen: 'fin' | 'reset'): void {
    const now = this.#now;
    if (now === null || now.body === null) return;
    if (seen === 'fin' && now.endsByClose) this.#onWhole(now);
  }

  #wrong(rule: string, what: string): never {
    throw new Violation(rule, `${this.#name}: ${what}`);
  }
}
