/** Debian's Chromium, driven for looks at the status page: quiet, without a profile of its own, and calling nobody. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { findProgram } from '../support/program.ts';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--force-color-profile=srgb',
];

/** Close it when done: its profile goes with it. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = findProgram('chromium');
  if (executablePath === undefined) throw new Error('chromium is not installed');
  return await chromium.launch({ executablePath, args: flags, headless: true, timeout: 60_000 });
}

export interface Look {
  readonly name: string;
  readonly colorScheme: 'light' | 'dark';
  readonly viewport: { readonly width: number; readonly height: number };
}

export const looks: readonly Look[] = [
  { name: 'light', colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  { name: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  { name: 'phone', colorScheme: 'light', viewport: { width: 390, height: 844 } },
];

const inspection = readFileSync(join(import.meta.dirname, 'inspect.js'), 'utf8');

interface Inspections {
  readonly poorContrast: readonly string[];
  readonly poorNames: readonly string[];
  readonly focused: { readonly what: string; readonly isSeen: boolean };
  /** By how many pixels the page is wider than its window. */
  readonly overflow: number;
}

/** Runs one of the functions of `inspect.js` within the page. */
export async function inspect<Name extends keyof Inspections>(
  page: Page,
  name: Name,
): Promise<Inspections[Name]> {
  return await page.evaluate<Inspections[Name]>(
    `(() => { ${inspection}\n})(); globalThis.${name}()`,
  );
}
