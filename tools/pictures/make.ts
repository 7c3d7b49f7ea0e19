/**
 * Makes the pictures of docs/img from samples/: `npm run pictures`. Starts `imgcls up` on a free port with a temporary
 * folder, uses its page in a headless Chromium, and cleans up.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import sharp from 'sharp';

const root = path.resolve(import.meta.dirname, '../..');
const samples = path.join(root, 'samples');
const pictures = path.join(root, 'docs', 'img');
const work = await mkdtemp(path.join(tmpdir(), 'imgcls-pictures-'));

/** Each sample whole, mirrored, and as two parts of it, so that the page has more images. */
async function photographs(): Promise<string[]> {
  const folder = path.join(work, 'photographs');
  await mkdir(folder);
  const files: string[] = [];
  for (const name of (await readdir(samples)).filter((each) => /\.(jpg|png)$/.test(each))) {
    const source = sharp(path.join(samples, name));
    const { width = 0, height = 0 } = await source.metadata();
    const part = { width: Math.round(0.7 * width), height: Math.round(0.7 * height) };
    const base = path.parse(name).name;
    const views = {
      [base]: source.clone(),
      [`${base}-mirrored`]: source.clone().flop(),
      [`${base}-left`]: source.clone().extract({ ...part, left: 0, top: height - part.height }),
      [`${base}-right`]: source.clone().extract({ ...part, left: width - part.width, top: 0 }),
    };
    for (const [view, image] of Object.entries(views)) {
      const file = path.join(folder, `${view}.jpg`);
      await image.jpeg({ quality: 90 }).toFile(file);
      files.push(file);
    }
  }
  return files.sort();
}

async function startUp(): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [path.join(root, 'bin', 'imgcls.js'), 'up', '--port', '0'], {
    env: { ...process.env, IMGCLS_DATA_DIR: path.join(work, 'data'), IMGCLS_TARGET_SECONDS: '10' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      const found = /Listening on (http:\/\/\S+)/.exec(stderr)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(stderr)));
  });
  return {
    url,
    async stop() {
      child.kill('SIGINT');
      await once(child, 'exit');
    },
  };
}

async function submit(page: Page, url: string, files: readonly string[]): Promise<string> {
  await page.goto(url);
  await page.getByLabel('Images', { exact: true }).setInputFiles([...files]);
  await page.getByRole('button', { name: /^Label \d+ photos$/ }).click();
  await page.waitForURL(/\/jobs\/\w{26}$/);
  await page.getByText(/^took /).waitFor({ timeout: 60_000 });
  return page.url();
}

/** Work for the charts: three jobs, each larger than the previous one. The last one still runs at the end. */
async function keepBusy(url: string, files: readonly string[]): Promise<void> {
  for (const copies of [60, 120, 500]) {
    const form = new FormData();
    for (let copy = 0; copy < copies; copy++)
      for (const file of files)
        form.append('files', new Blob([await readFile(file), `#${copies}.${copy}`]), path.basename(file));
    await fetch(`${url}/v1/jobs`, { method: 'POST', body: form });
    await new Promise((resolve) => setTimeout(resolve, copies > 400 ? 15_000 : 25_000));
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
  },
};
const service = await startUp();
try {
  await mkdir(pictures, { recursive: true });
  const files = await photographs();
  const open = async (view: string) => await (await browser.newContext(views[view])).newPage();
  const take = async (page: Page, name: string) => {
    // Images that are still loading would be missing.
    await page.waitForLoadState('networkidle', { timeout: 5000 }).catch(() => {});
    await page.screenshot({ path: path.join(pictures, `${name}.png`) });
  };

  const light = await open('light');
  await light.goto(service.url);
  await light.getByLabel('Images', { exact: true }).setInputFiles(files);
  await light.getByRole('button', { name: /^Label/ }).waitFor();
  await take(light, 'page');
  const job = await submit(light, service.url, files);
  await light.locator('.photo').nth(1).hover();
  await take(light, 'results');

  for (const view of ['dark', 'phone']) {
    const page = await open(view);
    await page.goto(job);
    await page.locator('.photo-labelled').first().waitFor();
    await take(page, view);
  }
  await keepBusy(service.url, files);
  await light.goto(`${service.url}/fleet`);
  await light.getByRole('heading', { level: 1 }).waitFor();
  await new Promise((resolve) => setTimeout(resolve, 6000));
  await take(light, 'fleet');
} finally {
  await service.stop();
  await browser.close();
  await rm(work, { recursive: true, force: true });
}
