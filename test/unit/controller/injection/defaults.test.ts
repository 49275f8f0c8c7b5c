import { describe, expect, it } from 'vitest';
import { formatMistakes } from '../../../../src/config/mistake.ts';
import { readDefaults } from '../../../../src/controller/injection/defaults.ts';

function mistakesOf(text: string): string {
  const read = readDefaults(text);
  return read.ok ? '' : formatMistakes('injection.yaml', read.mistakes);
}

describe('readDefaults', () => {
  it('needs only the image, from the file or from beside it', () => {
    const read = readDefaults('', { image: 'sidepool:1' });
    expect(read).toMatchObject({
      ok: true,
      defaults: {
        image: 'sidepool:1',
        imagePullPolicy: 'IfNotPresent',
        native: 'auto',
        warm: 2,
        pipelining: 'off',
        strict: false,
        runAsUser: 65_532,
        resources: {
          cpuRequest: '10m',
          cpuLimit: null,
          memoryRequest: '64Mi',
          memoryLimit: '256Mi',
        },
      },
    });
    expect(readDefaults('image: a', { image: 'b' })).toMatchObject({ defaults: { image: 'b' } });
    expect(mistakesOf('')).toMatch(/image: found nothing; it must be given/);
  });

  it('takes what Helm makes of on and off', () => {
    expect(readDefaults('image: a\nnative: false\npipelining: false\n')).toMatchObject({
      defaults: { native: 'off', pipelining: 'off' },
    });
  });

  it('names every mistake with its line, at once', () => {
    const says = mistakesOf(
      [
        'image: a b',
        'runAsUser: 0',
        'nativ: on',
        'resources:',
        '  requests: { cpu: 2, memory: 64 }',
        '  limits: { cpu: 1, gpu: 1 }',
        'warm: many',
      ].join('\n'),
    );
    expect(says.split('\n')).toHaveLength(7);
    expect(says).toMatch(/injection\.yaml:1:8 {2}image: found "a b"; an image is meant/);
    expect(says).toMatch(/:2:\d+ {2}runAsUser: found 0; a user number of 1 or more/);
    expect(says).toMatch(/:3:\d+ {2}nativ: found an unknown key; did you mean native\?/);
    expect(says).toMatch(/resources\.requests\.memory: found 64; .* 64 is 64 octets/);
    expect(says).toMatch(/resources\.limits\.gpu: found an unknown key; /);
    expect(says).toMatch(/resources\.limits\.cpu: found "1"; at least the request \(2\)/);
    expect(says).toMatch(/warm: found "many"; a whole number/);
  });

  it('refuses what is no mapping, and broken YAML', () => {
    expect(mistakesOf('- a')).toMatch(/a mapping of options is meant/);
    expect(mistakesOf('image: [')).toMatch(/broken YAML/);
    expect(mistakesOf('image: a\nresources: big\n')).toMatch(
      /resources: found "big"; a mapping is meant/,
    );
  });
});
