/** Takes one request as an exchange would, keeps a record of it, and answers as a test says. */
import type { Fault } from '../../../src/base/fault.ts';
import type { ClientExchange, RequestReceiver } from '../../../src/downstream/handler.ts';
import { FieldTable } from '../../../src/message/fields.ts';
import type { RequestHead, ResponseHead } from '../../../src/message/head.ts';
import { type OwnResponse, ownResponse } from '../../../src/message/own-response.ts';
import { parseResponse } from '../http1/scene.ts';

export class FakeExchange implements RequestReceiver {
  readonly client: ClientExchange;
  readonly head: RequestHead;
  /** As they were when it began: the head is used again. */
  readonly method: string;
  readonly target: string;
  readonly #violations: string[];
  /** Every call, by name; data as `body abc`. */
  readonly calls: string[] = [];
  body = '';
  isBodyWhole = false;
  fault: Fault | null = null;
  /** What `onBody` answers. */
  takesMore = true;
  isOver = false;
  /** Called in the course of `onBody`, `onBodyEnd` and `onBodyFault`. */
  onBodyData: (() => void) | null = null;
  onWhole: (() => void) | null = null;
  onBroken: ((fault: Fault) => void) | null;
  onRoom: (() => void) | null = null;

  constructor(head: RequestHead, client: ClientExchange, violations: string[]) {
    this.head = head;
    this.client = client;
    this.method = head.method;
    this.target = head.target;
    this.#violations = violations;
    // As an exchange does.
    this.onBroken = (fault) => {
      if (client.hasResponded) this.abort();
      else this.own(ownResponse(fault, head));
    };
  }

  #note(call: string): void {
    if (this.isOver) this.#violations.push(`${call} after the end of ${this.target}`);
    this.calls.push(call);
  }

  // ---- What the client's connection calls

  onBody(data: Buffer): boolean {
    const text = data.toString('latin1');
    this.#note(`body ${text.length > 20 ? text.length : text}`);
    this.body += text;
    this.onBodyData?.();
    return this.takesMore;
  }

  onBodyEnd(trailerLines: string): void {
    this.#note(trailerLines === '' ? 'body-end' : `body-end ${trailerLines.trim()}`);
    this.isBodyWhole = true;
    this.onWhole?.();
  }

  onReadEnd(): void {
    this.#note('read-end');
  }

  onBodyFault(fault: Fault): void {
    this.#note(`fault ${fault.kind}`);
    this.fault = fault;
    this.onBroken?.(fault);
  }

  onWritable(): void {
    this.#note('writable');
    this.onRoom?.();
  }

  onClientGone(fault: Fault): void {
    this.#note(`gone ${fault.kind}`);
    this.fault = fault;
    this.isOver = true;
  }

  // ---- What a test does

  interim(...lines: string[]): void {
    this.client.sendInterim(parseResponse(this.method, ...lines));
  }

  /** The response's head, as lines; the way its end is told follows from them. */
  respond(...lines: string[]): ResponseHead {
    const head = parseResponse(this.method, ...lines);
    this.client.sendHead(head);
    return head;
  }

  data(data: string | Buffer): void {
    this.client.sendBody(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  end(trailers: readonly (readonly [string, string])[] | null = null): void {
    this.isOver = true;
    this.client.sendEnd(trailers === null ? null : FieldTable.of(trailers));
  }

  /** A whole response with this body, of known length. */
  answer(body = 'ok', ...fields: string[]): void {
    this.respond('HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...fields);
    if (body !== '' && this.method !== 'HEAD') this.data(body);
    this.end();
  }

  own(response: OwnResponse): void {
    this.isOver = true;
    this.client.sendOwn(response);
  }

  abort(): void {
    this.isOver = true;
    this.client.abort();
  }
}

/** Of a response's text: status, fields as lines, and what follows the head. */
export function read(text: string): { status: number; fields: string[]; body: string } {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...fields] = text.slice(0, end).split('\r\n');
  return { status: Number(first.split(' ')[1]), fields, body: text.slice(end + 4) };
}
