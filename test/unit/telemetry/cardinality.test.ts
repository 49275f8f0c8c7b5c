/** How many series there can be: what the catalogue declares, whatever happens and whatever is asked for. */
import { describe, expect, it } from 'vitest';
import { type FaultKind, type FaultSide, fault } from '../../../src/base/fault.ts';
import { faultKinds, faultSides } from '../../../src/telemetry/fault-labels.ts';
import { processCatalogue } from '../../../src/telemetry/process-catalogue.ts';
import { upstreamCatalogue } from '../../../src/telemetry/upstream-catalogue.ts';
import { connections, endpoint, healthOf, request, scene, snapshot } from './scene.ts';

type Declared = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** By metric and label, the values that it may have. */
const declared: Declared = new Map(
  [
    ...upstreamCatalogue,
    ...processCatalogue({ version: '1.2.3', node: process.versions.node }),
  ].map(({ name, labels = {} }) => [name, new Map(Object.entries(labels))] as const),
);

interface Line {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

function linesOf(body: string): Line[] {
  return body
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', labels = ''] = /^(\w+)(?:\{(.*)\})? \S+$/.exec(line) ?? [];
      const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
      return {
        name: name.replace(/_(bucket|sum|count)$/, (suffix) => (declared.has(name) ? suffix : '')),
        labels: Object.fromEntries(pairs.map(([, label = '', value = '']) => [label, value])),
      };
    });
}

/** A page on which all has happened that can happen, with requests that carry all sorts of things. */
async function busyPage(upstreams: number): Promise<string> {
  const { telemetry } = scene();
  for (let i = 0; i < upstreams; i += 1) {
    const { exchange, upstream, discovery } = telemetry.upstream(`up-${i}`, () => ({
      ...snapshot(`up-${i}`, {
        endpoints: Array.from({ length: 40 }, (_, at) =>
          endpoint(`203.0.113.${at}:80`, {
            connections: connections({ idle: 3, active: 3 }),
            learnedIdleLimitMs: 4000,
            health: healthOf('failing'),
          }),
        ),
      }),
      retriesLeft: 3,
      discovery: {
        kind: 'dns',
        host: 'secret.example.com',
        addresses: ['203.0.113.1'],
        ageMs: 1,
        failures: 0,
        lastFailure: null,
      },
    }));
    for (let n = 0; n < 300; n += 1) {
      exchange.onEnded({ status: n * 3, durationMs: n * 500, isReused: n % 2 === 0 });
      upstream.onDialFailed(anyFault(n));
      exchange.onFault(anyFault(n), {
        status: 502,
        request: request('GET', `/path-${n}?q=${n}`, [['Host', `host-${n}.example.com`]]),
        attempts: 1,
        durationMs: 1,
        endpoint: `203.0.113.${n % 250}:80`,
      });
      telemetry.client.onFault(anyFault(n), 400);
      discovery.onResolveFailed(`no such name: host-${n}.example.com`);
    }
  }
  return (await telemetry.metricsText()).body;
}

function anyFault(n: number) {
  const kind = faultKinds[n % faultKinds.length] as FaultKind;
  const side = faultSides[Math.trunc(n / faultKinds.length) % faultSides.length] as FaultSide;
  return fault(kind, side, `Asked for /path-${n}.`);
}

describe('labels', () => {
  it('have the values that the catalogue tells, and no others', async () => {
    const lines = linesOf(await busyPage(3));
    expect(lines.length).toBeGreaterThan(900);
    for (const { name, labels } of lines) {
      const known = declared.get(name);
      expect(known, name).toBeDefined();
      for (const [label, value] of Object.entries(labels)) {
        if (label === 'upstream') expect(value).toMatch(/^up-[012]$/);
        else if (label === 'le') expect(value).toMatch(/^(\+Inf|[0-9.]+)$/);
        else expect(known?.get(label), `${name} ${label}`).toContain(value);
      }
    }
  });

  it('have nothing of a request, an address or a name', async () => {
    expect(await busyPage(1)).not.toMatch(/path-|203\.0\.113|example\.com/);
  });

  it('make a bounded number of series, which depends on the upstreams alone', async () => {
    const counts = [];
    for (const upstreams of [0, 1, 2, 10]) counts.push(linesOf(await busyPage(upstreams)).length);
    const [none = 0, one = 0, two = 0, ten = 0] = counts;
    // Without an upstream nothing fails here, so that no fault has a series.
    expect(ten - two).toBe(8 * (two - one));
    // 234 of them are all pairs of kind and side, of which a process sees a few.
    expect(two - one).toBeLessThan(460);
    expect(none).toBeLessThan(80);
  });
});
