import { describe, expect, it } from 'vitest';
import {
  durationText,
  type Reading,
  readDuration,
  readPercent,
  readSize,
} from '../../../src/config/units.ts';

function value(reading: Reading<number>): number {
  if (!reading.ok) throw new Error(reading.meant);
  return reading.value;
}

function meant(reading: Reading<number>): string {
  if (reading.ok) throw new Error(`read as ${reading.value}`);
  return reading.meant;
}

describe('durations', () => {
  it.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['10m', 600_000],
    ['1h', 3_600_000],
    ['0s', 0],
    ['576h', 2_073_600_000],
  ])('%s is %d ms', (text, ms) => expect(value(readDuration(text))).toBe(ms));

  it.each([
    [30, 'write 30s'],
    [0, 'write 0s'],
    ['30', 'write 30s'],
    ['30 s', 'write 30s'],
    ['1.5s', 'write 1500ms'],
    ['0.5h', 'write 30m'],
    ['1h30m', 'write 90m'],
    ['2d', 'write 48h'],
    ['10 minutes', 'write 10m'],
    ['5sec', 'write 5s'],
    ['100millis', 'write 100ms'],
    ['600h', 'at most 576h'],
    ['-1s', 'such as 250ms'],
    ['', 'such as 250ms'],
    ['s', 'such as 250ms'],
    ['1S', 'such as 250ms'],
    ['1e3s', 'such as 250ms'],
    [true, 'such as 250ms'],
    [null, 'such as 250ms'],
    [['1s'], 'such as 250ms'],
  ])('%j is none: %s', (raw, hint) => expect(meant(readDuration(raw))).toContain(hint));

  it('is the longest that a Node timer can wait', () => {
    expect(value(readDuration('576h'))).toBeLessThan(2 ** 31);
  });

  it.each(['0s', '250ms', '1500ms', '90s', '90m', '25h'])('writes %s as it was read', (text) => {
    expect(durationText(value(readDuration(text)))).toBe(text);
  });
});

describe('sizes', () => {
  it.each([
    ['512B', 512],
    ['64KiB', 65_536],
    ['16MiB', 16_777_216],
    ['1GiB', 1_073_741_824],
    ['0B', 0],
  ])('%s is %d octets', (text, octets) => expect(value(readSize(text))).toBe(octets));

  it.each([
    [65_536, 'write 65536B'],
    ['65536', 'write 65536B'],
    ['64KB', 'write 64KiB'],
    ['64 KiB', 'write 64KiB'],
    ['64k', 'write 64KiB'],
    ['16mb', 'write 16MiB'],
    ['1G', 'write 1GiB'],
    ['1.5MiB', 'such as 512B'],
    ['1TiB', 'such as 512B'],
    ['-1B', 'such as 512B'],
    ['999999999999GiB', 'a smaller size'],
    [false, 'such as 512B'],
  ])('%j is none: %s', (raw, hint) => expect(meant(readSize(raw))).toContain(hint));
});

describe('percentages', () => {
  it.each([
    ['20%', 0.2],
    ['0%', 0],
    ['100%', 1],
    ['0.5%', 0.005],
  ])('%s is %d', (text, share) => expect(value(readPercent(text))).toBe(share));

  it.each([
    [20, 'write 20%'],
    [0.2, 'write 20%'],
    ['20', 'write 20%'],
    ['101%', 'from 0% to 100%'],
    ['-1%', 'from 0% to 100%'],
    ['20 %', 'from 0% to 100%'],
    [null, 'from 0% to 100%'],
  ])('%j is none: %s', (raw, hint) => expect(meant(readPercent(raw))).toContain(hint));
});
