/** What a client has received, read as a strict client would. */
import { BodyDecoder } from '../../../src/http1/body-decoder.ts';
import { Input } from '../../../src/http1/input.ts';
import { ResponseParser } from '../../../src/http1/response-parser.ts';
import type { FieldTable } from '../../../src/message/fields.ts';
import { ResponseHead } from '../../../src/message/head.ts';

export interface ReceivedResponse {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
  /** Whether its end was told. */
  readonly isWhole: boolean;
}

/** Final responses in order, and what is behind the last. Throws if some of it is no proper HTTP. */
export function readResponses(
  text: string,
  requests: readonly { readonly method: string; readonly isHttp10: boolean }[],
  { hasEnded }: { readonly hasEnded: boolean },
): { readonly responses: ReceivedResponse[]; readonly isTunnel: boolean } {
  const input = new Input();
  input.push(Buffer.from(text, 'latin1'));
  const responses: ReceivedResponse[] = [];
  for (;;) {
    const request = requests[responses.length];
    if (input.isEmpty) return { responses, isTunnel: false };
    if (request === undefined) throw new Error('more responses than requests');
    const parser = new ResponseParser({ headBytes: 32 * 1024, maxFields: 100 });
    const head = new ResponseHead();
    // A head that never came whole is refused without its method being known.
    const isUnread = input.bytes.toString('latin1', input.at, input.at + 13) === 'HTTP/1.1 408 ';
    const read = parser.read(input, head, isUnread ? 'GET' : request.method);
    if (read === 'refused') throw new Error(`refused: ${parser.fault?.cause}`);
    // A head is written in one piece.
    if (read === 'more') throw new Error('part of a head');
    if (head.status === 101) return { responses, isTunnel: true };
    if (head.status < 200) {
      if (request.isHttp10) throw new Error('an interim response to HTTP/1.0');
      continue;
    }
    if (request.isHttp10 && head.framing === 'chunked') throw new Error('chunked to HTTP/1.0');
    responses.push(readBody(input, head, hasEnded));
  }
}

function readBody(input: Input, head: ResponseHead, hasEnded: boolean): ReceivedResponse {
  const decoder = new BodyDecoder();
  decoder.begin(head.framing, head.contentLength);
  let body = '';
  let isWhole = false;
  const read = decoder.read(input, {
    onData: (data) => {
      body += data.toString('latin1');
      return true;
    },
    onEnd: () => {
      isWhole = true;
    },
  });
  if (read === 'malformed') throw new Error(`malformed body: ${decoder.reason}`);
  if (head.framing === 'close' && hasEnded) isWhole = true;
  return { status: head.status, fields: mapOf(head.fields), body, isWhole };
}

function mapOf(fields: FieldTable): ReadonlyMap<string, string> {
  return new Map(
    Array.from({ length: fields.count }, (_, index) => [
      fields.name(index).toLowerCase(),
      fields.value(index),
    ]),
  );
}
