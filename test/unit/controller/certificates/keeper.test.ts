/** Rotation over years of a fake clock, with the one thing in view that matters: nobody is shown what is not trusted. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { describe, expect, it } from 'vitest';
import { CertificateKeeper } from '../../../../src/controller/certificates/keeper.ts';
import { type CertificateState, expiryOf } from '../../../../src/controller/certificates/state.ts';
import { Lease } from '../../../../src/controller/kubernetes/lease.ts';
import { FakeApi } from '../../../support/fake-api.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const DAY_MS = 86_400_000;
const lifetimes = { authorityMs: 365 * DAY_MS, servingMs: 30 * DAY_MS, trustDelayMs: 300_000 };
const names = ['sidepool-controller.sidepool.svc', '127.0.0.1'];
const secretPath = '/api/v1/namespaces/sidepool/secrets/sidepool-certificates';
const webhookPath = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/sidepool';

function scene() {
  const api = new FakeApi();
  const clock = new FakeClock();
  api.put(secretPath, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'sidepool-certificates' },
  });
  api.put(webhookPath, {
    metadata: { name: 'sidepool' },
    webhooks: ['namespace', 'pod'].map((name) => ({
      name: `${name}.sidepool.io`,
      clientConfig: { service: { name: 'sidepool-controller' } },
      sideEffects: 'NoneOnDryRun',
    })),
  });
  const rotated: string[] = [];
  const replica = (identity: string) =>
    new CertificateKeeper(
      {
        namespace: 'sidepool',
        secret: 'sidepool-certificates',
        webhookConfiguration: 'sidepool',
        names,
        lifetimes,
      },
      {
        api,
        clock,
        lease: new Lease(api, clock, {
          namespace: 'sidepool',
          name: 'controller',
          identity,
          durationMs: 2 * DAY_MS,
        }),
        observer: { onRotated: (step) => rotated.push(step), onTrusted: () => undefined },
      },
    );
  const bundles = () =>
    api.objects
      .get(webhookPath)!
      .webhooks!.map(({ clientConfig }) =>
        Buffer.from(clientConfig.caBundle ?? '', 'base64').toString(),
      );
  return { api, clock, replica, bundles, rotated };
}

function authoritiesOf(bundle: string): X509Certificate[] {
  return [...bundle.matchAll(/-----BEGIN.*?-----END CERTIFICATE-----/gs)].map(
    ([pem]) => new X509Certificate(pem),
  );
}

/** As an API server does it: chain, name and time. */
function isTrusted(state: CertificateState, bundle: string, nowSeconds: number): boolean {
  const serving = new X509Certificate(state.serving.cert);
  const isNow = (each: X509Certificate) =>
    each.validFromDate.getTime() / 1000 <= nowSeconds &&
    nowSeconds < each.validToDate.getTime() / 1000;
  return (
    isNow(serving) &&
    names.every(
      (name) => (isIP(name) === 0 ? serving.checkHost(name) : serving.checkIP(name)) !== undefined,
    ) &&
    authoritiesOf(bundle).some((each) => isNow(each) && serving.verify(each.publicKey))
  );
}

describe('CertificateKeeper', () => {
  it('begins: an authority, a certificate, and both webhooks trust it', async () => {
    const { api, clock, replica, bundles, rotated } = scene();
    const state = await replica('a').tend();
    expect(rotated).toEqual(['begin']);
    for (const bundle of bundles())
      expect(isTrusted(state!, bundle, clock.wallSeconds())).toBe(true);
    const authority = new X509Certificate(state!.current.cert);
    expect(authority.ca).toBe(true);
    expect(new X509Certificate(state!.serving.cert).ca).toBe(false);
    // Nothing but caBundle was changed there.
    const [first] = api.objects.get(webhookPath)!.webhooks!;
    expect(Object.keys(first!)).toEqual(['name', 'clientConfig', 'sideEffects']);
  });

  it('makes the Secret where there is none', async () => {
    const { api, replica } = scene();
    api.objects.delete(secretPath);
    expect(await replica('a').tend()).not.toBeNull();
    expect(api.objects.get(secretPath)).toMatchObject({ kind: 'Secret', type: 'Opaque' });
  });

  it('is looked at for two years by two replicas, and never shows what is not trusted', async () => {
    const { clock, replica, bundles, rotated } = scene();
    const a = replica('a');
    const b = replica('b');
    let shownByB: CertificateState | null = null;
    await a.tend();
    const beforeMs = clock.now();
    while (clock.now() - beforeMs < 2 * 365 * DAY_MS) {
      const shownByA = await a.tend();
      // What b shows is from its last look: a rotation must not be ahead of that.
      const now = clock.wallSeconds();
      for (const state of [shownByA, shownByB])
        if (state !== null) expect(isTrusted(state, bundles()[0]!, now)).toBe(true);
      shownByB = await b.tend();
      expect(isTrusted(shownByB!, bundles()[0]!, now)).toBe(true);
      clock.advance(DAY_MS);
    }
    const count = (step: string) => rotated.filter((each) => each === step).length;
    expect(count('begin')).toBe(1);
    // At two thirds of a year each.
    expect(count('make-next')).toBe(2);
    expect(count('note-trusted')).toBe(2);
    expect(count('promote')).toBe(2);
    expect(count('drop-previous')).toBeGreaterThanOrEqual(1);
    expect(count('renew-serving')).toBeGreaterThan(25);
  }, 60_000);

  it('trusts first and signs second, with the delay in between', async () => {
    const { clock, replica, bundles, rotated } = scene();
    const keeper = replica('a');
    const first = await keeper.tend();
    clock.advance(244 * DAY_MS);
    const second = await keeper.tend();
    expect(rotated.slice(-3)).toEqual(['make-next', 'note-trusted', 'renew-serving']);
    expect(second!.current).toEqual(first!.current);
    expect(authoritiesOf(bundles()[0]!)).toHaveLength(2);
    clock.advance(299_000);
    await keeper.tend();
    expect(rotated.at(-1)).toBe('renew-serving');
    clock.advance(1_000);
    const third = await keeper.tend();
    expect(rotated.at(-1)).toBe('promote');
    expect(third!.current.cert).toBe(second!.next!.cert);
    expect(third!.previous).toBe(first!.current.cert);
    // Whoever still shows the old one is trusted as well.
    expect(isTrusted(second!, bundles()[0]!, clock.wallSeconds())).toBe(true);
    expect(isTrusted(third!, bundles()[1]!, clock.wallSeconds())).toBe(true);
  });

  it('puts the bundle back when somebody has reset it', async () => {
    const { api, replica, bundles, rotated } = scene();
    const keeper = replica('a');
    await keeper.tend();
    const [before] = bundles();
    const configuration = structuredClone(api.objects.get(webhookPath)!);
    for (const each of configuration.webhooks!)
      each.clientConfig = { service: { name: 'sidepool-controller' } };
    api.put(webhookPath, configuration);
    await keeper.tend();
    expect(bundles()).toEqual([before, before]);
    expect(rotated).toEqual(['begin']);
  });

  it('begins anew after a Secret was spoilt, and after it was away for longer than the authority lived', async () => {
    const { api, clock, replica, bundles, rotated } = scene();
    const keeper = replica('a');
    await keeper.tend();
    const spoilt = structuredClone(api.objects.get(secretPath)!);
    spoilt.data!['ca.key'] = Buffer.from('nonsense').toString('base64');
    api.put(secretPath, spoilt);
    const state = await keeper.tend();
    expect(rotated).toEqual(['begin', 'begin']);
    expect(isTrusted(state!, bundles()[0]!, clock.wallSeconds())).toBe(true);
    clock.advance(400 * DAY_MS);
    const late = await keeper.tend();
    expect(rotated.at(-1)).toBe('begin');
    expect(isTrusted(late!, bundles()[0]!, clock.wallSeconds())).toBe(true);
  });

  it('without the Lease reads, and writes nothing', async () => {
    const { api, replica } = scene();
    const a = replica('a');
    const b = replica('b');
    expect(await a.tend()).not.toBeNull();
    api.calls.length = 0;
    const state = await b.tend();
    expect(state).not.toBeNull();
    expect(api.calls.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  it('gives way when another has written in between', async () => {
    const { api, replica } = scene();
    const other = scene();
    const theirs = await other.replica('x').tend();
    api.before = ({ method, path }) => {
      if (method !== 'PUT' || path !== secretPath) return;
      api.before = () => undefined;
      api.put(secretPath, other.api.objects.get(secretPath)!);
    };
    const keeper = replica('a');
    await keeper.tend();
    const state = await keeper.tend();
    expect(state!.serving.cert).toBe(theirs!.serving.cert);
  });

  it('issues anew when the names have changed', async () => {
    const { api, clock, replica, rotated } = scene();
    await replica('a').tend();
    const renamed = new CertificateKeeper(
      {
        namespace: 'sidepool',
        secret: 'sidepool-certificates',
        webhookConfiguration: 'sidepool',
        names: ['other.sidepool.svc'],
        lifetimes,
      },
      {
        api,
        clock,
        lease: new Lease(api, clock, {
          namespace: 'sidepool',
          name: 'second',
          identity: 'b',
          durationMs: DAY_MS,
        }),
        observer: { onRotated: (step) => rotated.push(step), onTrusted: () => undefined },
      },
    );
    const state = await renamed.tend();
    expect(rotated.at(-1)).toBe('renew-serving');
    expect(new X509Certificate(state!.serving.cert).checkHost('other.sidepool.svc')).toBeDefined();
    expect(expiryOf(state!.serving.cert)).toBeGreaterThan(clock.wallSeconds());
  });
});
