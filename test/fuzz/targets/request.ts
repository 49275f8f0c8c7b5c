/** Requests: how they are read, however they are cut, and that what is written on can be read in one way only. */
import { seeded } from '../../../src/base/clock.ts';
import { Input } from '../../../src/http1/input.ts';
import { RequestParser } from '../../../src/http1/request-parser.ts';
import { asReceived, requestHead } from '../../../src/http1/request-writer.ts';
import { RequestHead } from '../../../src/message/head.ts';
import { readWireCases } from '../../wire/read-wire.ts';
import { check } from '../codec-oracle.ts';
import { Finding, type FuzzTarget, fingerprint, promise } from '../engine/target.ts';
import { randomCuts } from '../mutate.ts';
import { readStrictly } from '../strict-reader.ts';
import { bodyOf, writtenBody } from './body.ts';

const limits = { headBytes: 32 * 1024, targetBytes: 16 * 1024, maxFields: 100 };
const edits = {
  authority: undefined,
  defaultAuthority: 'default.example',
  setLines: '',
  removed: null,
  via: undefined,
};

/** The first octet says how they are played: 1 for pipelined ones. */
export const requestTarget: FuzzTarget = {
  name: 'request',
  promise: 'read the same however cut; written on, exactly one message with the same body',
  seeds: () =>
    readWireCases('requests').map(({ bytes, settings }) =>
      Buffer.concat([Buffer.of(settings.has('pipelined') ? 1 : 0), bytes]),
    ),
  run(data) {
    const settings = new Map<string, string>();
    if (((data[0] ?? 0) & 1) === 1) settings.set('pipelined', '');
    const bytes = data.subarray(1);
    const cuts = randomCuts(bytes.length, seeded(fingerprint(data)));
    const [finding] = check({ side: 'requests', bytes, cuts, settings });
    if (finding !== undefined) throw new Finding(finding);
    checkWritten(bytes);
  },
};

function checkWritten(bytes: Buffer): void {
  const input = new Input();
  input.push(bytes);
  const head = new RequestHead();
  if (new RequestParser(limits).read(input, head) !== 'head') return;
  const body = bodyOf(head, input);
  if (body === null) return;
  const text = requestHead(head, edits, { upgrade: null, plan: asReceived });
  const written = text + writtenBody(head.framing === 'chunked', body, head.options.named);
  // What follows is another message: not a byte of it may be taken for this one.
  const message = readStrictly(`${written}GET /next HTTP/1.1\r\n`, 0, { role: 'request' });
  promise(message !== null, () => `not whole when written on:\n${written}`);
  promise(message.end === written.length, () => `ends elsewhere when written on:\n${written}`);
  promise(message.body === body.text, () => `another body when written on:\n${written}`);
  promise(
    message.startLine === `${head.method} ${head.target} HTTP/1.1`,
    () => `another request line: ${message.startLine}`,
  );
  const hops =
    /^(?:keep-alive|proxy-connection|proxy-authorization|proxy-authenticate|http2-settings|upgrade)$/;
  for (const [name] of [...message.fields, ...message.trailers]) {
    promise(!hops.test(name), () => `${name} is passed on:\n${written}`);
    promise(
      !head.options.named?.includes(name),
      () => `${name}, which Connection names, is passed on:\n${written}`,
    );
  }
}
