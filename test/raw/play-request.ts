/** Sends a document's octets through a proxy and tells what became of them. */
import { connectRawClient, type RawClient } from '../support/raw-client.ts';
import { waitFor } from '../support/wait-for.ts';
import { escapeText } from '../wire/escapes.ts';
import type { WireCase } from '../wire/read-wire.ts';
import { unclearRequest } from './clarity.ts';
import type { OriginConnection, RecordingOrigin } from './recording-origin.ts';
import { readRequests, readResponses, type StrictMessage, valuesOf } from './strict-reader.ts';

export interface Sent {
  readonly message: StrictMessage;
  readonly unclear: readonly string[];
}

/** `kept`: the next request on the connection was answered. `waits`: neither an answer nor a close came. */
export type ClientEnd = 'kept' | 'closed' | 'waits';

export interface RequestOutcome {
  /** What reached the origin, by the strict reader. */
  readonly sent: readonly Sent[];
  /** What reached the origin and breaks the grammar: why, and the octets. */
  readonly wrong: { readonly reason: string; readonly rest: string } | null;
  /** Final statuses that the client was given. */
  readonly answers: readonly { readonly status: number; readonly isOrigins: boolean }[];
  readonly end: ClientEnd;
}

export interface Stage {
  readonly port: number;
  readonly origin: RecordingOrigin;
  /** How long nothing must happen before it is said that nothing will; unused where the outcome is known. */
  readonly quietMs: number;
  readonly timeoutMs: number;
}

const probe = 'GET /probe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

export interface Expected {
  readonly answers: number;
  readonly end: ClientEnd;
}

/** What the document says of the gateway: so it is known what to wait for. */
export function expectedOf({ outcome }: WireCase): Expected {
  const lines = outcome?.lines ?? [];
  const answers = lines.filter((line) => /^(?:answered|own|refused) /.test(line)).length;
  return { answers, end: lines.at(-1) as ClientEnd };
}

/** Where an outcome is expected, it is waited for until it is there; else until nothing happens any more. */
export async function playRequest(
  wire: WireCase,
  stage: Stage,
  expected: Expected | null,
): Promise<RequestOutcome> {
  const { origin } = stage;
  origin.begin();
  const client = await connectRawClient(stage.port);
  client.socket.on('error', () => {});
  try {
    client.write(wire.bytes);
    if (isPartial(wire)) client.fin();
    const methods = methodsOf(wire);
    const answers = () => finalAnswers(client, methods);
    if (expected === null) await quiet(client, stage);
    else
      await settled(stage, client, () =>
        expected.end === 'kept' ? answers().length >= expected.answers : isOver(client),
      );
    const told = answers();
    const end = await endOf(client, stage, told.length);
    const seen = origin.used.flatMap((connection) => readSent(connection));
    return {
      sent: seen.flatMap(({ sent }) => sent),
      wrong: seen.find(({ wrong }) => wrong !== null)?.wrong ?? null,
      answers: end === 'kept' ? told : answers(),
      end,
    };
  } finally {
    client.close();
  }
}

/** A document whose message is not whole: its sender then closes. */
export function isPartial({ expected }: WireCase): boolean {
  return expected.at(-1)?.startsWith('waits for ') === true;
}

async function endOf(client: RawClient, stage: Stage, had: number): Promise<ClientEnd> {
  if (isOver(client)) return 'closed';
  if (had === 0) return 'waits';
  const before = client.received.bytes.length;
  client.write(probe);
  await settled(stage, client, () => isOver(client));
  if (!isOver(client)) return 'waits';
  const answer = client.received.bytes.subarray(before).toString('latin1');
  return /^HTTP\/1\.1 200 /.test(answer) ? 'kept' : 'closed';
}

function isOver(client: RawClient): boolean {
  return client.received.incoming !== 'open';
}

/** Until it is so, or time is over: what there is then is compared, and says more than an error would. */
async function settled(stage: Stage, client: RawClient, probe: () => boolean): Promise<void> {
  const { timeoutMs } = stage;
  await waitFor(() => probe() || isOver(client), { timeoutMs, everyMs: 2 }).catch(() => {});
}

/** What a proxy thinks about before it says anything takes longer than what it says then. */
const silentMs = 1_500;

async function quiet(client: RawClient, { origin, quietMs, timeoutMs }: Stage): Promise<void> {
  let last = -1;
  let sinceMs = performance.now();
  const isQuiet = () => {
    if (isOver(client)) return true;
    const sum = client.received.bytes.length + origin.receivedBytes;
    if (sum !== last) sinceMs = performance.now();
    last = sum;
    const needMs = client.received.bytes.length > 0 ? quietMs : silentMs;
    return performance.now() - sinceMs >= needMs;
  };
  await waitFor(isQuiet, { timeoutMs, everyMs: 5 }).catch(() => {});
}

/** The methods that the client may expect answers to: as many as its octets seem to ask. */
function methodsOf({ bytes }: WireCase): string[] {
  return [...bytes.toString('latin1').matchAll(/(?:^|\n)([A-Z-]+) \S+ HTTP\//g)].map(
    ([, method = '']) => method,
  );
}

function finalAnswers(client: RawClient, methods: readonly string[]): RequestOutcome['answers'] {
  const { messages } = readResponses(client.received.bytes, {
    methods,
    hasEnded: client.received.incoming === 'fin',
  });
  return messages
    .filter(({ start, isWhole }) => Number(start[1]) >= 200 && isWhole)
    .map(({ start, body, fields }) => ({
      status: Number(start[1]),
      isOrigins:
        start[1] === '200' && (body === 'ok' || valuesOf(fields, 'content-length')[0] === '2'),
    }));
}

function readSent(connection: OriginConnection): Pick<RequestOutcome, 'sent' | 'wrong'> {
  const { messages, wrong, rest } = readRequests(connection.bytes);
  const isProbe = ({ start }: StrictMessage) => start[1] === '/probe';
  const beginsHead = wrong === null && rest !== '' ? 'half a head' : null;
  const reason = wrong ?? beginsHead;
  return {
    sent: messages
      .filter((message) => !isProbe(message))
      .map((message) => ({ message, unclear: unclearRequest(message) })),
    wrong: reason === null ? null : { reason, rest },
  };
}

/**
 * The outcome as a document tells it, one line each. What had begun to go on and was never whole is left out: whether any
 * of it does hangs on its size, and on how the octets were cut on their way.
 */
export function describeRequestOutcome(
  { sent, wrong, answers, end }: RequestOutcome,
  originPort: number,
): string[] {
  const told = answers.map(({ status, isOrigins }) => {
    if (isOrigins) return `answered ${status}`;
    return status < 400 ? `own ${status}` : `refused ${status}`;
  });
  const lines = sent.flatMap(({ message }) => {
    if (!message.isWhole) return [];
    return [
      `sent ${escapeText(message.head.replaceAll(`127.0.0.1:${originPort}`, 'origin'))}`,
      ...(message.body === '' ? [] : [`body ${escapeText(message.body)}`]),
      ...message.trailers.map(([name, value]) => `trailer ${escapeText(`${name}: ${value}`)}`),
    ];
  });
  if (wrong !== null) lines.push(`wrong ${wrong.reason}`);
  return [...lines, ...told, end];
}
