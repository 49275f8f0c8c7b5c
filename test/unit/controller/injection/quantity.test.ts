import { describe, expect, it } from 'vitest';
import { amountOf, isBelow, readQuantity } from '../../../../src/controller/injection/quantity.ts';

describe('quantities', () => {
  it.each([
    ['250m', 0.25],
    ['1', 1],
    ['1.5', 1.5],
    ['64Mi', 67_108_864],
    ['1G', 1e9],
    ['1e3', null],
    ['-1', null],
    ['Mi', null],
    ['', null],
  ])('%s is %s', (text, amount) => {
    expect(amountOf(text)).toBe(amount);
  });

  it('reads numbers as YAML gives them, and none', () => {
    expect(readQuantity(1, 'cpu')).toEqual({ ok: true, value: '1' });
    expect(readQuantity('none', 'memory')).toEqual({ ok: true, value: null });
  });

  it('asks for the unit that somebody forgot', () => {
    expect(readQuantity('64', 'memory')).toMatchObject({ ok: false });
    expect(readQuantity('64m', 'memory')).toMatchObject({ ok: false });
    expect(readQuantity('4096', 'cpu')).toMatchObject({ ok: false });
    expect(readQuantity('0', 'cpu')).toMatchObject({ ok: false });
  });

  it('compares across units', () => {
    expect(isBelow('900m', '1')).toBe(true);
    expect(isBelow('1Gi', '1024Mi')).toBe(false);
    expect(isBelow(null, '1')).toBe(false);
  });
});
