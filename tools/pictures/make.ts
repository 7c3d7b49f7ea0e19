/// <reference lib="dom" />
/**
 * Makes the pictures of docs/img from samples/: `npm run pictures`. Starts `imgcls up` on a free port with a temporary
 * folder, uses its page in a headless Chromium, and cleans up.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';
import { startService } from '../../test/e2e/web/up.ts';

const root = path.resolve(import.meta.dirname, '../..');
const samples = path.join(root, 'samples');
const pictures = path.join(root, 'docs', 'img');
const work = await mkdtemp(path.join(tmpdir(), 'imgcls-pictures-'));

const data = path.join(work, 'data');
await mkdir(data);

/** Copies those of the samples whose names match into a folder, and labels them. @returns the id of the job. */
async function label(folder: string, names: RegExp): Promise<string> {
  await mkdir(path.join(work, folder));
  for (const name of (await readdir(samples)).filter((each) => names.test(each)))
    await copyFile(path.join(samples, name), path.join(work, folder, name));
  const run = promisify(execFile);
  const args = [path.join(root, 'bin', 'imgcls.js'), 'label', folder, '--no-wait'];
  const { stdout } = await run(process.execPath, args, {
    cwd: work,
    env: { ...process.env, IMGCLS_DATA_DIR: data },
  });
  return stdout.trim();
}

async function untilFinished(url: string, job: string): Promise<void> {
  for (;;) {
    const { state } = (await (await fetch(`${url}/v1/jobs/${job}`)).json()) as { state: string };
    if (state === 'finished') return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const views: Record<string, BrowserContextOptions> = {
  light: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  dark: { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  phone: {
    viewport: { width: 390, height: 844 },
    colorScheme: 'light',
    deviceScaleFactor: 2,
    hasTouch: true,
    isMobile: true,
  },
};
const cards = (page: Page) => page.getByRole('list', { name: 'Photos', exact: true }).getByRole('button');
const service = await startService(path.join(root, 'bin', 'imgcls.js'), data);
try {
  await mkdir(pictures, { recursive: true });
  const open = async (view: string) => await (await browser.newContext(views[view])).newPage();
  const take = async (page: Page, name: string) => {
    // Images that are still loading would be missing.
    await page.waitForLoadState('networkidle', { timeout: 5000 }).catch(() => {});
    await page.mouse.move(0, 0);
    const picture = await page.screenshot({ animations: 'disabled' });
    // A third of the bytes, for 256 colours.
    await sharp(picture)
      .png({ palette: true, effort: 10 })
      .toFile(path.join(pictures, `${name}.png`));
  };
  const { url } = service;
  const jobs = [
    await label('kitchen', /coffee|pan/),
    await label('journey', /boats|dam|mountains|rocket/),
    await label('photos', /\.(jpg|png|webp)$/),
  ];
  for (const job of jobs) await untilFinished(url, job);
  const job = `${url}/jobs/${jobs.at(-1)}`;

  const light = await open('light');
  await light.goto(url);
  await light.getByText('photos').first().waitFor();
  await take(light, 'home');
  await light.goto(job);
  await cards(light).nth(11).waitFor();
  await take(light, 'results');
  await cards(light).filter({ hasText: 'espresso' }).click();
  await light.getByText('Place', { exact: true }).waitFor();
  await light.locator('dialog img[src*="thumbnail"]').waitFor({ state: 'detached' });
  // The photograph's place is a temporary folder.
  await light.evaluate((folder) => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const { currentNode } = texts;
      currentNode.nodeValue = (currentNode.nodeValue ?? '').replace(folder, '/home/ada');
    }
  }, work);
  await take(light, 'photo');
  for (const view of ['dark', 'phone']) {
    const page = await open(view);
    await page.goto(job);
    await cards(page).first().waitFor();
    await take(page, view);
  }
} finally {
  await service.stop();
  await browser.close();
  await rm(work, { recursive: true, force: true });
}
