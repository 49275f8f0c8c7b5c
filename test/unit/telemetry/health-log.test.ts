import { expect, it } from 'vitest';
import { healthOf, scene, snapshot } from './scene.ts';

it('tells each change of an endpoint, why, and for how long', () => {
  const { telemetry, lines } = scene();
  const { upstream } = telemetry.upstream('api', () => snapshot('api'));
  const at = '192.0.2.1:80';
  const why = 'consecutive-failures' as const;
  const health = healthOf('ejected', why);
  upstream.onHealth(at, { from: 'healthy', to: 'ejected', ejectedFor: why, health });
  upstream.onHealth(at, {
    from: 'ejected',
    to: 'probation',
    ejectedFor: null,
    health: healthOf('probation', why),
  });
  upstream.onHealth(at, {
    from: 'probation',
    to: 'healthy',
    ejectedFor: null,
    health: healthOf('healthy'),
  });
  upstream.onHealth(at, {
    from: 'healthy',
    to: 'failing',
    ejectedFor: null,
    health: healthOf('failing', why),
  });
  expect(lines()).toMatchObject([
    {
      level: 'warn',
      event: 'endpoint-ejected',
      upstream: 'api',
      endpoint: at,
      from: 'healthy',
      to: 'ejected',
      reason: why,
      consecutive_failures: 5,
      for_ms: 9_000,
    },
    { level: 'info', event: 'endpoint-on-trial', reason: why },
    { level: 'info', event: 'endpoint-returned', from: 'probation' },
    { level: 'warn', event: 'endpoint-failing', reason: why },
  ]);
  expect(lines()[2]).not.toHaveProperty('reason');
  expect(lines()[2]).not.toHaveProperty('consecutive_failures');
});

it('tells of panic and of the breaker', () => {
  const { telemetry, lines } = scene();
  const { upstream } = telemetry.upstream('api', () => snapshot('api'));
  upstream.onPanic(true);
  upstream.onPanic(false);
  const reason = 'success-rate' as const;
  upstream.onBreaker({ from: 'closed', to: 'open', reason, openMs: 5_000.4 });
  upstream.onBreaker({ from: 'open', to: 'probation', reason, openMs: null });
  upstream.onBreaker({ from: 'probation', to: 'closed', reason: null, openMs: null });
  expect(lines()).toMatchObject([
    { level: 'warn', event: 'panic-began', upstream: 'api' },
    { level: 'info', event: 'panic-ended' },
    { level: 'warn', event: 'breaker-opened', reason, for_ms: 5_000 },
    { level: 'info', event: 'breaker-on-trial' },
    { level: 'info', event: 'breaker-closed' },
  ]);
});

it('keeps to the limit of lines, and lets the metrics count', () => {
  const { telemetry, lines } = scene();
  const { upstream } = telemetry.upstream('api', () => snapshot('api'));
  const health = healthOf('ejected', 'trial-failed');
  const again = { from: 'probation', to: 'ejected', ejectedFor: 'trial-failed', health } as const;
  for (let i = 0; i < 100; i += 1) upstream.onHealth('192.0.2.1:80', again);
  expect(lines()).toHaveLength(20);
});
