import { describe, expect, it } from 'vitest';
import { fault } from '../../../src/base/fault.ts';
import { scene, snapshot } from './scene.ts';

const refused = fault('connect-refused', 'upstream', 'Nothing listens on 192.0.2.1:443.', {
  code: 'ECONNREFUSED',
});
const phases = { tcpMs: 1, tlsMs: null, resumed: false };

describe('the log tells of changes', () => {
  it('an upstream that fails, goes down and comes back: three lines, however many dials', () => {
    const { telemetry, clock, lines } = scene();
    let isDown = false;
    const { upstream } = telemetry.upstream('api', () => snapshot('api', { isDown }));
    upstream.onOpened(phases);
    expect(lines()).toEqual([]);
    for (let i = 0; i < 5; i += 1) {
      upstream.onDialFailed(refused);
      clock.pass(700);
    }
    isDown = true;
    for (let i = 0; i < 5; i += 1) {
      upstream.onDialFailed(refused);
      clock.pass(700);
    }
    upstream.onOpened(phases);
    upstream.onOpened(phases);
    expect(lines()).toMatchObject([
      { level: 'warn', event: 'upstream-dial-failed', upstream: 'api', code: 'ECONNREFUSED' },
      { level: 'warn', event: 'upstream-down', failed_dials: 6, for_ms: 3500 },
      { level: 'info', event: 'upstream-recovered', failed_dials: 10, for_ms: 7000 },
    ]);
  });

  it('one dead endpoint of two does not fill the log', () => {
    const { telemetry, clock, lines } = scene();
    const { upstream } = telemetry.upstream('api', () => snapshot('api'));
    for (let i = 0; i < 300; i += 1) {
      upstream.onDialFailed(refused);
      upstream.onOpened(phases);
      clock.pass(100);
    }
    expect(lines()).toHaveLength(6);
  });

  it('a name that stops resolving, and resolves again', () => {
    const { telemetry, lines } = scene();
    const { discovery } = telemetry.upstream('api', () => snapshot('api'));
    const answer = { addresses: 1, ttlMs: 5000, tookMs: 3, changed: false };
    discovery.onResolved(answer);
    discovery.onResolveFailed('No server answered.');
    discovery.onResolveFailed('No server answered.');
    discovery.onResolved(answer);
    expect(lines()).toMatchObject([
      { level: 'warn', event: 'dns-failed', upstream: 'api', cause: 'No server answered.' },
      { level: 'info', event: 'dns-recovered', upstream: 'api' },
    ]);
  });

  it('the life of the gateway', () => {
    const { telemetry, lines } = scene();
    telemetry.onListening('127.0.0.1:15101', 'api');
    telemetry.onAdminListening('127.0.0.1:15100');
    telemetry.onVerificationOff('api');
    telemetry.onReady({ tookMs: 123.4 });
    telemetry.onReady({ tookMs: 5000, reasons: ['api: no connection yet'] });
    telemetry.onReload('applied', '1 upstream changed');
    telemetry.onReload('refused', 'upstreams.api.url: is missing');
    telemetry.setLogLevel('info');
    telemetry.setLogLevel('debug');
    telemetry.setDraining('SIGTERM');
    telemetry.setDraining('SIGTERM');
    telemetry.onDrained({ tookMs: 1000, abandoned: 0 });
    telemetry.onDrained({ tookMs: 25_000, abandoned: 2 });
    expect(lines().map(({ level, event }) => `${level} ${event}`)).toEqual([
      'info listening',
      'info admin-listening',
      'warn tls-verification-off',
      'info ready',
      'warn ready',
      'info reload',
      'error reload',
      'info log-level',
      'info drain-began',
      'info drain-ended',
      'warn drain-ended',
    ]);
  });
});
