/**
 * Lets an origin answer with a document's octets and tells what a client behind a proxy was given; then the client asks
 * again, and must be given the answer to that and nothing else.
 */
import { connectRawClient, type RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait-for.ts';
import { escapeText } from '../wire/escapes.ts';
import type { WireCase } from '../wire/read-wire.ts';
import { unclearResponse } from './clarity.ts';
import { isPartial, type Stage } from './play-request.ts';
import { type OriginConnection, plainAnswer } from './recording-origin.ts';
import { readResponses, type StrictMessage, type StrictReading } from './strict-reader.ts';

export interface ResponseOutcome {
  /** What the client was given, interim responses too. */
  readonly given: readonly StrictMessage[];
  readonly unclear: readonly string[];
  /** What came to the client and breaks the grammar. */
  readonly wrong: { readonly reason: string; readonly rest: string } | null;
  /** `waits`: neither an end nor a close came. */
  readonly client: 'kept' | 'closed' | 'waits';
  readonly upstream: 'kept' | 'closed';
  /** What the next request was answered with: `own` as it must be, a status, `nothing`, or `forged`. */
  readonly next: string;
}

const ownBody = 'an answer of its own';
const ownAnswer = `HTTP/1.1 200 OK\r\nContent-Length: ${ownBody.length}\r\n\r\n${ownBody}`;
const nextRequest = 'GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

/** Settings of a document: `method=`, `client=1.0`, `upgrade`, `eof`, and `unasked`: it stands behind a whole response. */
export async function playResponse(wire: WireCase, stage: Stage): Promise<ResponseOutcome> {
  const { origin } = stage;
  const askedOn: { document: OriginConnection | null; next: OriginConnection | null } = {
    document: null,
    next: null,
  };
  origin.begin();
  origin.answer = (request, connection) => {
    if (request.start[1] === '/next') {
      askedOn.next = connection;
      connection.write(ownAnswer);
    } else if (request.start[1] === '/document') {
      askedOn.document = connection;
      const before = wire.settings.has('unasked') ? ownAnswer : '';
      connection.write(Buffer.concat([Buffer.from(before), wire.bytes]));
      if (wire.settings.has('eof') || isPartial(wire)) connection.socket.end();
    } else plainAnswer(request, connection);
  };
  const client = await connect(stage.port);
  try {
    client.write(documentRequest(wire));
    const reading = () => read(client, wire);
    await until(stage, () => isOver(client) || isAnswered(reading()));
    const wasOver = isOver(client);
    const { messages, wrong, rest } = reading();
    const answer = await askNext(wasOver ? null : client, stage);
    return {
      given: messages,
      unclear: messages.flatMap(unclearResponse),
      wrong: wrong === null && rest === '' ? null : { reason: wrong ?? 'half a head', rest },
      client: answer.isOnSame ? 'kept' : wasOver || isOver(client) ? 'closed' : 'waits',
      upstream: askedOn.document === askedOn.next ? 'kept' : 'closed',
      next: answer.next,
    };
  } finally {
    client.close();
    origin.answer = plainAnswer;
  }
}

function documentRequest({ settings }: WireCase): string {
  const method = settings.get('method') ?? 'GET';
  const isOld = settings.get('client') === '1.0';
  const body = method === 'POST' ? 'hello' : '';
  const lines = [
    `${method} /document HTTP/${isOld ? '1.0' : '1.1'}`,
    'Host: a',
    ...(isOld ? ['Connection: keep-alive'] : []),
    ...(settings.has('upgrade') ? ['Connection: Upgrade', 'Upgrade: websocket'] : []),
    ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

async function connect(port: number): Promise<RawClient> {
  const client = await connectRawClient(port);
  client.socket.on('error', () => {});
  return client;
}

function read(client: RawClient, { settings }: WireCase): StrictReading {
  return readResponses(client.received.bytes, {
    methods: [settings.get('method') ?? 'GET'],
    hasEnded: client.received.incoming === 'fin',
  });
}

/** A final response is whole; a switch ends what HTTP has to say. */
function isAnswered({ messages, wrong }: StrictReading): boolean {
  const last = messages.at(-1);
  const status = Number(last?.start[1]);
  return wrong !== null || (last?.isWhole === true && (status >= 200 || status === 101));
}

/** On the same connection if there is one, else on a new one. */
async function askNext(
  client: RawClient | null,
  stage: Stage,
): Promise<{ next: string; isOnSame: boolean }> {
  if (client !== null) {
    const before = client.received.bytes.length;
    client.write(nextRequest);
    await until(stage, () => isOver(client));
    const answer = client.received.bytes.subarray(before);
    if (answer.length > 0) return { next: judgeNext(answer), isOnSame: true };
  }
  const other = await connect(stage.port);
  try {
    other.write(nextRequest);
    await until(stage, () => isOver(other));
    return { next: judgeNext(other.received.bytes), isOnSame: false };
  } finally {
    other.close();
  }
}

function judgeNext(answer: Buffer): string {
  if (answer.length === 0) return 'nothing';
  const { messages, wrong, rest } = readResponses(answer, { methods: ['GET'], hasEnded: true });
  const [first, ...more] = messages;
  const isClean = wrong === null && rest === '' && more.length === 0;
  if (isClean && first?.isWhole && first.body === ownBody) return 'own';
  const status = first?.start[1] ?? '';
  return isClean && Number(status) >= 500 ? status : 'forged';
}

function isOver(client: RawClient): boolean {
  return client.received.incoming !== 'open';
}

async function until({ timeoutMs }: Stage, probe: () => boolean): Promise<void> {
  await waitFor(probe, { timeoutMs, everyMs: 2 }).catch(() => {});
}

/** The outcome as a document tells it. A Date that the document has not was added, and is not the same twice. */
export function describeResponseOutcome(wire: WireCase, outcome: ResponseOutcome): string[] {
  const document = wire.bytes.toString('latin1');
  const withoutOwnDate = (head: string) =>
    head.replace(/^Date: .*\r\n/m, (line) => (document.includes(line.trim()) ? line : ''));
  const lines = outcome.given.flatMap((message) => {
    const { head, body, trailers, isWhole, start } = message;
    if (isOwnRefusal(message)) return [`refused ${start[1]}`];
    return [
      `given ${escapeText(withoutOwnDate(head))}`,
      ...(body === '' ? [] : [`body ${escapeText(body)}`]),
      ...trailers.map(([name, value]) => `trailer ${escapeText(`${name}: ${value}`)}`),
      ...(isWhole ? [] : ['cut']),
    ];
  });
  if (outcome.wrong !== null) lines.push(`wrong ${outcome.wrong.reason}`);
  if (outcome.next !== 'own') lines.push(`next ${outcome.next}`);
  return [...lines, `client ${outcome.client}`, `upstream ${outcome.upstream}`];
}

/** The gateway's own answer (RFC 9209): it says so. */
function isOwnRefusal({ fields, start }: StrictMessage): boolean {
  return Number(start[1]) >= 500 && fields.some(([name]) => name.toLowerCase() === 'proxy-status');
}
