/** What a client is going to send: one request, thought up by chance. */
import type { Random } from '../../src/base/clock.ts';
import { bodyOf, LONGEST_BODY } from './pattern.ts';

export interface RequestPlan {
  readonly id: number;
  readonly method: string;
  readonly version: 10 | 11;
  /** Whether the client asks that the connection live on. */
  readonly keepsAlive: boolean;
  readonly framing: 'none' | 'length' | 'chunked';
  readonly bodyBytes: number;
  readonly expects: boolean;
  /** It carries the field that makes any method repeatable, where that is configured. */
  readonly isPromised: boolean;
  readonly asksUpgrade: boolean;
  readonly bytes: Buffer;
  readonly headBytes: number;
}

export interface PlanTastes {
  /** Nearly all ask for something and send nothing. */
  readonly mostlyGets: boolean;
  readonly largeBodies: boolean;
  readonly upgrades: boolean;
}

export const idempotent: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'QUERY',
  'PUT',
  'DELETE',
]);
export const safe: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY']);

const methods = [
  'GET',
  'GET',
  'GET',
  'GET',
  'HEAD',
  'POST',
  'POST',
  'POST',
  'PUT',
  'PUT',
  'DELETE',
  'OPTIONS',
  'QUERY',
  'PATCH',
] as const;

export function planRequest(id: number, random: Random, tastes: PlanTastes): RequestPlan {
  const method = tastes.mostlyGets && random() < 0.85 ? 'GET' : pick(methods, random);
  const version = random() < 0.2 ? 10 : 11;
  const asks = random();
  const keepsAlive = version === 11 ? asks >= 0.15 : asks < 0.5;
  const mayHaveBody = method !== 'GET' && method !== 'HEAD' && random() < 0.8;
  const framing = !mayHaveBody ? 'none' : version === 11 && random() < 0.4 ? 'chunked' : 'length';
  const bodyBytes = framing === 'none' ? 0 : bodyLength(random, tastes.largeBodies);
  const expects = framing !== 'none' && version === 11 && random() < 0.15;
  const isPromised = random() < 0.15;
  const asksUpgrade = tastes.upgrades && method === 'GET' && version === 11 && random() < 0.3;

  const known = { id, method, version, keepsAlive, framing, bodyBytes, expects } as const;
  const asked = { ...known, isPromised, asksUpgrade };
  const start = Buffer.from(headText(asked, random), 'latin1');
  const body = bodyOf(id, bodyBytes);
  const bytes =
    framing === 'chunked'
      ? Buffer.concat([start, ...inChunks(body, random)])
      : Buffer.concat([start, body]);
  return { ...asked, bytes, headBytes: start.length };
}

function headText(plan: Omit<RequestPlan, 'bytes' | 'headBytes'>, random: Random): string {
  const { id, version, keepsAlive, framing } = plan;
  let head = `${plan.method} /r/${id} HTTP/1.${version === 11 ? 1 : 0}\r\n`;
  if (version === 11 || random() < 0.5) head += 'Host: client.example\r\n';
  head += `X-Id: ${id}\r\n`;
  const options: string[] = [];
  if (plan.asksUpgrade) {
    head += 'Upgrade: websocket\r\n';
    options.push('upgrade');
  }
  if (version === 11 && !keepsAlive) options.push('close');
  if (version === 10 && keepsAlive) options.push('keep-alive');
  if (options.length > 0) head += `Connection: ${options.join(', ')}\r\n`;
  if (plan.expects) head += 'Expect: 100-continue\r\n';
  if (plan.isPromised) head += `Idempotency-Key: k${id}\r\n`;
  if (framing === 'length') head += `Content-Length: ${plan.bodyBytes}\r\n`;
  if (framing === 'chunked') head += 'Transfer-Encoding: chunked\r\n';
  return `${head}\r\n`;
}

export function bodyLength(random: Random, mayBeLarge: boolean): number {
  const size = random();
  if (size < 0.08) return 0;
  if (size < 0.7) return 1 + Math.floor(random() * 60);
  if (size < 0.93 || !mayBeLarge) return 1 + Math.floor(random() * 3_000);
  return 1 + Math.floor(random() * (LONGEST_BODY - 1));
}

export function inChunks(body: Buffer, random: Random, trailers = ''): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const length = Math.min(body.length - at, 1 + Math.floor(random() * Math.max(40, body.length)));
    parts.push(
      Buffer.from(`${length.toString(16)}\r\n`, 'latin1'),
      body.subarray(at, at + length),
      Buffer.from('\r\n'),
    );
    at += length;
  }
  parts.push(Buffer.from(`0\r\n${trailers}\r\n`, 'latin1'));
  return parts;
}

export function pick<T>(list: readonly T[], random: Random): T {
  return list[Math.floor(random() * list.length)] as T;
}
