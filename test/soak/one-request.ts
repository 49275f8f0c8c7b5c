/** One request on a client connection of its own, as the soak runs send them by the thousand. */
import { connect } from 'node:net';

export interface OneRequest {
  readonly port: number;
  readonly method: string;
  readonly path?: string;
  /** Goes with it as `X-Id`, so that the origin can tell whether it saw a request twice. */
  readonly id: string;
  readonly body?: string;
  readonly timeoutMs?: number;
}

export interface OneAnswer {
  readonly id: string;
  /** 0: no answer came. */
  readonly status: number;
  /** The value of Proxy-Status; empty when there is none. */
  readonly proxyStatus: string;
  /** Why no answer came; empty when one did. */
  readonly error: string;
  /** The value of X-Nth: how many requests its upstream connection had then carried; 0 when it does not say. */
  readonly nth: number;
  /** Wall clock, in milliseconds, so that processes can compare: when its bytes were given to the socket. */
  readonly sentAtMs: number;
  readonly endedAtMs: number;
}

/** The spacing that requests are said to have had which follow no other. */
export const firstSpacingMs = 10_000;

/** Wall time of the resolution of `performance.now()`; comparable between processes of one machine. */
export function wallMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Never rejects: what went wrong is in the answer. */
export function oneRequest(request: OneRequest): Promise<OneAnswer> {
  const { port, method, id, path = '/', body = '', timeoutMs = 10_000 } = request;
  return new Promise((resolve) => {
    let text = '';
    let error = '';
    let sentAtMs = wallMs();
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const length = method === 'GET' ? '' : `Content-Length: ${body.length}\r\n`;
    socket.setEncoding('latin1');
    socket.setTimeout(timeoutMs, () => {
      error = `no answer within ${timeoutMs} ms`;
      socket.destroy();
    });
    socket.on('connect', () => {
      sentAtMs = wallMs();
      socket.write(
        `${method} ${path} HTTP/1.1\r\nHost: origin\r\nX-Id: ${id}\r\nConnection: close\r\n${length}\r\n${body}`,
      );
    });
    socket.on('data', (data: string) => {
      text += data;
    });
    socket.on('error', (cause: Error) => {
      error ||= cause.message;
    });
    socket.on('close', () => {
      const status = isWhole(text) ? Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0) : 0;
      if (status === 0) error ||= text === '' ? 'closed without an answer' : 'an answer cut short';
      const proxyStatus = /^proxy-status: *(.*)\r$/im.exec(text)?.[1] ?? '';
      const nth = Number(/^x-nth: *(\d+)\r$/im.exec(text)?.[1] ?? 0);
      resolve({ id, status, proxyStatus, error, nth, sentAtMs, endedAtMs: wallMs() });
    });
  });
}

/** `sent-no-response` and so on; empty when the answer does not say. */
export function detailsOf(answer: OneAnswer): string {
  return /details="([^"]*)"/.exec(answer.proxyStatus)?.[1] ?? '';
}

/** With all the body that Content-Length promises. */
function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const length = /^content-length: *(\d+)\r$/im.exec(text.slice(0, end + 2));
  return length === null || text.length - end - 4 >= Number(length[1]);
}
