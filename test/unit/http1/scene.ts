/** Heads made by the parser, as the writers get them. */
import { Input } from '../../../src/http1/input.ts';
import { RequestParser } from '../../../src/http1/request-parser.ts';
import type { RequestEdits } from '../../../src/http1/request-writer.ts';
import { ResponseParser } from '../../../src/http1/response-parser.ts';
import { RequestHead, ResponseHead } from '../../../src/message/head.ts';

const limits = { headBytes: 32 * 1024, targetBytes: 16 * 1024, maxFields: 100 };

/** Lines of a head, the blank one left out. Throws if the parser refuses them. */
export function parseRequest(...lines: string[]): RequestHead {
  return parseRequestText(`${lines.join('\r\n')}\r\n\r\n`);
}

export function parseRequestText(text: string): RequestHead {
  const input = new Input();
  input.push(Buffer.from(text, 'latin1'));
  const parser = new RequestParser(limits);
  const head = new RequestHead();
  const read = parser.read(input, head);
  if (read !== 'head' || !input.isEmpty)
    throw new Error(`${read}: ${parser.fault?.cause ?? `${input.length} octets left`}\n${text}`);
  return head;
}

export function parseResponse(method: string, ...lines: string[]): ResponseHead {
  return parseResponseText(method, `${lines.join('\r\n')}\r\n\r\n`);
}

export function parseResponseText(method: string, text: string): ResponseHead {
  const input = new Input();
  input.push(Buffer.from(text, 'latin1'));
  const parser = new ResponseParser(limits);
  const head = new ResponseHead();
  const read = parser.read(input, head, method);
  if (read !== 'head' || !input.isEmpty)
    throw new Error(`${read}: ${parser.fault?.cause ?? `${input.length} octets left`}\n${text}`);
  return head;
}

export const plainEdits: RequestEdits = {
  authority: undefined,
  defaultAuthority: 'default.example',
  setLines: '',
  removed: null,
  via: undefined,
};

/** Lines of a written head, without the two empty ones at its end. */
export function linesOf(text: string): string[] {
  const lines = text.split('\r\n');
  if (lines.pop() !== '' || lines.pop() !== '')
    throw new Error(`no blank line at the end of ${text}`);
  return lines;
}
