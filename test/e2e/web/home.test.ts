/// <reference lib="dom" />
/** The start page and the ways between the views. */
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type InstalledPackage, installPackage } from '../package.ts';
import { leave, openBrowser } from './browser.ts';
import { layoutFaults, WIDTHS_PX } from './layout.ts';
import { photographs } from './photographs.ts';
import { type Service, startService } from './up.ts';

const browser: Browser | undefined = await openBrowser();
/** More than fit on a screen. */
const JOBS = 14;

let installed: InstalledPackage;
let files: string[];
let service: Service;
beforeAll(async () => {
  if (browser === undefined) return;
  installed = await installPackage();
  files = await photographs(path.join(await installed.emptyFolder(), 'photographs'), 3);
  service = await startService(installed.bin, await installed.dataDir());
  const form = new FormData();
  for (const file of files) form.append('files', new Blob([await readFile(file)]), path.basename(file));
  for (let at = 0; at < JOBS; at++) await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form });
});
afterAll(async () => {
  await service?.stop();
  await installed?.remove();
  await browser?.close();
});

let page: Page;
beforeAll(async () => {
  if (browser !== undefined) page = await browser.newPage();
});
beforeEach(async () => await page?.setViewportSize({ width: 1000, height: 600 }));
afterEach(async () => await leave(page));

const chosen = () => page.getByRole('list', { name: 'Images to be labelled' }).getByRole('listitem');
const go = (name: string) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click();

/** Drops files with these names, as from the desktop. */
const drop = (names: readonly string[]) =>
  page.evaluate((all) => {
    const dataTransfer = new DataTransfer();
    for (const name of all) dataTransfer.items.add(new File(['x'], name));
    for (const type of ['dragover', 'drop'])
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, names);

/** Drops a link of another tab. */
const dropAddress = (address: string) =>
  page.evaluate((dropped) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.setData('text/uri-list', dropped);
    for (const type of ['dragover', 'drop'])
      document.body.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, address);

const pasteText = (text: string) =>
  page.evaluate((pasted) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', pasted);
    document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
  }, text);

describe.skipIf(browser === undefined)('the start page', () => {
  it.each(['/jobs', '/fleet', '/no/such/page'])('gets what is dropped on %s, and keeps it', async (view) => {
    await page.goto(service.url + view);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await drop(['a.jpg', 'b.png']);
    await expect.poll(() => chosen().count()).toBe(2);
    expect(new URL(page.url()).pathname).toBe('/');
    await go('Jobs');
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
    await go('New');
    await expect.poll(() => chosen().count()).toBe(2);
  });

  it('takes HEIC and camera raw, shows their types, and says what it skips and why', async () => {
    await page.goto(service.url);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await drop(['IMG_1.HEIC', 'DSC_2.NEF', '.hidden.jpg', 'notes.txt', 'logo.svg']);
    await expect.poll(() => chosen().allTextContents()).toEqual(['NEFDSC_2.NEF', 'HEICIMG_1.HEIC']);
    expect(await page.getByRole('note').getByRole('paragraph').allTextContents()).toEqual([
      'Skipped 1 hidden or system file (.hidden.jpg).',
      'Skipped 2 files that are not images (notes.txt, logo.svg).',
    ]);
  });

  it('says why pasted addresses are not taken', async () => {
    await page.goto(`${service.url}/jobs`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await pasteText('s3://photos/2026/\nhttps://example.org/cat.jpg');
    await page.getByText('This service reads no images from S3.').waitFor();
    await page.getByText('This service does not fetch web addresses.').waitFor();
    expect(await page.getByText('Paste addresses').count()).toBe(0);
  });

  it('labels the photos of pasted and dropped addresses, if the service may fetch them', async () => {
    const web = createServer(({ url = '' }, response) => {
      const file = files.find((each) => url === `/${path.basename(each)}`);
      if (file === undefined) response.writeHead(404).end();
      else createReadStream(file).pipe(response);
    });
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(web.address() as AddressInfo).port}`;
    const [first = '', second = ''] = files.map((file) => `http://${host}/${path.basename(file)}`);
    const args = ['up', '--allow-urls', host];
    const fetching = await startService(installed.bin, await installed.dataDir(), args);
    try {
      await page.goto(`${fetching.url}/jobs`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await pasteText(`Look at ${first}, and at https://example.org/b.jpg!`);
      await page.getByText('This service may not fetch from example.org.').waitFor();
      await dropAddress(second);
      await page.getByText('Paste addresses').click();
      const field = page.getByRole('textbox', { name: 'Addresses of photos' });
      await field.fill(`${host}/missing.jpg`);
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      const said = await field.evaluate((element) => (element as HTMLTextAreaElement).validationMessage);
      expect(said).toBe('An address begins with https:// or s3://.');
      await field.fill(`http://${await field.inputValue()}`);
      await page.getByRole('button', { name: 'Add', exact: true }).click();
      const listed = page.getByRole('list', { name: 'Addresses to be labelled' }).getByRole('listitem');
      await expect.poll(() => listed.count()).toBe(3);
      expect(await layoutFaults(page)).toEqual([]);
      const held = Promise.withResolvers<void>();
      await page.route('**/v1/jobs/named', async (route) => {
        await held.promise;
        await route.continue();
      });
      await page.getByRole('button', { name: 'Label 3 photos' }).click();
      await pasteText(`http://${host}/late.jpg`);
      await expect.poll(() => listed.count()).toBe(4);
      held.resolve();
      await page.getByRole('heading', { name: `${host} and 2 more` }).waitFor();
      await expect.poll(() => page.locator('.photo-labelled').count(), { timeout: 60_000 }).toBe(2);
      await expect.poll(() => page.locator('.photo .thumb-shown').count()).toBe(2);
      await page.getByRole('button', { name: 'Missing, ' }).waitFor();
      await go('New');
      await expect.poll(() => listed.count()).toBe(1);
    } finally {
      await fetching.stop();
      web.close();
    }
  });

  /** Begins an upload that the service gets once `resolve` of the answer is called. */
  async function beginHeldUpload(): Promise<PromiseWithResolvers<void>> {
    await page.goto(service.url);
    const held = Promise.withResolvers<void>();
    await page.route('**/v1/jobs', async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByLabel('Images', { exact: true }).setInputFiles(files);
    await page.getByRole('button', { name: 'Label 3 photos' }).click();
    return held;
  }

  it('goes on with an upload while other views are shown', async () => {
    const held = await beginHeldUpload();
    await go('Jobs');
    await page.getByRole('link', { name: /^Uploading/ }).waitFor();
    held.resolve();
    await page.getByRole('status').filter({ hasText: 'Upload complete.' }).waitFor({ state: 'attached' });
    await go('New');
    await page.getByText('Drop photos or a folder here').waitFor();
  });

  it('keeps photos that are dropped during an upload for the next job', async () => {
    const held = await beginHeldUpload();
    await page.getByRole('button', { name: 'Cancel upload' }).waitFor();
    await drop(['late.jpg']);
    await page.getByText('1 more photo will be here for the next job.').waitFor();
    expect(await chosen().count()).toBe(3);
    held.resolve();
    await page.waitForURL(/\/jobs\/\w{26}$/);
    await go('New');
    await expect.poll(() => chosen().allTextContents()).toEqual([expect.stringContaining('late.jpg')]);
  });

  it('labels the samples at a click', async () => {
    await page.goto(service.url);
    await page.getByRole('button', { name: 'Try it with samples' }).click();
    await page.waitForURL(/\/jobs\/\w{26}$/);
    await page.getByRole('heading', { name: 'samples' }).waitFor();
  });

  it('shows the latest jobs with their pictures', async () => {
    await page.goto(service.url);
    const latest = page.getByRole('region', { name: 'Latest jobs' }).getByRole('listitem');
    await expect.poll(() => latest.count()).toBe(4);
    await expect.poll(() => latest.last().locator('.thumb-shown').count()).toBe(3);
  });
});

describe.skipIf(browser === undefined)('without a service', () => {
  it('says so once, in each view', async () => {
    await page.route('**/v1/**', (route) => route.abort());
    for (const view of ['', 'jobs', 'jobs/01M8PXT6NSAYY66YA9WRCD35FA', 'fleet']) {
      await page.goto(`${service.url}/${view}`);
      await page.getByRole('alert').waitFor();
      expect(await page.getByText(/Cannot reach|Connection lost/).allTextContents(), view).toEqual([
        'Cannot reach the service.',
      ]);
    }
  });

  it('does not show what a proxy answers in its place', async () => {
    await page.route('**/v1/server', (route) => route.fulfill({ body: '<html>Sign in</html>' }));
    await page.goto(service.url);
    await page.getByText('The response is not from imgcls.').waitFor();
  });

  it('opens views that were not shown before', async () => {
    // A clock and a connection of its own.
    const own = (await browser?.newPage()) as Page;
    await own.clock.install();
    await own.goto(service.url);
    const loaded = own.waitForResponse(/find-view.*js$/);
    await own.clock.runFor('05');
    await loaded;
    await own.context().setOffline(true);
    await own.getByRole('navigation').getByRole('link', { name: 'Find' }).click();
    await own.getByRole('heading', { name: 'Find photos' }).waitFor();
    await own.context().close();
  });
});

describe.skipIf(browser === undefined)('each view', () => {
  it.each(WIDTHS_PX)('fits into %i px, whatever the names', async (width) => {
    const long = `${'a-photograph-of-the-whole-family-'.repeat(6)}写真.jpg`;
    const form = new FormData();
    form.append('files', new Blob([await readFile(files[0] ?? '')]), long);
    await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form });
    await page.setViewportSize({ width, height: 900 });
    for (const view of ['/', '/jobs', '/find', '/find?q=fish', '/fleet', '/no/such/page']) {
      await page.goto(service.url + view);
      await page.getByRole('heading', { level: 1 }).waitFor();
      if (view === '/fleet') await page.locator('.uplot').first().waitFor();
      if (view === '/jobs') await page.getByRole('link', { name: long }).first().waitFor();
      if (view === '/find?q=fish') await page.getByText(/^\d+ photos?$|^No photos match/).waitFor();
      expect(await layoutFaults(page), view).toEqual([]);
    }
    await drop([long, 'notes'.repeat(40), 'b.heic']);
    await expect.poll(() => chosen().count()).toBe(2);
    await page.getByText('Options').click();
    expect(await layoutFaults(page), 'chosen images').toEqual([]);
  });
});

describe.skipIf(browser === undefined)('the workers', () => {
  it('have a view on one machine, which its link, heading and title call the same, of an hour or a day', async () => {
    await page.goto(service.url);
    expect(await page.getByRole('link', { name: 'Fleet' }).count()).toBe(0);
    await page.getByRole('link', { name: 'Workers' }).click();
    await page.getByRole('heading', { name: 'Workers', level: 1 }).waitFor();
    expect(await page.title()).toBe('Workers · imgcls');
    await page.getByText(/Scales from 0 to \d+ workers?\.$/).waitFor();
    await page.locator('.uplot').first().waitFor();
    await page.getByLabel('1 day').check();
    await page.waitForURL(/\?range=day$/);
    expect(await page.getByText('$').count()).toBe(0);
  });
});

describe.skipIf(browser === undefined)('Back', () => {
  it('returns to the place in the list that was left, and each view has its title and focus', async () => {
    await page.goto(`${service.url}/jobs`);
    await expect.poll(() => page.locator('.job-row').count()).toBeGreaterThanOrEqual(JOBS);
    const last = page.locator('.job-row a').last();
    await last.scrollIntoViewIfNeeded();
    const left = await page.evaluate(() => window.scrollY);
    expect(left).toBeGreaterThan(100);
    await last.click();
    await page.waitForURL(/\/jobs\/\w{26}$/);
    expect(await page.evaluate(() => window.scrollY)).toBe(0);
    await page.goBack();
    await expect.poll(() => page.evaluate(() => window.scrollY)).toBe(left);
    expect(await page.title()).toBe('Jobs · imgcls');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Jobs');
  });

  it('is not needed at an unknown path: it has a way home', async () => {
    await page.goto(`${service.url}/no/such/page`);
    await page.getByRole('heading', { name: 'Page not found' }).waitFor();
    await page.getByRole('main').getByRole('link', { name: 'Label photos' }).click();
    await page.getByText('Drop photos or a folder here').waitFor();
    expect(page.url()).toBe(`${service.url}/`);
  });
});
