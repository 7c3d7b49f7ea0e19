/// <reference lib="dom" />
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { evaluationPage } from '../../../src/cli/models/eval-html.ts';
import type { ReportedModel } from '../../../src/cli/models/eval-view.ts';
import { wholePercent } from '../../../src/core/text/percent.ts';
import { thumbnailOf } from '../../../src/model/thumbnail.ts';
import { until } from '../../contract/until.ts';
import { type InstalledPackage, installPackage, repository } from '../package.ts';
import { accessibilityViolations } from './accessibility.ts';
import { openLine } from './breakable-line.ts';
import { leave, openBrowser } from './browser.ts';
import { fakeJob } from './faked-job.ts';
import { photographs } from './photographs.ts';
import { type Service, startService } from './up.ts';

const browser: Browser | undefined = await openBrowser();
const SLOW_RUNNER = path.join(import.meta.dirname, '../children/slow-runner.ts');
const IMAGES = 25;
/** Labels appear when a whole batch (16 images) is done. With this many images at least one batch is, however the runner's requests (8) divide them. */
const MANY = 60;
const HELD_AT = 40;

let installed: InstalledPackage;
let folder: string;
/** Of `service`. */
let dataDir: string;
let files: string[];
let manyFiles: string[];
/** Others: they are not known yet. */
let otherFiles: string[];
/** `service` classifies for real. The classifier of `slow` is slow, so that tests can act while a job runs. */
let service: Service;
let slow: Service;
/** While this file exists, `slow` classifies no more images than the number in it. */
let hold: string;
beforeAll(async () => {
  if (browser === undefined) return;
  installed = await installPackage();
  folder = path.join(await installed.emptyFolder(), 'photographs');
  const all = await photographs(folder, 2 * MANY);
  manyFiles = all.slice(0, MANY);
  otherFiles = all.slice(MANY);
  files = manyFiles.slice(0, IMAGES);
  dataDir = await installed.dataDir();
  service = await startService(installed.bin, dataDir);
  hold = path.join(folder, '..', 'hold');
  slow = await startService(installed.bin, await installed.dataDir(), ['up', '--max', '1'], {
    IMGCLS_RUNNER_ENTRY: SLOW_RUNNER,
    IMGCLS_RUNNERS: '1',
    IMGCLS_TEST_HOLD: hold,
    IMGCLS_TEST_IMAGES_PER_SECOND: '20',
  });
});
afterAll(async () => {
  await service?.stop();
  await slow?.stop();
  await installed?.remove();
  await browser?.close();
});

/** Tall enough for all images: those far from the view are not in the document. */
const VIEWPORT = { width: 1280, height: 3000 };
let page: Page;
/** Requests of the page to other hosts, and errors in its console. */
let otherHosts: string[];
let consoleErrors: string[];
beforeAll(async () => {
  if (browser === undefined) return;
  page = await browser.newPage();
  page.on('request', (request) => {
    if (!/^(http:\/\/127\.0\.0\.1:|blob:|data:)/.test(request.url())) otherHosts.push(request.url());
  });
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
      consoleErrors.push(message.text());
  });
  page.on('pageerror', (error) => consoleErrors.push(String(error)));
});
beforeEach(async () => {
  await page?.setViewportSize(VIEWPORT);
  otherHosts = [];
  consoleErrors = [];
});
afterEach(async () => {
  await leave(page);
  if (hold !== undefined) await rm(hold, { force: true });
});

const cat = path.join(repository, 'samples', 'cat.jpg');

const cards = () => page.getByRole('list', { name: 'Photos', exact: true }).getByRole('button');
const labelled = () => page.locator('.photo-labelled');

// biome-ignore lint/suspicious/noExplicitAny: the expectations check its shape.
const jsonOf = (answer: Response): Promise<any> => answer.json();

async function submit(url: string, chosen: readonly string[]): Promise<string> {
  await page.goto(url);
  await page.getByLabel('Images', { exact: true }).setInputFiles([...chosen]);
  await page.getByRole('button', { name: `Label ${chosen.length} photos` }).click();
  await page.waitForURL(/\/jobs\/\w{26}$/);
  return page.url().slice(-26);
}

/** The page that `imgcls eval --html` writes. */
async function evaluationReport(): Promise<string> {
  const thumbnail = await thumbnailOf(cat, { maxPixels: 1e8, decodeTimeoutMs: 60_000 });
  const truth = { wnid: 'n1', label: 'tabby' };
  const predicted = { wnid: 'n2', label: 'Egyptian cat' };
  const bins = [{ from: 0.9, to: 1, images: 3, right: 2, meanScore: 0.95 }];
  const model: ReportedModel = {
    model: 'mine/fp32',
    version: '1',
    images: 3,
    top1: 2 / 3,
    top1Interval: [0.2, 0.9],
    top5: 1,
    failed: 0,
    imagesPerSecond: 9,
    confusions: [{ truth, predicted, images: 1, surest: { path: cat, score: 0.9 } }],
    calibration: { temperature: 1, expectedError: 0.3, meanScore: 0.95, bins },
    wrong: [{ path: cat, truth: truth.label, best: { ...predicted, score: 0.9 } }],
  };
  return evaluationPage([model], { folder: 'photos', thumbnails: new Map([[cat, thumbnail ?? '']]) });
}

describe.skipIf(browser === undefined)('the page', () => {
  it(`labels ${IMAGES} photographs and shows the results of the service`, async () => {
    const id = await submit(service.url, files);
    await until(`${IMAGES} labels`, async () => ((await labelled().count()) === IMAGES ? true : undefined), {
      timeoutMs: 60_000,
    });
    const results = await fetch(`${service.url}/v1/jobs/${id}/results`).then(jsonOf);
    expect(results.outcomes.map(({ name }: { name: string }) => name)).toEqual(
      files.map((file) => path.basename(file)),
    );
    for (const { name, label, score, category } of results.outcomes) {
      const card = cards().filter({ hasText: name });
      const mark = score < 0.2 ? 'Unsure, ' : '';
      const text = `${mark}${label} ${wholePercent(score)}, ${category.name}, ${name}`;
      expect(await card.getAttribute('aria-label')).toBe(text);
    }
    expect(otherHosts).toEqual([]);
    expect(consoleErrors).toEqual([]);
  });

  it('shows each image before it is sent, and continues after a reload during the job', async () => {
    await page.goto(slow.url);
    await page.getByLabel('Images', { exact: true }).setInputFiles(manyFiles);
    await until('thumbnails', async () => {
      const shown = await page.getByRole('list', { name: 'Images to be labelled' }).locator('img').count();
      return shown === MANY ? true : undefined;
    });
    await writeFile(hold, String(HELD_AT));
    const id = await submit(slow.url, manyFiles);
    await until('some labels', async () => ((await labelled().count()) > 0 ? true : undefined), {
      timeoutMs: 60_000,
    });
    expect(await labelled().count()).toBeLessThan(MANY);
    await page.reload();
    await rm(hold);
    expect(page.url()).toContain(id);
    await until('all labels', async () => ((await labelled().count()) === MANY ? true : undefined), {
      timeoutMs: 60_000,
    });
    await until('thumbnails from the service', async () => {
      const loaded = await page
        .locator('.photo img')
        .evaluateAll(
          (images) => images.filter((image) => (image as HTMLImageElement).naturalWidth > 0).length,
        );
      return loaded === MANY ? true : undefined;
    });
  });

  it('reports a lost connection, and catches up after it reconnects', async () => {
    const line = await openLine(slow.url);
    try {
      await writeFile(hold, String(HELD_AT));
      await submit(line.url, otherFiles);
      await until('some labels', async () => ((await labelled().count()) > 0 ? true : undefined), {
        timeoutMs: 60_000,
      });
      line.cut();
      await page.getByText('Connection lost. Reconnecting.').waitFor();
      expect(await labelled().count()).toBeLessThan(MANY);
      await rm(hold);
      line.mend();
      await until('all labels', async () => ((await labelled().count()) === MANY ? true : undefined), {
        timeoutMs: 60_000,
      });
      expect(await page.getByText('Connection lost. Reconnecting.').count()).toBe(0);
    } finally {
      await line.close();
    }
  });

  it('retries an upload after a lost connection, and creates one job', async () => {
    const line = await openLine(service.url);
    try {
      const jobs = async () => (await fetch(`${service.url}/v1/jobs?limit=100`).then(jsonOf)).jobs.length;
      const before = await jobs();
      await page.goto(line.url);
      await page.getByText('efficientnet-lite0/int8').waitFor();
      await page.getByLabel('Images', { exact: true }).setInputFiles(files);
      line.cut();
      await page.getByRole('button', { name: `Label ${IMAGES} photos` }).click();
      await page.getByText(/Retrying in/).waitFor();
      line.mend();
      await page.waitForURL(/\/jobs\/\w{26}$/, { timeout: 60_000 });
      expect(await jobs()).toBe(before + 1);
    } finally {
      await line.close();
    }
  });

  it('shows the error of a bad file, and marks an unreliable label', async () => {
    const bad = path.join(folder, '..', '<img src=x onerror=alert(1)>.jpg');
    await writeFile(bad, 'no image at all');
    const white = path.join(folder, '..', 'white.png');
    await sharp({ create: { width: 300, height: 300, channels: 3, background: '#fff' } }).toFile(white);
    await submit(service.url, [...files.slice(0, 2), white, bad]);
    await until('three labels', async () => ((await labelled().count()) === 3 ? true : undefined), {
      timeoutMs: 60_000,
    });
    await page.getByRole('radio', { name: /^To check/ }).check();
    await page.getByText('1 image has one colour: its label is unreliable.').waitFor();
    await page.getByRole('button', { name: /^One colour, .* %, .+, white\.png$/ }).waitFor();
    expect(await accessibilityViolations(page)).toEqual([]);
    await page.getByRole('radio', { name: /^Errors/ }).check();
    const card = page.getByRole('button', { name: 'Not an image, <img src=x onerror=alert(1)>.jpg' });
    await card.click();
    expect(await page.getByRole('dialog').textContent()).toContain('The file is a text, not an image.');
    expect(consoleErrors).toEqual([]);
  });

  it('filters, sorts and groups, and downloads the results as CSV and JSON', async () => {
    const id = await submit(service.url, files.slice(0, 5));
    await until('labels', async () => ((await labelled().count()) === 5 ? true : undefined), {
      timeoutMs: 60_000,
    });
    await page.getByLabel('Filter by name, label or category').fill(path.basename(files[2] ?? ''));
    await until('one image', async () => ((await cards().count()) === 1 ? true : undefined));
    await page.getByLabel('Filter by name, label or category').fill('');
    await page.getByLabel('Sort').selectOption('score');
    const scores = await until('all images', async () => {
      const names = await cards().evaluateAll((all) =>
        all.map((card) => card.getAttribute('aria-label') ?? ''),
      );
      return names.length === 5 ? names.map((name) => Number(/([\d.]+) %/.exec(name)?.[1])) : undefined;
    });
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    const { outcomes } = await fetch(`${service.url}/v1/jobs/${id}/results`).then(jsonOf);
    const categories: string[] = outcomes.map(
      ({ category }: { category: { name: string } }) => category.name,
    );
    await page.getByLabel('Group').selectOption('category');
    await until('stacks', async () =>
      (await cards().count()) === new Set(categories).size ? true : undefined,
    );
    const [category = ''] = categories;
    await page.getByLabel('Filter by name, label or category').fill(category);
    await page.getByText(/^\d of 5$/).waitFor();
    await page.getByRole('button', { name: new RegExp(`${category}(,|$)`) }).waitFor();
    const downloadAs = async (format: RegExp) => {
      await page.getByRole('button', { name: 'Download' }).click();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('menuitem', { name: format }).click(),
      ]);
      return download;
    };
    const download = await downloadAs(/^CSV/);
    expect(download.suggestedFilename()).toBe(`imgcls-${id}.csv`);
    const csv = await readFile(await download.path(), 'utf8');
    expect(csv.trimEnd().split('\r\n')).toHaveLength(6);
    const json = await downloadAs(/^JSON/);
    expect(JSON.parse(await readFile(await json.path(), 'utf8'))).toHaveLength(5);
  });

  it('works by keyboard alone', async () => {
    await page.goto(service.url);
    const tabTo = async (name: string) => {
      for (let presses = 0; presses < 40; presses++) {
        await page.keyboard.press('Tab');
        const focused = await page.evaluate(() => {
          const { activeElement: at } = document;
          return at?.matches('a, button') ? (at.getAttribute('aria-label') ?? at.textContent ?? '') : '';
        });
        if (focused.includes(name)) return;
      }
      throw new Error(`Tab does not reach "${name}".`);
    };
    await page.getByRole('button', { name: 'Choose photos' }).waitFor();
    const choosing = page.waitForEvent('filechooser');
    await tabTo('Choose photos');
    await page.keyboard.press('Enter');
    const chooser = await choosing;
    await chooser.setFiles(files.slice(0, 6));
    await page.getByRole('button', { name: 'Label 6 photos' }).waitFor();
    const isThere = await page.evaluate(() => document.activeElement?.textContent?.trim());
    if (isThere !== 'Label 6 photos') await tabTo('Label 6 photos');
    await page.keyboard.press('Enter');
    await until('labels', async () => ((await labelled().count()) === 6 ? true : undefined), {
      timeoutMs: 60_000,
    });
    await tabTo(path.basename(files[0] ?? ''));
    // The labels of the focused image are shown beside it, and Escape hides them.
    await page.getByRole('tooltip').waitFor();
    await page.keyboard.press('Escape');
    await until('no tooltip', async () =>
      (await page.getByRole('tooltip').count()) === 0 ? true : undefined,
    );
    await page.keyboard.press('ArrowRight');
    await page.locator('.photo[data-position="1"]:focus').waitFor();
    await page.keyboard.press('Enter');
    await page
      .getByRole('dialog')
      .getByText(path.basename(files[1] ?? ''))
      .waitFor();
    await page.keyboard.press('ArrowRight');
    await page
      .getByRole('dialog')
      .getByText(path.basename(files[2] ?? ''))
      .waitFor();
    await page.keyboard.press('Escape');
    await until('the dialog is closed', async () =>
      (await page.getByRole('dialog').count()) === 0 ? true : undefined,
    );
  });

  it('has no accessibility violations (axe), in light and dark, on every view', async () => {
    const id = await submit(service.url, files.slice(0, 6));
    await until('labels', async () => ((await labelled().count()) === 6 ? true : undefined), {
      timeoutMs: 60_000,
    });
    for (const view of ['/', '/jobs', `/jobs/${id}`, '/find', '/find?q=dog', '/fleet', '/nowhere']) {
      await page.goto(`${service.url}${view}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      if (view.startsWith('/jobs/')) await page.locator('.photo-labelled').first().waitFor();
      if (view === '/fleet') await page.locator('.uplot').first().waitFor();
      if (view === '/find?q=dog') await page.getByText(/^\d+ photos?$|^No photos match/).waitFor();
      expect(await accessibilityViolations(page), view).toEqual([]);
    }
    await page.setContent(await evaluationReport());
    expect(await accessibilityViolations(page), 'report of "imgcls eval"').toEqual([]);
  });

  it('renders few of a thousand images at a time, at every scroll position', async () => {
    const labels = [{ wnid: 'n1', label: 'tabby', score: 0.9 }];
    const images = Array.from({ length: 1000 }, (_, at) => {
      return { name: `${at}.jpg`, result: { labels, ms: 1 }, file: cat };
    });
    const id = await fakeJob({ dataDir, inputs: ['many'], images });
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(`${service.url}/jobs/${id}`);
    await page
      .getByText(/1,000 photos/)
      .first()
      .waitFor();
    for (const share of [0, 0.5, 1]) {
      await page.evaluate((part) => window.scrollTo(0, part * document.body.scrollHeight), share);
      const shown = await until('images', async () => (await cards().count()) || undefined);
      expect(shown).toBeLessThan(150);
    }
    await fetch(`${service.url}/v1/jobs/${id}`, { method: 'DELETE' });
    await page.getByText('This job was deleted.').waitFor();
  });

  it('asks for the token and remembers it', async () => {
    const guarded = await startService(installed.bin, await installed.dataDir(), ['serve'], {
      IMGCLS_TOKEN: 'a token that is long enough',
    });
    try {
      await page.goto(guarded.url);
      await page.getByLabel('Token').fill('wrong');
      await page.keyboard.press('Enter');
      await page.getByText('Wrong token.').first().waitFor();
      await page.getByLabel('Token').fill('a token that is long enough');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Choose photos' }).waitFor();
      await page.reload();
      await page.getByRole('button', { name: 'Choose photos' }).waitFor();
      expect(await page.getByLabel('Token').isVisible()).toBe(false);
    } finally {
      await guarded.stop();
    }
  });

  it('needs less than 60 KB of gzipped script and style for its first paint', async () => {
    const { gzipSync } = await import('node:zlib');
    const sizes: number[] = [];
    const fresh = await (browser as Browser).newPage();
    fresh.on('response', async (response) => {
      if (/\.(js|css)$/.test(new URL(response.url()).pathname))
        sizes.push(gzipSync(await response.body()).length);
    });
    await fresh.goto(service.url);
    await fresh.getByRole('button', { name: 'Choose photos' }).waitFor();
    await fresh.waitForLoadState('networkidle');
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(total).toBeGreaterThan(5000);
    expect(total).toBeLessThan(60_000);
    await fresh.close();
  });
});
