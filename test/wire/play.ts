/**
 * Plays octets to the codec and tells what came out, one line an event:
 *
 * - `request GET /path 1.1 authority=a framing=none keeps-alive`, then `field Name: value` for each
 * - `response 200 OK 1.1 framing=length:5 closes`
 * - `data ...`: neighbouring data is one event, however it was cut
 * - `trailer Name: value`, `end`
 * - `left ...`: octets that came after the end and were not touched
 * - `waits for head` or `waits for body`: the octets are over and the message is not
 * - `cut in head`, `cut in body`: the sender closed where it must not
 * - `refused kind: cause`, `malformed: reason`
 *
 * It also checks what no document says: nothing follows a refusal, and a sink is never given empty data.
 */
import { BodyDecoder } from '../../src/http1/body-decoder.ts';
import { Input } from '../../src/http1/input.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { ResponseParser } from '../../src/http1/response-parser.ts';
import type { FieldTable } from '../../src/message/fields.ts';
import { type ConnectionOptions, RequestHead, ResponseHead } from '../../src/message/head.ts';
import { escapeText } from './escapes.ts';

export type Settings = ReadonlyMap<string, string>;
export type Side = 'requests' | 'responses';

/** What a player hears of. Fuzzers hear it raw; documents compare it as text. */
class Player {
  readonly events: string[] = [];
  readonly #input = new Input();
  readonly #requests: RequestParser;
  readonly #responses: ResponseParser;
  readonly #request = new RequestHead();
  readonly #response = new ResponseHead();
  readonly #decoder = new BodyDecoder();
  readonly #side: Side;
  readonly #settings: Settings;
  #state: 'head' | 'body' | 'over' = 'head';
  #data: Buffer[] = [];
  #left: Buffer[] = [];

  constructor(side: Side, settings: Settings = new Map()) {
    const limit = (name: string, otherwise: number) => Number(settings.get(name) ?? otherwise);
    const limits = {
      headBytes: limit('headBytes', 32 * 1024),
      targetBytes: limit('targetBytes', 16 * 1024),
      maxFields: limit('maxFields', 100),
    };
    this.#side = side;
    this.#settings = settings;
    this.#requests = new RequestParser(limits);
    this.#responses = new ResponseParser(limits);
  }

  get isOver(): boolean {
    return this.#state === 'over';
  }

  /** Octets have come. Their memory is the caller's again when this returns. */
  push(chunk: Buffer): void {
    if (this.isOver) {
      this.#left.push(Buffer.from(chunk));
      return;
    }
    this.#input.push(chunk);
    // Each round must read something or wait: a codec that does neither would never end.
    for (let rounds = 0; !this.isOver; rounds += 1) {
      if (rounds > 2 * chunk.length + 100_000) throw new Error('the codec makes no progress');
      const goesOn = this.#state === 'head' ? this.#readHead() : this.#readBody();
      if (!goesOn) break;
    }
    if (this.isOver) {
      if (!this.#input.isEmpty) this.#left.push(Buffer.from(this.#input.takeRest()));
    } else this.#input.keep();
  }

  /** No more octets come. Gives all events. */
  end(): string[] {
    if (this.#settings.has('eof') && this.#state !== 'over') {
      this.#flush();
      const isWhole = this.#state === 'body' && this.#response.framing === 'close';
      this.#emit(isWhole ? 'end' : `cut in ${this.#state}`);
    } else if (this.#state !== 'over') {
      this.#flush();
      this.#emit(this.#state === 'head' ? 'waits for head' : 'waits for body');
    }
    const wasRefused = /^(?:refused|malformed)/.test(this.events.at(-1) ?? '');
    const left = Buffer.concat(this.#left);
    if (left.length > 0 && !wasRefused) this.#emit(`left ${escapeText(left.toString('latin1'))}`);
    return this.events;
  }

  #readHead(): boolean {
    const isRequest = this.#side === 'requests';
    const parser = isRequest ? this.#requests : this.#responses;
    const method = this.#settings.get('method') ?? 'GET';
    const got = isRequest
      ? this.#requests.read(this.#input, this.#request)
      : this.#responses.read(this.#input, this.#response, method);
    if (got === 'more') {
      if (parser.fault !== null) throw new Error('a fault without a refusal');
      return false;
    }
    if (got === 'refused') {
      const { fault } = parser;
      if (fault === null) throw new Error('a refusal without a fault');
      this.#emit(`refused ${fault.kind}: ${fault.cause}`);
      this.#state = 'over';
      return false;
    }
    if (parser.fault !== null || parser.hasBegun)
      throw new Error('a head and a fault, or half of one');
    const head = isRequest ? this.#request : this.#response;
    this.#emit(isRequest ? describeRequest(this.#request) : describeResponse(this.#response));
    this.#emitFields('field', head.fields);
    this.#decoder.begin(head.framing, head.contentLength);
    this.#state = 'body';
    return true;
  }

  #readBody(): boolean {
    const got = this.#decoder.read(this.#input, this.#sink);
    if (got === 'paused') throw new Error('paused though nobody asked for it');
    if (got === 'malformed') {
      this.#flush();
      if (this.#decoder.reason === '') throw new Error('malformed without a reason');
      this.#emit(`malformed: ${this.#decoder.reason}`);
      this.#state = 'over';
      return false;
    }
    if (got === 'more') {
      if (!this.#input.isEmpty && this.#decoder.leftBytes !== Number.POSITIVE_INFINITY)
        throw new Error('waits for more of a body though there is some');
      return false;
    }
    const isInterim =
      this.#side === 'responses' && this.#response.status < 200 && this.#response.status !== 101;
    if (isInterim || this.#settings.has('pipelined')) {
      this.#request.clear();
      this.#response.clear();
      this.#state = 'head';
      return true;
    }
    this.#state = 'over';
    return false;
  }

  readonly #sink = {
    onData: (data: Buffer): boolean => {
      if (data.length === 0) throw new Error('empty data');
      this.#data.push(Buffer.from(data));
      return true;
    },
    onEnd: (trailers: FieldTable | null): void => {
      this.#flush();
      if (trailers !== null) this.#emitFields('trailer', trailers);
      this.#emit('end');
    },
  };

  #emitFields(what: string, fields: FieldTable): void {
    for (let index = 0; index < fields.count; index += 1) {
      const line = escapeText(`${fields.name(index)}: ${fields.value(index)}`);
      this.#emit(`${what} ${line.replace(/: $|:\\s$/, ':')}`);
    }
  }

  #flush(): void {
    if (this.#data.length > 0)
      this.#emit(`data ${escapeText(Buffer.concat(this.#data).toString('latin1'))}`);
    this.#data = [];
  }

  #emit(event: string): void {
    if (this.#state === 'over' && !event.startsWith('left '))
      throw new Error(`after the end of all: ${event}`);
    this.events.push(event);
  }
}

function describeRequest(head: RequestHead): string {
  const authority = head.authority === undefined ? '' : ` authority=${head.authority}`;
  const waits = head.expectsContinue ? ' expects-continue' : '';
  return `request ${head.method} ${escapeText(head.target)} ${version(head)}${authority}${framing(head)}${waits}${connection(head)}`;
}

function describeResponse(head: ResponseHead): string {
  const reason = head.reason === '' ? '' : ` ${escapeText(head.reason)}`;
  return `response ${head.status}${reason} ${version(head)}${framing(head)}${connection(head)}`;
}

function version(head: RequestHead | ResponseHead): string {
  return head.version === 10 ? '1.0' : '1.1';
}

function framing(head: RequestHead | ResponseHead): string {
  const length = head.framing === 'length' ? `:${head.contentLength}` : '';
  return ` framing=${head.framing}${length}`;
}

function connection({
  options,
  keepsAlive,
}: {
  readonly options: ConnectionOptions;
  readonly keepsAlive: boolean;
}): string {
  const named = options.named === null ? '' : ` names=${escapeText(options.named.join(','))}`;
  return `${options.upgrade ? ' upgrade' : ''}${options.te ? ' te' : ''}${named} ${keepsAlive ? 'keeps-alive' : 'closes'}`;
}

/** Plays `bytes` cut at `cuts` (rising offsets). Each piece's memory is spoilt as soon as the codec returns. */
export function play(
  side: Side,
  { bytes, cuts, settings }: { bytes: Buffer; cuts: Iterable<number>; settings: Settings },
): string[] {
  const player = new Player(side, settings);
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    if (cut <= at && bytes.length > 0) continue;
    const piece = Buffer.from(bytes.subarray(at, cut));
    player.push(piece);
    piece.fill(0x21);
    at = cut;
  }
  return player.end();
}
