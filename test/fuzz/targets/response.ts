/** Responses: as for requests, with the framing that each kind of client is given. */
import { seeded } from '../../../src/base/clock.ts';
import { Input } from '../../../src/http1/input.ts';
import { ResponseParser } from '../../../src/http1/response-parser.ts';
import {
  type ClientFraming,
  interimHead,
  responseHead,
  switchingHead,
} from '../../../src/http1/response-writer.ts';
import { ResponseHead } from '../../../src/message/head.ts';
import { readWireCases } from '../../wire/read-wire.ts';
import { check } from '../codec-oracle.ts';
import { Finding, type FuzzTarget, fingerprint, promise } from '../engine/target.ts';
import { randomCuts } from '../mutate.ts';
import { readStrictly } from '../strict-reader.ts';
import { bodyOf, writtenBody } from './body.ts';

const limits = { headBytes: 32 * 1024, maxFields: 100 };
const date = 'Thu, 01 Jan 2026 00:00:00 GMT';
const methods = ['GET', 'HEAD', 'POST', 'OPTIONS'] as const;

/** Bits of the first octet: 1 pipelined, 2 the sender closes, 12 the method, 16 the client speaks HTTP/1.0. */
export const responseTarget: FuzzTarget = {
  name: 'response',
  promise: 'read the same however cut; written on, exactly one message with the same body',
  seeds: () =>
    readWireCases('responses').map(({ bytes, settings }) => {
      const method = methods.indexOf((settings.get('method') ?? 'GET') as 'GET');
      const bits = (settings.has('pipelined') ? 1 : 0) + (settings.has('eof') ? 2 : 0);
      return Buffer.concat([Buffer.of(bits + 4 * Math.max(0, method)), bytes]);
    }),
  run(data) {
    const bits = data[0] ?? 0;
    const settings = new Map<string, string>();
    const method = methods[(bits >> 2) & 3] as string;
    settings.set('method', method);
    if ((bits & 1) !== 0) settings.set('pipelined', '');
    if ((bits & 2) !== 0) settings.set('eof', '');
    const bytes = data.subarray(1);
    const cuts = randomCuts(bytes.length, seeded(fingerprint(data)));
    const [finding] = check({ side: 'responses', bytes, cuts, settings });
    if (finding !== undefined) throw new Finding(finding);
    checkWritten(bytes, method, (bits & 16) !== 0);
  },
};

function checkWritten(bytes: Buffer, method: string, isOld: boolean): void {
  const input = new Input();
  input.push(bytes);
  const head = new ResponseHead();
  if (new ResponseParser(limits).read(input, head, method) !== 'head') return;
  if (head.status < 200) {
    for (const text of [
      interimHead(head),
      head.status === 101 ? switchingHead(head) : interimHead(head),
    ]) {
      const message = readStrictly(text, 0, { role: 'response', method });
      promise(message?.end === text.length, () => `an interim response ends elsewhere:\n${text}`);
    }
    return;
  }
  const body = bodyOf(head, input);
  if (body === null) return;
  const framing = framingFor(head, isOld);
  const text = responseHead(head, { framing, connectionLines: '', date });
  const written = text + writtenBody(framing.kind === 'chunked', body, head.options.named);
  const isClosed = framing.kind === 'close';
  const next = isClosed ? '' : 'HTTP/1.1 200 NEXT\r\n';
  const message = readStrictly(written + next, 0, { role: 'response', method, isClosed });
  promise(message !== null, () => `not whole when written on:\n${written}`);
  promise(message.end === written.length, () => `ends elsewhere when written on:\n${written}`);
  promise(message.body === body.text, () => `another body when written on:\n${written}`);
  const hops =
    /^(?:keep-alive|proxy-connection|proxy-authorization|proxy-authenticate|http2-settings|upgrade|connection)$/;
  for (const [name] of [...message.fields, ...message.trailers]) {
    promise(!hops.test(name), () => `${name} is passed on:\n${written}`);
    const isNamed = head.options.named?.includes(name) === true && name !== 'date';
    promise(!isNamed, () => `${name}, which Connection names, is passed on:\n${written}`);
  }
}

/** As `downstream/response-output` chooses it. */
function framingFor(head: ResponseHead, isOld: boolean): ClientFraming {
  if (head.framing === 'none') return { kind: 'none' };
  if (head.framing === 'length') return { kind: 'length' };
  return { kind: isOld ? 'close' : 'chunked' };
}
