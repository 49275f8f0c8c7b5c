import { describe, expect, it } from 'vitest';
import { readArguments } from '../../../src/cli/arguments.ts';

function read(line: string) {
  return readArguments(line === '' ? [] : line.split(' '));
}

describe('the words behind sidepool', () => {
  it.each(['', 'help', '--help', '-h', 'gateway --help', 'check --help', 'demo -h'])(
    '"%s" asks for help',
    (line) => expect(read(line)).toEqual({ name: 'help' }),
  );

  it.each(['--version', '-v'])('"%s" asks for the version', (line) => {
    expect(read(line)).toEqual({ name: 'version' });
  });

  it('takes pairs in their order', () => {
    const line =
      'gateway --listen 127.0.0.1:1 --upstream http://a --upstream http://b --listen unix:/s --admin off';
    expect(read(line)).toEqual({
      name: 'gateway',
      source: {
        kind: 'pairs',
        admin: 'off',
        pairs: [
          { listen: '127.0.0.1:1', upstream: 'http://a' },
          { listen: 'unix:/s', upstream: 'http://b' },
        ],
      },
    });
  });

  it('takes a file', () => {
    expect(read('gateway --config a.yaml')).toEqual({
      name: 'gateway',
      source: { kind: 'file', file: 'a.yaml' },
    });
    expect(read('gateway --config a.yaml --admin off')).toEqual({
      name: 'gateway',
      source: { kind: 'file', file: 'a.yaml', admin: 'off' },
    });
    expect(read('gateway --config a.yaml --admin [::1]:1')).toMatchObject({
      source: { admin: '[::1]:1' },
    });
    expect(read('check a.yaml')).toEqual({ name: 'check', file: 'a.yaml' });
  });

  it('takes the demo with its defaults and without', () => {
    expect(read('demo')).toEqual({ name: 'demo', once: false, requests: 2000 });
    expect(read('demo --once --requests 100')).toEqual({
      name: 'demo',
      once: true,
      requests: 100,
    });
  });

  it.each([
    [
      'gate',
      '"gate" is no command: there are gateway, check, explain, doctor, top, inject, ready and demo.',
    ],
    ['gateway', 'Give --listen ADDR with --upstream URL, or --config FILE.'],
    ['gateway --upstream http://a', 'Give --listen ADDR with --upstream URL, or --config FILE.'],
    ['gateway --listen a', '1 --listen and 0 --upstream: they come in pairs.'],
    ['gateway --config a --listen b', 'Give --config, or --listen with --upstream, not both.'],
    ['gateway --config a --upstream b', 'Give --config, or --listen with --upstream, not both.'],
    ['gateway --config a --admin 15100', /^--admin: found "15100"; .*write 127\.0\.0\.1:15100/],
    ['gateway a.yaml', /positional/],
    ['gateway --lissten a', /--lissten/],
    ['check', 'Give one file: sidepool check FILE.'],
    ['check a b', 'Give one file: sidepool check FILE.'],
    ['demo a', /positional/],
    ['demo --requests 99', '--requests takes a whole number from 100 to 1000000.'],
    ['demo --requests 1000001', '--requests takes a whole number from 100 to 1000000.'],
    ['demo --requests 100.5', '--requests takes a whole number from 100 to 1000000.'],
    ['demo --requests many', '--requests takes a whole number from 100 to 1000000.'],
  ])('"%s" is no call, and is told so in one sentence', (line, sentence) => {
    const told = read(line);
    expect(told).toBeTypeOf('string');
    if (typeof sentence === 'string') expect(told).toBe(sentence);
    else expect(told).toMatch(sentence);
  });
});
