/**
 * What must hold of the codec for any octets. `check` gives a sentence for each promise that is broken; an error
 * that the codec throws is one too.
 *
 * - It ends, and says either that it waits, that the message is whole, or why it is refused: never two of them.
 * - However the octets are cut, the same comes out, save how a refusal is worded, and how soon it is seen.
 * - A head that was taken, written on and read again is the same head, and is written the same the second time.
 *   If it were not, the next server could see another message in what we send.
 */
import { Input } from '../../src/http1/input.ts';
import { RequestParser } from '../../src/http1/request-parser.ts';
import { asReceived, requestHead } from '../../src/http1/request-writer.ts';
import { ResponseParser } from '../../src/http1/response-parser.ts';
import { type ClientFraming, responseHead } from '../../src/http1/response-writer.ts';
import { type BodyFraming, RequestHead, ResponseHead } from '../../src/message/head.ts';
import { play, type Settings, type Side } from '../wire/play.ts';

// What is written on may be a little longer than what was received.
const inner = { headBytes: 32 * 1024, targetBytes: 16 * 1024, maxFields: 100 };
const outer = { headBytes: 64 * 1024, targetBytes: 32 * 1024, maxFields: 110 };
const edits = {
  authority: undefined,
  defaultAuthority: 'default.example',
  setLines: '',
  removed: null,
  via: undefined,
};

export interface Trial {
  readonly side: Side;
  readonly bytes: Buffer;
  readonly cuts: readonly number[];
  readonly settings: Settings;
}

export function check({ side, bytes, cuts, settings }: Trial): string[] {
  try {
    const whole = play(side, { bytes, cuts: [], settings });
    const pieces = play(side, { bytes, cuts, settings });
    const findings: string[] = [];
    if (essence(whole) !== essence(pieces))
      findings.push(
        `cut otherwise, read otherwise:\n${whole.join('\n')}\n--\n${pieces.join('\n')}`,
      );
    const forwarded =
      side === 'requests'
        ? checkRequest(bytes)
        : checkResponse(bytes, settings.get('method') ?? 'GET');
    return forwarded === null ? findings : [...findings, forwarded];
  } catch (error) {
    return [
      error instanceof Error ? `threw ${error.stack ?? error.message}` : `threw ${String(error)}`,
    ];
  }
}

/** The events without the wording of a refusal; a head that will never be taken may also still be waited for. */
function essence(events: readonly string[]): string {
  return events
    .map((event) =>
      event === 'waits for head' || event === 'cut in head' || event.startsWith('refused ')
        ? 'no head'
        : event.replace(/^malformed: .*/s, 'malformed'),
    )
    .join('\n');
}

function checkRequest(bytes: Buffer): string | null {
  const head = readRequest(bytes, inner);
  if (head === null) return null;
  const written = requestHead(head, edits, { upgrade: null, plan: asReceived });
  const again = readRequest(Buffer.from(`${written}rest`, 'latin1'), outer);
  if (again === null) return `a request written on is refused:\n${written}`;
  for (const key of ['method', 'target', 'framing', 'contentLength', 'expectsContinue'] as const) {
    if (head[key] !== again[key])
      return `${key} was ${head[key]} and is ${again[key]} when written on:\n${written}`;
  }
  if (again.version !== 11 || again.authority !== (head.authority ?? edits.defaultAuthority))
    return `version or authority differs when written on:\n${written}`;
  const twice = requestHead(again, edits, { upgrade: null, plan: asReceived });
  const isCounted = head.method === 'OPTIONS' || head.method === 'TRACE';
  const plain = (text: string) => (isCounted ? text.replace(/Max-Forwards: \d+/, '') : text);
  return plain(twice) === plain(written) ? null : `written on twice:\n${written}--\n${twice}`;
}

function readRequest(bytes: Buffer, limits: typeof inner): RequestHead | null {
  const input = new Input();
  input.push(bytes);
  const head = new RequestHead();
  return new RequestParser(limits).read(input, head) === 'head' ? head : null;
}

const date = 'Thu, 01 Jan 2026 00:00:00 GMT';

function checkResponse(bytes: Buffer, method: string): string | null {
  const head = readResponse(bytes, method, inner);
  if (head === null) return null;
  const framing = clientFraming(head.framing);
  const written = responseHead(head, { framing, connectionLines: '', date });
  const again = readResponse(Buffer.from(`${written}rest`, 'latin1'), method, outer);
  if (again === null) return `a response written on is refused:\n${written}`;
  for (const key of ['status', 'reason', 'framing', 'contentLength'] as const) {
    if (head[key] !== again[key])
      return `${key} was ${head[key]} and is ${again[key]} when written on:\n${written}`;
  }
  const twice = responseHead(again, { framing, connectionLines: '', date });
  return twice === written ? null : `written on twice:\n${written}--\n${twice}`;
}

function clientFraming(framing: BodyFraming): ClientFraming {
  return { kind: framing };
}

function readResponse(bytes: Buffer, method: string, limits: typeof inner): ResponseHead | null {
  const input = new Input();
  input.push(bytes);
  const head = new ResponseHead();
  return new ResponseParser(limits).read(input, head, method) === 'head' ? head : null;
}
