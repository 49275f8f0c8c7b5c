/** Requests that the gateway answers itself, as their final recipient (RFC 9110 7.6.2). */
import { FieldId } from '../message/fields.ts';
import type { RequestHead } from '../message/head.ts';
import type { OwnResponse } from '../message/own-response.ts';

/** The answer to OPTIONS or TRACE with `Max-Forwards: 0`, or null for everything that is to be forwarded. */
export function ownAnswer(head: RequestHead): OwnResponse | null {
  if (head.method !== 'OPTIONS' && head.method !== 'TRACE') return null;
  const maxForwards = head.fields.get(FieldId.maxForwards);
  if (maxForwards === undefined || !/^0+$/.test(maxForwards)) return null;
  if (head.method === 'TRACE') {
    const body = echoed(head);
    return {
      status: 200,
      reason: 'OK',
      fieldLines: 'Content-Type: message/http\r\n',
      body,
    };
  }
  // RFC 9110 9.3.7: what applies here. The gateway forwards any method.
  return {
    status: 200,
    reason: 'OK',
    fieldLines: 'Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE, QUERY\r\n',
    body: '',
  };
}

/** RFC 9110 9.3.8: what carries credentials is not sent back. */
const sensitive: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'x-api-key',
]);

function echoed(head: RequestHead): string {
  const { fields } = head;
  const end = fields.count === 0 ? fields.text.length : fields.lineStart(0);
  let text = fields.text.slice(0, end).trimEnd();
  text += '\r\n';
  for (let index = 0; index < fields.count; index += 1) {
    const name = fields.name(index);
    if (!sensitive.has(name.toLowerCase())) text += `${name}: ${fields.value(index)}\r\n`;
  }
  return `${text}\r\n`;
}
