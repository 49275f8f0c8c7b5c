import { describe, expect, it } from 'vitest';
import { codeOf, fault, messageOf } from '../../../src/base/fault.ts';

describe('fault', () => {
  it('says that nothing was sent or received unless told', () => {
    expect(fault('connect-refused', 'upstream', 'why')).toEqual({
      kind: 'connect-refused',
      side: 'upstream',
      sent: 'not-sent',
      received: 'nothing',
      cause: 'why',
    });
  });

  it('carries a code only where there is one', () => {
    expect(fault('connect-refused', 'upstream', '', { code: undefined })).not.toHaveProperty(
      'code',
    );
    expect(fault('connect-refused', 'upstream', '', { code: 'ECONNREFUSED' }).code).toBe(
      'ECONNREFUSED',
    );
  });
});

describe('what was caught', () => {
  it.each([
    [Object.assign(new Error('no'), { code: 'EPIPE' }), 'EPIPE', 'no'],
    [Object.assign(new Error('no'), { code: 7 }), undefined, 'no'],
    [{ code: 'X' }, 'X', '[object Object]'],
    ['text', undefined, 'text'],
    [null, undefined, 'null'],
    [undefined, undefined, 'undefined'],
  ])('%s has its code and message told', (thrown, code, message) => {
    expect(codeOf(thrown)).toBe(code);
    expect(messageOf(thrown)).toBe(message);
  });
});
