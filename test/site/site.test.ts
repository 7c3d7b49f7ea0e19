/// <reference lib="dom" />
import { existsSync } from 'node:fs';
import path from 'node:path';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser } from '../e2e/web/browser.ts';
import { serveFolder } from './serve-folder.ts';

const SITE = path.join(import.meta.dirname, '../../site/dist');
if (!existsSync(SITE)) throw new Error('Build the site first: npm run docs:install && npm run docs:build');

const PAGES = ['/', '/tutorial.html', '/troubleshooting.html', '/reference/commands.html', '/decisions/'];

const browser = await openBrowser();
const served = await serveFolder(SITE);
afterAll(async () => {
  await browser?.close();
  await served.close();
});

async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(
    () => (globalThis as unknown as { axe: typeof axe }).axe.run() as Promise<axe.AxeResults>,
  );
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

describe.skipIf(browser === undefined)('the site', () => {
  const requested: string[] = [];
  const missing: string[] = [];
  let page: Page;
  beforeAll(async () => {
    if (browser === undefined) return;
    page = await browser.newPage();
    page.on('request', (request) => requested.push(request.url()));
    page.on('response', (response) => {
      if (!response.ok() && response.status() !== 304) missing.push(response.url());
    });
  });

  it.each(PAGES.flatMap((each) => [[each, 'light'] as const, [each, 'dark'] as const]))(
    'has no accessibility violations at %s (%s)',
    async (address, colorScheme) => {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.goto(served.url + address);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await violationsOf(page)).toEqual([]);
    },
  );

  it('finds an error code without a service of others', async () => {
    await page.goto(served.url);
    await page.getByRole('button', { name: /search/i }).click();
    await page.getByRole('searchbox').fill('worker_crash');
    const found = page.getByRole('option');
    await found.first().waitFor();
    expect(await found.allInnerTexts()).toContainEqual(expect.stringContaining('worker_crash'));
  });

  it('has every file that its pages ask for, and its icon', async () => {
    const icon = await page.locator('link[rel=icon]').getAttribute('href');
    expect((await page.request.get(new URL(icon ?? 'none', served.url).href)).ok()).toBe(true);
    expect(missing).toEqual([]);
  });

  it('requests nothing of other origins', () => {
    expect(requested.length).toBeGreaterThan(20);
    expect(requested.filter((url) => !url.startsWith(served.url) && !url.startsWith('data:'))).toEqual([]);
  });
});
