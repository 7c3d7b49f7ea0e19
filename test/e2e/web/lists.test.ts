/// <reference lib="dom" />
/** The views that list: jobs, and the photos that a search finds. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../contract/until.ts';
import { type InstalledPackage, installPackage, repository } from '../package.ts';
import { leave, openBrowser } from './browser.ts';
import { type Service, startService } from './up.ts';

const browser: Browser | undefined = await openBrowser();
const samples = path.join(repository, 'samples');

let installed: InstalledPackage;
let service: Service;
/** One job of each: a folder of cats with a file that fails, coffee, a rocket. */
beforeAll(async () => {
  if (browser === undefined) return;
  installed = await installPackage();
  service = await startService(installed.bin, await installed.dataDir());
  await submit({ 'cats/tabby.jpg': 'cat.jpg', 'cats/readme.jpg': 'README.md' });
  await submit({ 'espresso.jpg': 'coffee.jpg' });
  await submit({ 'rocket.jpg': 'rocket.jpg' });
  await until('three finished jobs', async () => ((await finishedJobs()) === 3 ? true : undefined));
});
afterAll(async () => {
  await service?.stop();
  await installed?.remove();
  await browser?.close();
});

let page: Page;
beforeAll(async () => {
  if (browser !== undefined) page = await browser.newPage({ viewport: { width: 1000, height: 700 } });
});
afterEach(async () => await leave(page));

async function submit(files: Record<string, string>): Promise<void> {
  const form = new FormData();
  for (const [name, sample] of Object.entries(files))
    form.append('files', new Blob([await readFile(path.join(samples, sample))]), name);
  await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form });
}

async function finishedJobs(): Promise<number> {
  const answer = await fetch(`${service.url}/v1/jobs?state=finished`);
  return ((await answer.json()) as { jobs: unknown[] }).jobs.length;
}

const rows = () => page.getByRole('list', { name: 'Jobs' }).getByRole('listitem');
const search = (name: string, text: string) => page.getByRole('searchbox', { name }).fill(text);

describe.skipIf(browser === undefined)('the job list', () => {
  it('names each job by its folder or first photo, with pictures, errors and date', async () => {
    await page.goto(`${service.url}/jobs`);
    await expect
      .poll(() => rows().getByRole('link').allTextContents())
      .toEqual(['rocket.jpg', 'espresso.jpg', 'cats']);
    const cats = rows().filter({ hasText: 'cats' });
    await cats.getByText('1 error').waitFor();
    await cats.getByText('2 photos').waitFor();
    await cats.getByText(/just now|min ago/).waitFor();
    await expect.poll(() => rows().first().locator('.thumb-shown').count()).toBe(1);
  });

  it('is searched by names of files, and keeps the search in its address', async () => {
    await page.goto(`${service.url}/jobs`);
    await search('Search jobs', 'tabby');
    await expect.poll(() => rows().count()).toBe(1);
    await page.waitForURL(/\?q=tabby$/);
    await page.reload();
    await expect.poll(() => rows().count()).toBe(1);
    await search('Search jobs', 'zebra');
    await page.getByText('No jobs match “zebra”.').waitFor();
  });

  it('deletes the selected jobs, after a question', async () => {
    await page.goto(`${service.url}/jobs`);
    for (const name of ['rocket.jpg', 'cats']) await page.getByLabel(`Select ${name}`).check();
    await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
    await page
      .getByRole('dialog', { name: 'Delete 2 jobs?' })
      .getByRole('button', { name: 'Delete' })
      .click();
    await expect.poll(() => rows().getByRole('link').allTextContents()).toEqual(['espresso.jpg']);
    await expect.poll(finishedJobs).toBe(1);
  });
});

describe.skipIf(browser === undefined)('the search', () => {
  it('finds photos of all jobs by category, names their jobs, and opens them there', async () => {
    await submit({ 'cats/tabby.jpg': 'cat.jpg' });
    await expect.poll(finishedJobs).toBe(2);
    await page.goto(`${service.url}/find`);
    await search('Label or category', 'cat');
    const found = page.locator('.found-photo');
    await expect
      .poll(() => found.allTextContents())
      .toEqual([expect.stringMatching(/^cat.+ %.*cat · tabby\.jpgin cats$/)]);
    expect(new URL(page.url()).search).toBe('?q=cat');
    expect(await page.title()).toBe('cat · Find photos · imgcls');
    await page.getByRole('link', { name: 'cat', exact: true }).click();
    await page.waitForURL(/\/jobs\/\w{26}\?photo=0$/);
    await page.goBack();
    await expect.poll(() => found.count()).toBe(1);
  });

  it('says what was not found, and what to search for instead', async () => {
    await page.goto(`${service.url}/find?q=expresso&min=0.8`);
    await page.getByText('No photos match “expresso” with a score of 80 % or more.').waitFor();
    await page.getByRole('link', { name: 'espresso' }).waitFor();
    await page.goto(`${service.url}/find`);
    await page.getByRole('link', { name: 'dog', exact: true }).click();
    await page.getByText('No photos match “dog”.').waitFor();
  });
});
