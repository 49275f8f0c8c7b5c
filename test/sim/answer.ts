/** What an origin answers, thought up by chance: the octets, and what they mean. */
import type { Random } from '../../src/base/clock.ts';
import { bodyOf } from './pattern.ts';
import { bodyLength, inChunks, pick } from './plan.ts';
import type { SentRequest } from './request-scan.ts';

export interface AnswerTastes {
  readonly largeBodies: boolean;
  readonly interims: boolean;
  readonly speaks10: boolean;
  readonly malformed: boolean;
  readonly failures: boolean;
}

/** `garbage`: no response at all. `broken`: the body's framing breaks in the middle. */
export type Soundness = 'sound' | 'broken' | 'garbage';

export interface AnswerPlan {
  readonly serial: number;
  readonly status: number;
  readonly version: 10 | 11;
  readonly keeps: boolean;
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  readonly bodyBytes: number;
  readonly soundness: Soundness;
  readonly retryAfterSeconds: number | null;
  readonly isSwitch: boolean;
  readonly interims: Buffer;
  readonly head: Buffer;
  readonly rest: Buffer;
}

/** As plain as can be: whole, framed, and the connection lives on. */
export function plainAnswer(serial: number, request: SentRequest): AnswerPlan {
  const body = request.method === 'HEAD' ? Buffer.alloc(0) : bodyOf(serial, 5);
  return {
    serial,
    status: 200,
    version: 11,
    keeps: true,
    framing: request.method === 'HEAD' ? 'none' : 'length',
    bodyBytes: body.length,
    soundness: 'sound',
    retryAfterSeconds: null,
    isSwitch: false,
    interims: Buffer.alloc(0),
    head: Buffer.from(
      `HTTP/1.1 200 OK\r\nX-Id: ${request.id}\r\nX-Serial: ${serial}\r\nContent-Length: 5\r\n\r\n`,
    ),
    rest: body,
  };
}

export function planAnswer(
  serial: number,
  request: SentRequest,
  random: Random,
  tastes: AnswerTastes,
): AnswerPlan {
  const isSwitch = request.asksUpgrade && random() < 0.7;
  const version = tastes.speaks10 && !isSwitch && random() < 0.4 ? 10 : 11;
  const status = isSwitch ? 101 : statusBy(random, tastes);
  const hasNoBody = isSwitch || request.method === 'HEAD' || status === 204 || status === 304;
  const framing = hasNoBody ? 'none' : framingBy(random, version);
  const bodyBytes = hasNoBody ? 0 : bodyLength(random, tastes.largeBodies);
  const soundness = tastes.malformed ? soundnessBy(random, framing) : 'sound';
  const asked = random();
  const keeps = framing !== 'close' && (version === 11 ? asked >= 0.08 : asked < 0.5);
  const retryAfterSeconds =
    (status === 503 || status === 429) && random() < 0.4 ? Math.floor(random() * 3) : null;

  const known = { version, keeps, framing, bodyBytes } as const;
  return {
    ...known,
    serial,
    status,
    soundness,
    retryAfterSeconds,
    isSwitch,
    interims: tastes.interims ? interimsBy(random) : Buffer.alloc(0),
    head: Buffer.from(
      soundness === 'garbage'
        ? 'HTTP/1.1 2x0 ?\r\n\r\n'
        : headText({ ...known, serial, status, isSwitch, retryAfterSeconds }, request, random),
      'latin1',
    ),
    rest: restBy(serial, { framing, bodyBytes, soundness }, random),
  };
}

function headText(
  plan: Omit<AnswerPlan, 'soundness' | 'interims' | 'head' | 'rest'>,
  { id, method }: SentRequest,
  random: Random,
): string {
  const { version, status, keeps, framing } = plan;
  let head = `HTTP/1.${version === 11 ? 1 : 0} ${status} Said So\r\n`;
  head += `X-Id: ${id}\r\nX-Serial: ${plan.serial}\r\n`;
  if (plan.isSwitch) head += 'Upgrade: websocket\r\nConnection: Upgrade\r\n';
  else if (version === 11 && !keeps && framing !== 'close') head += 'Connection: close\r\n';
  else if (version === 10 && keeps) head += 'Connection: keep-alive\r\n';
  if (random() < 0.1) head += `Keep-Alive: timeout=${1 + Math.floor(random() * 5)}\r\n`;
  if (plan.retryAfterSeconds !== null) head += `Retry-After: ${plan.retryAfterSeconds}\r\n`;
  if (framing === 'length') head += `Content-Length: ${plan.bodyBytes}\r\n`;
  if (framing === 'chunked') head += 'Transfer-Encoding: chunked\r\n';
  if (method === 'HEAD' && random() < 0.5) head += 'Content-Length: 77\r\n';
  return `${head}\r\n`;
}

function statusBy(random: Random, { failures }: AnswerTastes): number {
  if (random() < 0.75) return 200;
  return pick(
    failures ? [503, 503, 503, 502, 504, 429, 500, 204, 304, 404] : [204, 304, 404],
    random,
  );
}

function framingBy(random: Random, version: 10 | 11): 'length' | 'chunked' | 'close' {
  const chance = random();
  if (chance < 0.08) return 'close';
  return version === 11 && chance < 0.4 ? 'chunked' : 'length';
}

function soundnessBy(random: Random, framing: AnswerPlan['framing']): Soundness {
  const chance = random();
  if (chance < 0.04) return 'garbage';
  return framing === 'chunked' && chance < 0.12 ? 'broken' : 'sound';
}

function interimsBy(random: Random): Buffer {
  let text = '';
  while (random() < 0.25) {
    const status = pick([100, 102, 103], random);
    text += `HTTP/1.1 ${status} Wait\r\n${random() < 0.5 ? 'Link: </a>\r\n' : ''}\r\n`;
  }
  return Buffer.from(text, 'latin1');
}

function restBy(
  serial: number,
  { framing, bodyBytes, soundness }: Pick<AnswerPlan, 'framing' | 'bodyBytes' | 'soundness'>,
  random: Random,
): Buffer {
  if (soundness === 'garbage' || framing === 'none') return Buffer.alloc(0);
  const body = bodyOf(serial, bodyBytes);
  if (framing !== 'chunked') return body;
  const chunked = Buffer.concat(inChunks(body, random, random() < 0.3 ? 'X-Trailer: t\r\n' : ''));
  if (soundness === 'sound') return chunked;
  return Buffer.concat([chunked.subarray(0, chunked.indexOf('\r\n')), Buffer.from('zz\r\n')]);
}
