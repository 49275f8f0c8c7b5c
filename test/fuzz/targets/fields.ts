/** What the fields that govern connection and length are taken to say, against what they say word for word. */
import {
  keepAliveTimeout,
  readConnection,
  readContentLength,
  readTransferEncoding,
} from '../../../src/http1/connection-fields.ts';
import { Line, readFieldLine } from '../../../src/http1/field-lines.ts';
import { forwardedLines, hopByHop, leftOut } from '../../../src/http1/forwarded-lines.ts';
import { FieldId, FieldTable } from '../../../src/message/fields.ts';
import { ConnectionOptions } from '../../../src/message/head.ts';
import { prefersJson } from '../../../src/message/own-response.ts';
import { type FuzzTarget, promise } from '../engine/target.ts';

const out = leftOut(hopByHop);

export const fieldsTarget: FuzzTarget = {
  name: 'fields',
  promise: 'lengths, codings and Connection mean what they say; nothing named is passed on',
  seeds: () =>
    [
      'Connection: close, X-A ,, te\r\nX-A: 1\r\nKeep-Alive: timeout=5, max=10\r\n',
      'Content-Length: 10\r\nAccept: text/plain;q=0.5, application/json\r\n',
      'Transfer-Encoding: chunked\r\nTE: trailers\r\n',
      'Transfer-Encoding: gzip, chunked\r\nConnection: keep-alive\r\nX : y\r\n',
      'Content-Length : 3\r\nUpgrade: websocket\r\nConnection: upgrade\r\n',
    ].map((text) => Buffer.from(text, 'latin1')),
  run(data) {
    const fields = new FieldTable();
    for (let at = 0; at < data.length; ) {
      const next = readFieldLine(data, at, 0, fields, {
        maxFields: 100,
        spaceBeforeColon: 'remove',
      });
      if (next < 0) {
        promise(next >= Line.tooMany, () => `a line gives ${next}`);
        break;
      }
      promise(next > at, () => 'a line that is not over');
      at = next;
    }
    fields.text = data.toString('latin1');
    checkLength(fields);
    checkCoding(fields);
    checkConnection(fields);
    const timeout = keepAliveTimeout(fields);
    promise(timeout === null || (timeout >= 0 && timeout <= 999_999), () => `timeout ${timeout}`);
    prefersJson(fields.get(FieldId.accept));
  },
};

function checkLength(fields: FieldTable): void {
  const length = readContentLength(fields);
  const lines = fields.text.match(/(?<=^|\r\n)content-length[\t ]*:/gi)?.length ?? 0;
  if (typeof length === 'string') return;
  if (length === -1) return;
  promise(lines >= 1, () => 'a length from nowhere');
  const value = fields.get(FieldId.contentLength) ?? '';
  promise(
    BigInt(value) === BigInt(length) && String(length) === value,
    () => `${value} is read as ${length}`,
  );
}

function checkCoding(fields: FieldTable): void {
  const coding = readTransferEncoding(fields);
  const values: string[] = [];
  for (let index = 0; index < fields.count; index += 1)
    if (fields.name(index).toLowerCase() === 'transfer-encoding') values.push(fields.value(index));
  promise(
    (coding === 'absent') === (values.length === 0),
    () => `${values.length} codings are ${coding}`,
  );
  promise(
    coding !== 'chunked' || (values.length === 1 && values[0]?.toLowerCase() === 'chunked'),
    () => `${JSON.stringify(values)} is chunked`,
  );
}

function checkConnection(fields: FieldTable): void {
  const options = new ConnectionOptions();
  const refusal = readConnection(fields, options);
  const words: string[] = [];
  for (let index = 0; index < fields.count; index += 1)
    if (fields.name(index).toLowerCase() === 'connection')
      words.push(
        ...fields
          .value(index)
          .toLowerCase()
          .split(',')
          .map((word) => word.replace(/^[\t ]+|[\t ]+$/g, '')),
      );
  const names = words.filter((word) => word !== '');
  const isDangerous = names.some((name) =>
    /^(?:host|content-length|transfer-encoding)$/.test(name),
  );
  promise(!isDangerous || refusal !== null, () => `Connection may name ${names}`);
  if (refusal !== null) return;
  promise(options.close === names.includes('close'), () => `close in ${names}`);
  const lines = forwardedLines(fields, out, options.named, null);
  for (const line of lines.split('\r\n').slice(0, -1)) {
    const colon = line.indexOf(':');
    promise(colon > 0, () => `a line without a name is passed on: ${JSON.stringify(line)}`);
    const name = line.slice(0, colon).toLowerCase();
    promise(
      !/[\t ]$/.test(name),
      () => `white space before a colon is passed on: ${JSON.stringify(line)}`,
    );
    promise(!options.named?.includes(name), () => `${name} is passed on though it is named`);
    promise(
      !/^(?:connection|keep-alive|te|transfer-encoding|upgrade|proxy-connection)$/.test(name),
      () => `${name} is passed on`,
    );
  }
}
