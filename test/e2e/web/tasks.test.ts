/** Ten things that people come for, done as by one who sees the page for the first time. Prints how many clicks each takes. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImageResult } from '../../../src/core/model/outcome.ts';
import { type InstalledPackage, installPackage, repository } from '../package.ts';
import { openLine } from './breakable-line.ts';
import { leave, openBrowser } from './browser.ts';
import { type FakedImage, fakeJob } from './faked-job.ts';
import { photographs } from './photographs.ts';
import { type Service, startService } from './up.ts';

const browser: Browser | undefined = await openBrowser();
const sample = path.join(repository, 'samples', 'cat.jpg');
const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
  deviceScaleFactor: 2,
};

/** What a person does at the page, counted. */
class Person {
  readonly page: Page;
  clicks = 0;
  readonly #startedMs = performance.now();

  constructor(page: Page) {
    this.page = page;
  }

  get seconds(): number {
    return (performance.now() - this.#startedMs) / 1000;
  }

  async click(target: Locator): Promise<void> {
    this.clicks++;
    await target.click();
  }

  async press(name: string | RegExp): Promise<void> {
    await this.click(this.page.getByRole('button', { name }));
  }

  /** A click into the field, and the text. */
  async type(label: string, text: string): Promise<void> {
    await this.click(this.page.getByLabel(label));
    await this.page.keyboard.type(text);
  }

  async choose(button: string, files: string | string[]): Promise<void> {
    const [chooser] = await Promise.all([this.page.waitForEvent('filechooser'), this.press(button)]);
    await chooser.setFiles(files);
  }

  heading(name: string | RegExp): Promise<void> {
    return this.page.getByRole('heading', { name }).waitFor();
  }
}

function resultOf(at: number): ImageResult {
  if (at >= 22) return { error: { code: 'not_an_image', message: 'The file is a text, not an image.' } };
  const [label, name] = at % 2 === 0 ? ['pug', 'dog'] : ['tabby', 'cat'];
  return { labels: [{ wnid: 'n1', label, score: 0.9 }], ms: 1, category: { name, score: 0.9 } };
}
const images = Array.from({ length: 24 }, (_, at): FakedImage => {
  return { name: `IMG_${at}.jpg`, result: resultOf(at), file: sample };
});

describe.skipIf(browser === undefined)('a person', () => {
  let installed: InstalledPackage;
  let service: Service;
  let folder: string;
  let files: string[];
  let holiday: string;
  let shared: Page;
  const table: { task: string; clicks: number; seconds: number }[] = [];
  beforeAll(async () => {
    installed = await installPackage();
    folder = path.join(await installed.emptyFolder(), 'Wedding');
    files = await photographs(folder, 8);
    const dataDir = await installed.dataDir();
    holiday = await fakeJob({ dataDir, inputs: ['Holiday 2026'], images });
    await fakeJob({ dataDir, inputs: ['Old slides'], images });
    service = await startService(installed.bin, dataDir);
    shared = (await browser?.newPage()) as Page;
    // The first worker loads its model.
    const body = new FormData();
    body.append('files', new Blob([await readFile(sample)]), 'first.jpg');
    await fetch(`${service.url}/v1/jobs`, { method: 'POST', body });
  });
  afterAll(async () => {
    for (const { task, clicks, seconds } of table)
      console.log(`${task.padEnd(40)} clicks: ${clicks}, seconds: ${seconds.toFixed(1)}`);
    await service?.stop();
    await installed?.remove();
    await browser?.close();
  });

  /** Does a task from the given view on. @param clicks that it may take. @param context of a browser that only this task has. */
  function task(
    name: string,
    { clicks, from = '', context }: { clicks: number; from?: string; context?: BrowserContextOptions },
    act: (person: Person) => Promise<void>,
  ): void {
    it(`can ${name} with ${clicks} ${clicks === 1 ? 'click' : 'clicks'}`, async () => {
      const page = context === undefined ? shared : ((await browser?.newPage(context)) as Page);
      try {
        await page.goto(`${service.url}/${from.replace('HOLIDAY', holiday)}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        const person = new Person(page);
        await act(person);
        table.push({ task: name, clicks: person.clicks, seconds: person.seconds });
        expect(person.clicks).toBeLessThanOrEqual(clicks);
      } finally {
        await (context === undefined ? leave(page) : page.close());
      }
    });
  }

  const labelled = async ({ page }: Person, count: number) => {
    await page.waitForURL(/\/jobs\/\w{26}$/);
    await expect.poll(() => page.locator('.photo-labelled').count()).toBe(count);
  };

  task('label a folder', { clicks: 2 }, async (person) => {
    await person.choose('Choose a folder', folder);
    await person.press(/^Label \d+ photos$/);
    await labelled(person, files.length);
    await person.heading('Wedding');
  });

  task('find the dogs', { clicks: 1, from: 'jobs/HOLIDAY' }, async (person) => {
    await person.type('Filter by name, label or category', 'dog');
    await person.page.getByText('11 of 24').waitFor();
  });

  task('see what failed and why', { clicks: 2, from: 'jobs/HOLIDAY' }, async (person) => {
    await person.click(person.page.getByRole('radio', { name: 'Errors 2' }));
    await person.click(person.page.locator('.photo').first());
    await person.page.getByText('The file is a text, not an image.').waitFor();
    await person.page.getByText('Replace the file, then retry.').waitFor();
  });

  const clipboard = { permissions: ['clipboard-read', 'clipboard-write'] };
  task('share', { clicks: 1, from: 'jobs/HOLIDAY?q=dog', context: clipboard }, async (person) => {
    await person.press(/^Copy link/);
    await person.page.getByText('Link copied. It works on this computer only.').first().waitFor();
    const link = await person.page.evaluate(() => navigator.clipboard.readText());
    await person.page.goto(link);
    await person.page.getByText('11 of 24').waitFor();
  });

  task('download CSV', { clicks: 2, from: 'jobs/HOLIDAY' }, async (person) => {
    const downloading = person.page.waitForEvent('download');
    await person.press('Download');
    await person.click(person.page.getByRole('menuitem', { name: /^CSV/ }));
    const csv = await readFile(await (await downloading).path(), 'utf8');
    expect(csv.trimEnd().split('\r\n')).toHaveLength(25);
  });

  task('take a picture on a phone and label it', { clicks: 2, context: PHONE }, async (person) => {
    await person.choose('Take a photo', sample);
    await person.press(/^Label 1 photo$/);
    await labelled(person, 1);
  });

  task('look up an old job', { clicks: 2 }, async (person) => {
    await person.click(person.page.getByRole('navigation').getByRole('link', { name: 'Jobs' }));
    await person.click(person.page.getByRole('link', { name: 'Old slides' }));
    await person.heading('Old slides');
    await person.page.getByText('24 photos').waitFor();
  });

  task('have two jobs at once', { clicks: 5 }, async (person) => {
    await person.choose('Choose photos', files.slice(0, 4));
    await person.press(/^Label 4/);
    await person.page.waitForURL(/\/jobs\/\w{26}$/);
    await person.click(person.page.getByRole('navigation').getByRole('link', { name: 'New' }));
    await person.choose('Choose photos', files.slice(4));
    await person.press(/^Label 4/);
    await labelled(person, 4);
  });

  task('come back after the laptop slept', { clicks: 2 }, async (person) => {
    const late = path.join(folder, '..', 'late.jpg');
    await writeFile(late, Buffer.concat([await readFile(sample), Buffer.from('late')]));
    const line = await openLine(service.url);
    try {
      await person.page.goto(line.url);
      await person.choose('Choose photos', late);
      await person.press(/^Label 1/);
      await person.page.waitForURL(/\/jobs\/\w{26}$/);
      line.cut();
      await person.page.getByText('Connection lost. Reconnecting.').waitFor();
      line.mend();
      await labelled(person, 1);
      await person.page.getByText('Connection lost. Reconnecting.').waitFor({ state: 'hidden' });
    } finally {
      await line.close();
    }
  });

  task('delete a job', { clicks: 3, from: 'jobs/HOLIDAY' }, async (person) => {
    await person.press('More actions');
    await person.click(person.page.getByRole('menuitem', { name: 'Delete job' }));
    await person.press('Delete');
    await person.heading('Jobs');
    expect((await fetch(`${service.url}/v1/jobs/${holiday}`)).status).toBe(404);
  });
});
