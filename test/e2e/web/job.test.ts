/// <reference lib="dom" />
/** A finished job on the page: its address, its stacks, its photographs one by one. */
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ImageResult } from '../../../src/core/model/outcome.ts';
import { type InstalledPackage, installPackage, repository } from '../package.ts';
import { accessibilityViolations } from './accessibility.ts';
import { leave, openBrowser } from './browser.ts';
import { type FakedImage, fakeJob } from './faked-job.ts';
import { layoutFaults } from './layout.ts';
import { type Service, startService } from './up.ts';

const browser: Browser | undefined = await openBrowser();
const sample = path.join(repository, 'samples', 'cat.jpg');

/** Of 120: 40 are cats, 79 are dogs of two breeds, of which 20 are unsure, and one cannot be read. */
function resultOf(at: number): ImageResult {
  if (at === 119) return { error: { code: 'truncated', message: 'The JPEG is cut off.' } };
  const [label, name] = at % 3 === 0 ? ['tabby', 'cat'] : [at % 3 === 1 ? 'pug' : 'Chihuahua', 'dog'];
  const score = at % 6 === 1 ? 0.1 : 0.9 - at / 1000;
  const labels = [
    { wnid: `n${label}`, label, score },
    { wnid: 'n0', label: 'lynx', score: 0.05 },
  ];
  return { labels, ms: 1, category: { name, score } };
}
const images = Array.from({ length: 120 }, (_, at): FakedImage => {
  return { name: `IMG_${at}.jpg`, result: resultOf(at), file: sample };
});

describe.skipIf(browser === undefined)('a job', () => {
  let installed: InstalledPackage;
  let service: Service;
  let address: string;
  let damaged: { upload: string; folder: string };
  beforeAll(async () => {
    installed = await installPackage();
    const dataDir = await installed.dataDir();
    const id = await fakeJob({ dataDir, inputs: ['Holiday 2026'], images });
    const last = { dataDir, images: images.slice(-1) };
    damaged = {
      upload: await fakeJob({ ...last, inputs: [] }),
      folder: await fakeJob({ ...last, inputs: ['Trip'] }),
    };
    service = await startService(installed.bin, dataDir, ['serve']);
    address = `${service.url}/jobs/${id}`;
  });
  afterAll(async () => {
    await service?.stop();
    await installed?.remove();
    await browser?.close();
  });

  let page: Page;
  beforeAll(async () => {
    page = (await browser?.newPage({ reducedMotion: 'reduce' })) as Page;
  });
  beforeEach(async () => await page.setViewportSize({ width: 1280, height: 900 }));
  afterEach(async () => await leave(page));

  const cards = () => page.getByRole('list', { name: 'Photos' }).getByRole('button');
  const card = (at: number) => page.getByRole('button', { name: `IMG_${at}.jpg` });
  const photo = () => page.getByRole('dialog');
  const scrollY = () => page.evaluate(() => Math.round(window.scrollY));
  const open = async (query = '') => {
    await page.goto(address + query);
    await page.locator('.photo').first().waitFor();
    await page.waitForFunction(() => document.querySelector('.photo-loading') === null);
  };

  it('opens a photograph, which Back closes and Forward opens again, at the same place', async () => {
    await open();
    await card(30).click();
    await photo().getByRole('heading', { name: 'tabby' }).waitFor();
    const scrolled = await scrollY();
    expect(scrolled).toBeGreaterThan(0);
    expect(page.url()).toBe(`${address}?photo=30`);
    await page.goBack();
    await photo().waitFor({ state: 'hidden' });
    expect([page.url(), await scrollY()]).toEqual([address, scrolled]);
    await page.goForward();
    await photo().getByText('31 of 120').waitFor();
    await page.keyboard.press('ArrowRight');
    await photo().getByText('IMG_31.jpg').waitFor();
    await page.keyboard.press('Escape');
    await photo().waitFor({ state: 'hidden' });
    // The focus is on the photograph that was shown last.
    await page.locator('[data-position="31"]:focus').waitFor();
    expect([page.url(), await scrollY()]).toEqual([address, scrolled]);
  });

  it('opens at a photograph that was shared, and closes to the list', async () => {
    await open('?photo=7&show=sure');
    await photo().getByText('IMG_7.jpg').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await photo().waitFor({ state: 'hidden' });
    expect(page.url()).toBe(`${address}?show=sure`);
  });

  it('comes back from another view where it was', async () => {
    await open('?sort=score');
    await page.evaluate(() => window.scrollTo(0, 1500));
    await page.getByRole('navigation').getByRole('link', { name: 'Jobs' }).click();
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
    await page.goBack();
    await page.waitForFunction(() => window.scrollY === 1500);
    expect(page.url()).toBe(`${address}?sort=score`);
  });

  it('keeps filters, sorting and the score in its address, and says how many match', async () => {
    await open();
    await page.getByLabel('Filter by name').fill('chihuahua');
    await page.getByText('39 of 120').waitFor();
    await page.getByLabel('Sort').selectOption('score');
    const slider = page.getByLabel('Sure from');
    await slider.fill('90');
    await page.getByRole('radio', { name: 'To check 118' }).check();
    expect(page.url()).toBe(`${address}?q=chihuahua&sort=score&min=90&show=check`);
    await page.reload();
    await page.getByText('39 of 120').waitFor();
    expect(await slider.inputValue()).toBe('90');
    expect(await cards().first().getAttribute('aria-label')).toContain('IMG_2.jpg');
    await page.getByLabel('Filter by name').fill('zzz');
    await page.getByText('No photos match “zzz”.').waitFor();
    await page.getByRole('button', { name: 'Clear filter' }).click();
    await card(0).waitFor();
    expect(page.url()).toBe(`${address}?sort=score&min=90`);
  });

  it('shows the detail of a card when the pointer moves over it, as long as the card is there', async () => {
    await open();
    const detail = page.getByRole('tooltip');
    await card(0).hover();
    await detail.getByText('IMG_0.jpg').waitFor();
    await page.getByLabel('Filter by name').fill('IMG_5.jpg');
    await detail.waitFor({ state: 'hidden' });
    // Another card has come under the pointer, which rests.
    expect(await cards().count()).toBe(1);
    await page.mouse.move(0, 0);
    await cards().first().hover();
    await detail.getByText('IMG_5.jpg').waitFor();
  });

  it('shows the thumbnail that a busy service refused at first, and asks for one that it cannot make no more', async () => {
    const asked = { busy: 0, none: 0 };
    await page.route('**/images/0/thumbnail', async (route) => {
      if (++asked.busy > 2) await route.continue();
      else await route.fulfill({ status: 429, headers: { 'retry-after': '0' } });
    });
    await page.route('**/images/1/thumbnail', async (route) => {
      asked.none++;
      await route.fulfill({ status: 415 });
    });
    await open();
    await card(0).locator('.thumb-shown').waitFor();
    await card(1).locator('.thumb-broken').waitFor();
    // The last time from the browser's cache, which it does not use for routed requests.
    expect(asked).toEqual({ busy: 4, none: 2 });
  });

  it('is retried if that can help: the photo of a folder, not an upload', async () => {
    const openMenu = async (id: string) => {
      await page.goto(`${service.url}/jobs/${id}`);
      await page.getByText('Damaged').waitFor();
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Delete job' }).waitFor();
    };
    const retry = page.getByRole('menuitem', { name: 'Retry 1 failed photo' });
    await openMenu(damaged.upload);
    expect(await retry.count()).toBe(0);
    await openMenu(damaged.folder);
    await retry.click();
    await page.locator('.toast', { hasText: 'Retrying the failed photos' }).waitFor();
    const job = await fetch(`${service.url}/v1/jobs/${damaged.folder}`);
    expect(await job.json()).toMatchObject({ attempt: 2 });
  });

  it('groups into stacks, which open, go back and jump to another', async () => {
    await open('?group=category');
    const names = () => cards().evaluateAll((all) => all.map((each) => each.getAttribute('aria-label')));
    const stacks = ['dog, 79 photos', 'cat, 40 photos', 'Damaged, IMG_119.jpg'];
    await expect.poll(names).toEqual(stacks);
    await cards().first().click();
    await page.getByText('79 of 120').waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'cat, 40 photos' }).waitFor();
    await page.getByLabel('Jump to').selectOption('cat');
    await page.getByText('40 of 120').waitFor();
    expect(page.url()).toBe(`${address}?group=category&in=cat`);
    await page.getByRole('button', { name: 'All categories' }).click();
    await page.getByRole('button', { name: 'dog, 79 photos' }).waitFor();
  });

  it('marks what is unsure, and has no segments that mean nothing', async () => {
    await open();
    const segments = page.getByRole('group', { name: 'Show' }).getByRole('radio');
    const texts = () => segments.evaluateAll((all) => all.map((each) => each.parentElement?.textContent));
    await expect.poll(texts).toEqual(['All120', 'Sure99', 'To check20', 'Errors1']);
    expect(await card(1).textContent()).toMatch(/^Unsure pug 10 %/);
    await page.getByRole('radio', { name: /^Errors/ }).check();
    await card(119).click();
    await photo().getByText('The JPEG is cut off.').waitFor();
    await photo().getByText('Restore the file').waitFor();
  });

  it('zooms by click, wheel and keys, and shows the whole picture again', async () => {
    await open('?photo=0');
    const stage = page.locator('.stage');
    const scale = () =>
      page
        .locator('.stage-picture')
        .last()
        .evaluate((each) => each.getBoundingClientRect().width);
    const whole = await scale();
    await stage.click({ position: { x: 300, y: 300 } });
    expect(await scale()).toBeCloseTo(2.5 * whole, 0);
    await stage.click({ position: { x: 300, y: 300 } });
    expect(await scale()).toBe(whole);
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    expect(await scale()).toBeCloseTo(2.25 * whole, 0);
    await page.keyboard.press('0');
    expect(await scale()).toBe(whole);
    await page.mouse.wheel(0, -300);
    expect(await scale()).toBeGreaterThan(2 * whole);
  });

  it('shows the next photograph after a swipe', async () => {
    await open('?photo=10');
    await page.locator('.stage').evaluate((stage) => {
      const touch = (type: string, clientX: number) =>
        stage.dispatchEvent(
          new PointerEvent(type, {
            pointerId: 1,
            pointerType: 'touch',
            clientX,
            clientY: 300,
            bubbles: true,
          }),
        );
      // Captures are for pointers of the browser's own.
      stage.setPointerCapture = () => {};
      touch('pointerdown', 400);
      touch('pointermove', 300);
      touch('pointerup', 250);
    });
    await photo().getByText('IMG_11.jpg').waitFor();
  });

  it('says what its first photograph waits for, as soon as all are read', async () => {
    const job = { id: '01M8PXT6NSAYY66YA9WRCD35FA', createdAtMs: 0, attempt: 1, done: 0, errors: 0 };
    const reading = page.getByText('Reading photos');
    let connections = 0;
    await page.route('**/events', async (route) => {
      const isFirst = ++connections === 1;
      // The third one stays open.
      if (connections > 2) return;
      if (!isFirst) await reading.waitFor();
      const state = isFirst ? { state: 'open' } : { state: 'sealed', total: 1 };
      const data = JSON.stringify({ job: { ...job, ...state }, covered: [] });
      const body = `retry: 50\nevent: snapshot\ndata: ${data}\n\n`;
      await route.fulfill({ contentType: 'text/event-stream', body });
    });
    await page.route('**/v1/status', (route) =>
      route.fulfill({ json: { workers: [{ id: 'w', phase: 'busy', sinceMs: 0 }] } }),
    );
    await page.goto(`${service.url}/jobs/${job.id}`);
    await page.getByText('Waiting for its turn').waitFor();
  });

  it('that does not exist is one clear page', async () => {
    await page.goto(`${service.url}/jobs/01M8PXT6NSAYY66YA9WRCD35FA`);
    await page.getByRole('heading', { name: 'Job not found' }).waitFor();
    await page.getByRole('link', { name: 'See all jobs' }).waitFor();
    expect(await page.getByText(/Connection lost|Retrying/).count()).toBe(0);
  });

  it('has photographs in the first third of a phone, and filters behind one button', async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open();
    const top = await page
      .locator('.photo')
      .first()
      .evaluate((each) => each.getBoundingClientRect().top);
    expect(top).toBeLessThan(844 / 3);
    expect(await page.getByLabel('Sort').isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Filter' }).click();
    for (const title of ['Sort', 'Group']) await page.getByText(title, { exact: true }).waitFor();
    await page.getByRole('radio', { name: 'Errors 1' }).check();
    await page.getByRole('button', { name: 'Show 1 photo' }).click();
    await page.getByText('1 of 120').waitFor();
  });

  it('has no accessibility violations or layout faults with its menus and photographs open', async () => {
    const states: [query: string, press?: string][] = [
      ['?group=category'],
      ['?photo=3'],
      ['?photo=119'],
      ['?q=zzz'],
      ['', 'Download'],
      ['', 'More actions'],
    ];
    for (const width of [390, 1280])
      for (const [query, press] of states) {
        await page.setViewportSize({ width, height: 900 });
        await page.goto(address + query);
        await page.locator('.photo, .nothing').first().waitFor();
        if (press !== undefined) await page.getByRole('button', { name: press }).click();
        const state = `${query}${press ?? ''}, ${width} px`;
        expect(await layoutFaults(page), state).toEqual([]);
        expect(await accessibilityViolations(page), state).toEqual([]);
      }
  });

  it('copies the request for its results, which works as it is', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await open();
    await page.getByRole('button', { name: 'More actions' }).click();
    await page.getByRole('menuitem', { name: /^Copy as curl/ }).click();
    await page.getByText('Command copied').first().waitFor();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    const [, url = ''] = /^curl -fsS '(.*)'$/.exec(command) ?? [];
    const { outcomes } = (await (await fetch(url)).json()) as { outcomes: unknown[] };
    expect(outcomes).toHaveLength(100);
  });
});
