import { describe, expect, it } from 'vitest';
import type { PortFigures } from '../../../src/telemetry/port-meter.ts';
import { gaugesOf } from '../../../src/telemetry/upstream-gauges.ts';
import { connections, endpoint, healthOf, snapshot } from './scene.ts';

const unknown: PortFigures = { perEndpoint: Number.NaN, byEndpoint: null };

describe('what an upstream is like now', () => {
  it('ready are the idle connections well inside their limit, of endpoints that are used', () => {
    const idle = (idleMs: number) => ({
      id: 1,
      state: 'idle' as const,
      ageMs: 9000,
      idleMs,
      requests: 1,
    });
    const state = snapshot('api', {
      warmWanted: 4,
      endpoints: [
        endpoint('192.0.2.1:80', {
          idleLimitMs: 4000,
          connections: [idle(0), idle(2999), idle(3000), ...connections({ active: 2 })],
        }),
        endpoint('192.0.2.2:80', { connections: [idle(0)], health: healthOf('ejected') }),
        endpoint('192.0.2.3:80', { connections: [idle(0)], isDraining: true }),
      ],
    });
    expect(gaugesOf([state], unknown)).toMatchObject({ warmWanted: 4, warmReady: 2, idle: 5 });
  });

  it('learned is the least of all that have learned; not known where none has', () => {
    const limits = [null, 7000, 5000].map((learnedIdleLimitMs, at) =>
      endpoint(`192.0.2.${at}:80`, { learnedIdleLimitMs }),
    );
    expect(gaugesOf([snapshot('api', { endpoints: limits })], unknown).leastLearnedMs).toBe(5000);
    const none = snapshot('api', { endpoints: [endpoint('192.0.2.1:80')] });
    expect(gaugesOf([none], unknown).leastLearnedMs).toBeNaN();
  });

  it('ports: the sum, the budget of all endpoints, the share of the fullest; each endpoint once', () => {
    const endpoints = ['192.0.2.1:80', '192.0.2.2:80'].map((address) => endpoint(address));
    const ports: PortFigures = {
      perEndpoint: 1000,
      byEndpoint: new Map([
        ['192.0.2.1:80', { open: 4, timeWait: 96 }],
        ['192.0.2.2:80', { open: 300, timeWait: 0 }],
        ['192.0.2.3:80', { open: 900, timeWait: 0 }],
      ]),
    };
    const old = snapshot('api', { endpoints: [endpoint('192.0.2.2:80', { isDraining: true })] });
    expect(gaugesOf([old, snapshot('api', { endpoints })], ports)).toMatchObject({
      portsOpen: 304,
      portsTimeWait: 96,
      portsLimit: 2000,
      portsUsedRatio: 0.3,
    });
    const { portsOpen, portsLimit, portsUsedRatio } = gaugesOf([snapshot('api')], unknown);
    expect([portsOpen, portsLimit, portsUsedRatio]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  it('budget and answer are of the upstream in force', () => {
    const discovery = {
      kind: 'dns',
      host: 'api.example.com',
      addresses: ['192.0.2.1', '192.0.2.2'],
      ageMs: 1500,
      failures: 0,
      lastFailure: null,
    } as const;
    const old = { ...snapshot('api'), retriesLeft: 1, discovery: { ...discovery, addresses: [] } };
    const now = { ...snapshot('api'), retriesLeft: 30, discovery };
    expect(gaugesOf([old, now], unknown)).toMatchObject({
      retriesLeft: 30,
      addresses: 2,
      answerAgeMs: 1500,
    });
  });
});
