import { expect, it } from 'vitest';
import { FieldId } from '../../../src/message/fields.ts';
import { RequestHead, ResponseHead } from '../../../src/message/head.ts';

it.each([
  ['request', () => new RequestHead()],
  ['response', () => new ResponseHead()],
] as const)('a %s head that is cleared is as a new one', (_, make) => {
  const head = make();
  for (const [key, value] of Object.entries(head)) {
    if (typeof value === 'string') Object.assign(head, { [key]: 'x' });
    if (typeof value === 'number') Object.assign(head, { [key]: 7 });
    if (typeof value === 'boolean') Object.assign(head, { [key]: !value });
  }
  if (head instanceof RequestHead) head.authority = 'a';
  Object.assign(head.options, {
    close: true,
    keepAlive: true,
    upgrade: true,
    te: true,
    named: ['x'],
  });
  head.fields.text = 'A: b\r\n';
  head.fields.hasImproperLine = true;
  head.fields.add(FieldId.other, 0, 1, 3, 4, 6);
  head.clear();
  const { fields, ...rest } = head;
  const { fields: newFields, ...newRest } = make();
  expect(rest).toEqual(newRest);
  expect([fields.count, fields.text, fields.hasImproperLine]).toEqual([
    newFields.count,
    newFields.text,
    newFields.hasImproperLine,
  ]);
});
