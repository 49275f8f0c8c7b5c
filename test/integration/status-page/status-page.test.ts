/** The status page in a real browser: what it shows, what it asks for, and who can use it. */
import { createServer } from 'node:net';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspect, looks, startBrowser } from '../../status-page/browser.ts';
import { sceneNames, startScene, urlOf } from '../../status-page/scenes.ts';
import { startGateway } from '../../support/gateway.ts';
import { skipReason, titled } from '../../support/program.ts';

const reason = skipReason('chromium');
/** A browser on a busy machine. */
const PATIENCE_MS = 90_000;

interface Watched {
  readonly page: Page;
  /** What went wrong in it. */
  readonly complaints: string[];
  readonly requests: string[];
  close(): Promise<void>;
}

describe.skipIf(reason !== undefined)(titled('the status page in Chromium', reason), () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
  });

  async function open(url: string, options: BrowserContextOptions = {}): Promise<Watched> {
    const context = await browser.newContext(options);
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => requests.push(request.url()));
    await page.goto(url);
    return { page, complaints, requests, close: () => context.close() };
  }

  const isLive = (page: Page) => page.locator('#link.live').waitFor({ state: 'attached' });

  describe.each(sceneNames)('%s', (name) => {
    it.each(looks)(
      '$name: nothing is refused by its policy, nobody else is asked, all can be read',
      async ({ colorScheme, viewport }) => {
        const server = await startScene(name);
        const url = urlOf(server);
        const { page, complaints, requests, close } = await open(url, { colorScheme, viewport });
        try {
          await isLive(page);
          expect(await inspect(page, 'poorNames')).toEqual([]);
          expect(await inspect(page, 'poorContrast')).toEqual([]);
          // Wide tables scroll in their own box: the page itself never does.
          expect(await inspect(page, 'overflow')).toBeLessThanOrEqual(0);
          // Drawn by the script as by the server, and again when asked again.
          await page.waitForResponse((response) => response.url().endsWith('/pools'));
          expect(await page.locator('article').count()).toBe(3);
          expect(await page.locator('svg').count()).toBe(6);
          expect(complaints).toEqual([]);
          expect(requests.filter((each) => !each.startsWith(url))).toEqual([]);
          const title = await page.title();
          expect(title).toBe(name === 'faulty' ? '✕ Sidepool' : 'Sidepool');
        } finally {
          await close();
          await server.close();
        }
      },
      PATIENCE_MS,
    );
  });

  it('is below 60 KB in all, and says most of it without scripts', async () => {
    const server = await startScene('faulty');
    const whole = await (await fetch(urlOf(server))).text();
    expect(Buffer.byteLength(whole)).toBeLessThan(60_000);
    const { page, complaints, close } = await open(urlOf(server), { javaScriptEnabled: false });
    try {
      expect(await page.locator('noscript').innerText()).toContain('Scripts are off');
      const row = page.getByRole('table', { name: /^Upstreams/ }).getByRole('row');
      expect(await row.allInnerTexts()).toHaveLength(4);
      expect(await row.nth(2).innerText()).toMatch(/^payments\s+✕ down\s+/);
      const faults = page.getByRole('table', { name: 'Faults by kind' }).getByRole('row');
      expect((await faults.allInnerTexts()).join('\n')).toContain(
        'Nothing listens on 192.0.2.40:443 (payments.example)',
      );
      await page.getByText('3 options differ:').click();
      const options = page.getByRole('table', { name: 'Options of upstreams.payments' });
      expect(await options.textContent()).toMatch(/timeouts\.connect500msdiffers default \d+m?s/);
      expect(complaints).toEqual([]);
    } finally {
      await close();
      await server.close();
    }
  }, 90_000);

  it('is used by keyboard: in order, seen, and what is unfolded stays so', async () => {
    const server = await startScene('faulty');
    const { page, close } = await open(urlOf(server));
    try {
      await isLive(page);
      const order: string[] = [];
      for (let i = 0; i < 21; i += 1) {
        await page.keyboard.press('Tab');
        const { what, isSeen } = await inspect(page, 'focused');
        expect(isSeen, what).toBe(true);
        order.push(what);
      }
      expect(order.slice(0, 12)).toEqual([
        'a To the pools',
        'a metrics',
        'a pools',
        'a faults',
        'a history',
        'a config',
        'div Table of upstreams',
        'a shop-api',
        'a payments',
        'a search',
        'div Faults by kind',
        'summary The last 30, one by one',
      ]);
      expect(order).toHaveLength(21);
      expect(order[13]).toMatch(/^summary upstreams.shop-api/);
      const details = page.locator('details', { hasText: 'upstreams.shop-api' });
      await details.locator('summary').focus();
      await page.keyboard.press('Enter');
      const option = details.getByRole('row', { name: /pool\.maxConnections/ });
      expect(await option.innerText()).toMatch(/pool.maxConnections\s+24\s+differs default 32/);
      for (let i = 0; i < 2; i += 1)
        await page.waitForResponse((response) => response.url().endsWith('/pools'));
      expect(await option.isVisible()).toBe(true);
      expect((await inspect(page, 'focused')).what).toMatch(/^summary upstreams.shop-api/);
    } finally {
      await close();
      await server.close();
    }
  }, 90_000);

  it('shows a fault made on purpose within two seconds, with its cause in words', async () => {
    // It takes connections and ends each one under the request that comes on it.
    const origin = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.destroy());
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => origin.once('listening', resolve));
    const { port } = origin.address() as { port: number };
    const gateway = await startGateway({
      upstreams: { shop: { url: `http://127.0.0.1:${port}` } },
    });
    const { page, complaints, close } = await open(`${gateway.adminUrl}/`);
    try {
      await isLive(page);
      const said = page.locator('.say');
      expect(await said.innerText()).toContain('No request has come yet.');
      expect(await said.innerText()).toContain(`curl ${gateway.url}/`);
      const told = page.locator('#told');
      expect(await told.textContent()).toBe('');
      const failed = await fetch(`${gateway.url}/`, { method: 'POST', body: 'once' });
      const beganMs = performance.now();
      expect(failed.status).toBe(502);
      await page.getByRole('table', { name: 'Faults by kind' }).waitFor();
      const tookMs = performance.now() - beganMs;
      console.log(`the fault was on the page after ${Math.round(tookMs)} ms`);
      // It asks every second; the rest is for a busy machine.
      const asked = page.locator('#live');
      expect(await asked.innerText()).toMatch(/connection ended\s+shop\s+1\s+(?:just now|1 s ago)/);
      expect(await said.innerText()).toMatch(
        /Something needs a look\.[\s\S]*shop: .*(?:ended|closed|reset)/i,
      );
      expect(await told.textContent()).toMatch(/^1 more failed: shop: .*\.$/);
      expect(complaints).toEqual([]);
      expect(tookMs).toBeLessThan(15_000);
    } finally {
      await close();
      await gateway.stop();
      origin.close();
    }
  }, 90_000);
});
