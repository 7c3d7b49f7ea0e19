/** Every view is laid out without overflow, whatever the labels and names, on a phone, a tablet and a desktop. */
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import labels from '../../../models/efficientnet-lite0/labels.json' with { type: 'json' };
import { errorCode, type ImageResult, predictionWarning } from '../../../src/core/model/outcome.ts';
import { categoryOf } from '../../../src/model/categories.ts';
import { type InstalledPackage, installPackage, repository } from '../package.ts';
import { leave, openBrowser } from './browser.ts';
import { type FakedImage, fakeJob } from './faked-job.ts';
import { layoutFaults, layoutFaultsBelow, WIDTHS_PX } from './layout.ts';
import { type Service, startService } from './up.ts';

const browser: Browser | undefined = await openBrowser();
const sample = path.join(repository, 'samples', 'cat.jpg');

const NAMES = [
  (at: number) => `IMG_${at}.JPG`,
  (at: number) => `${'DCIM100APPLE_'.repeat(8)}${at}.jpg`,
  (at: number) => `a photograph of the whole family beside the old lighthouse on the last day ${at}.jpg`,
  (at: number) => `写真/夏休みの思い出・海辺の散歩道と夕焼けに染まる灯台の風景${at}.jpg`,
  (at: number) => `صورة عائلية بجانب المنارة القديمة في آخر يوم من العطلة الصيفية ${at}.jpg`,
  (at: number) => `👩‍👩‍👧‍👦${'🏖️'.repeat(20)}${at}.heic`,
];
const SCORES = [0.997, 0.06, 0.5, 0.1999];
const WARNINGS = [undefined, undefined, undefined, ...predictionWarning.options];

const nameOf = (at: number) => NAMES[at % NAMES.length]?.(at) ?? '';

const classOf = (at: number) => labels[at % labels.length] ?? { wnid: '', label: '' };

function labelled(at: number): ImageResult {
  const score = SCORES[at % SCORES.length] ?? 0;
  const warning = WARNINGS[at % WARNINGS.length];
  const others = [1, 2, 3, 4].map((next) => ({ ...classOf(at + next), score: 0.001 }));
  return {
    labels: [{ ...classOf(at), score }, ...others],
    category: { name: categoryOf(classOf(at).wnid) ?? '', score },
    ms: 1,
    ...(warning !== undefined && { warning }),
  };
}

const failed = (at: number): ImageResult => {
  const code = errorCode.options[at % errorCode.options.length] ?? 'deadline';
  return { error: { code, message: `The file cannot be used (${'a long reason '.repeat(12)}).` } };
};

const images = (count: number, resultOf: (at: number) => ImageResult): FakedImage[] =>
  Array.from({ length: count }, (_, at) => ({ name: nameOf(at), result: resultOf(at), file: sample }));

describe.skipIf(browser === undefined)('the view of a job', () => {
  let installed: InstalledPackage;
  let service: Service;
  let jobs: Record<'every label' | 'one photo' | 'errors' | 'ten thousand', string>;
  beforeAll(async () => {
    installed = await installPackage();
    const dataDir = await installed.dataDir();
    const fake = (input: string, faked: FakedImage[]) => fakeJob({ dataDir, inputs: [input], images: faked });
    jobs = {
      'every label': await fake('Sommerferien', images(labels.length, labelled)),
      'one photo': await fake(`/home/me/${'Sommerferien'.repeat(12)}`, images(1, labelled)),
      errors: await fake('a folder with a rather long name that goes on and on', images(60, failed)),
      'ten thousand': await fake(
        'عطلة',
        images(10_000, (at) => (at % 9 === 0 ? failed(at) : labelled(at))),
      ),
    };
    service = await startService(installed.bin, dataDir, ['serve']);
  });
  afterAll(async () => {
    await service?.stop();
    await installed?.remove();
    await browser?.close();
  });

  let page: Page;
  beforeAll(async () => {
    page = (await browser?.newPage()) as Page;
  });
  beforeEach(async () => {
    // Pictures are not looked at here: a small one is decoded in no time.
    const body = await sharp(sample).resize(64).jpeg().toBuffer();
    await page.route(/\/images\/\d+/, (route) => route.fulfill({ body, contentType: 'image/jpeg' }));
  });
  afterEach(async () => await leave(page));

  /** Opens the job, and waits until its photographs are there. */
  async function open(job: string): Promise<void> {
    await page.goto(`${service.url}/jobs/${job}`);
    await settled();
  }
  const settled = async () => {
    await page.locator('.photo').first().waitFor();
    await page.waitForFunction(() => document.querySelector('.photo-loading') === null);
  };

  it.each(WIDTHS_PX)('has room for every label and name at %i px, light and dark', async (width) => {
    await page.setViewportSize({ width, height: 5000 });
    await open(jobs['every label']);
    // Dark changes colours, which is the same for all of the list.
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await layoutFaults(page), 'dark').toEqual([]);
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await layoutFaultsBelow(page, settled)).toEqual([]);
    await page.setViewportSize({ width, height: 1000 });
    for (const job of ['one photo', 'errors', 'ten thousand'] as const) {
      await open(jobs[job]);
      expect(await layoutFaults(page), job).toEqual([]);
    }
  });

  it('has room for each kind of error and two lines of a long name on a small phone', async () => {
    await page.setViewportSize({ width: 360, height: 1000 });
    await open(jobs.errors);
    const failures = page.locator('.photo .failed');
    const shortened = await failures.evaluateAll((all) =>
      all.filter((each) => each.scrollWidth > each.clientWidth).map((each) => each.textContent),
    );
    expect(shortened).toEqual([]);
    await open(jobs['one photo']);
    const lines = await page.getByRole('heading', { level: 1 }).evaluate((heading) => {
      const { lineHeight } = getComputedStyle(heading);
      return Math.round(heading.clientHeight / Number.parseFloat(lineHeight));
    });
    expect(lines).toBe(2);
    await page.getByRole('button', { name: 'More actions' }).click();
    await page
      .getByRole('menuitem')
      .getByText(`/home/me/${'Sommerferien'.repeat(12)}`)
      .waitFor();
  });
});
