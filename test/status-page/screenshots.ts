/**
 * Takes the pictures of the status page that the documents show.
 *
 *   node test/status-page/screenshots.ts [FOLDER]      (docs/images unless named)
 *
 * Each state (healthy, faulty, empty) in light, dark and at phone width.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../support/program.ts';
import { looks, startBrowser } from './browser.ts';
import { sceneNames, startScene, urlOf } from './scenes.ts';
import { smallPng } from './small-png.ts';

const folder = process.argv[2] ?? join(import.meta.dirname, '..', '..', 'docs', 'images');
if (findProgram('chromium') === undefined) {
  console.error('no pictures taken: chromium is not installed');
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
const browser = await startBrowser();
try {
  for (const name of sceneNames) {
    const server = await startScene(name);
    for (const { name: look, colorScheme, viewport } of looks) {
      const context = await browser.newContext({ colorScheme, viewport, deviceScaleFactor: 1 });
      const page = await context.newPage();
      await page.goto(urlOf(server));
      await page.locator('#link.live').waitFor({ state: 'attached' });
      const path = join(folder, `status-${name}-${look}.png`);
      const picture = smallPng(await page.screenshot({ fullPage: true, animations: 'disabled' }));
      writeFileSync(path, picture);
      console.log(`${path}: ${Math.ceil(picture.length / 1024)} KiB`);
      await context.close();
    }
    await server.close();
  }
} finally {
  await browser.close();
}
