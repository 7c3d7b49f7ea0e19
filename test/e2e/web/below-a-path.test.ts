/// <reference lib="dom" />
/** The service behind a reverse proxy that has it below a path and removes this path. */
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InstalledPackage, installPackage, repository } from '../package.ts';
import { openBrowser } from './browser.ts';
import { type Service, startService } from './up.ts';

const browser = await openBrowser();
const cat = path.join(repository, 'samples', 'cat.jpg');
const PREFIX = '/apps/imgcls';

/** As `location /apps/imgcls/ { proxy_pass http://service/; }` of nginx. Records what it has no service for. */
function startProxy(service: string): { proxy: Server; astray: string[] } {
  const astray: string[] = [];
  const proxy = createServer((incoming, answer) => {
    const { url = '', method, headers } = incoming;
    if (!url.startsWith(`${PREFIX}/`)) {
      astray.push(url);
      answer.writeHead(404).end();
      return;
    }
    const forwarded = request(new URL(url.slice(PREFIX.length), service), { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(answer);
    });
    forwarded.on('error', () => answer.destroy());
    answer.on('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  return { proxy, astray };
}

let installed: InstalledPackage;
let service: Service;
let front: ReturnType<typeof startProxy>;
let base: string;
beforeAll(async () => {
  installed = await installPackage();
  service = await startService(installed.bin, await installed.dataDir());
  front = startProxy(service.url);
  await new Promise<void>((resolve) => front.proxy.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(front.proxy.address() as AddressInfo).port}${PREFIX}/`;
});
afterAll(async () => {
  front?.proxy.closeAllConnections();
  front?.proxy.close();
  await service?.stop();
  await installed?.remove();
  await browser?.close();
});

describe.skipIf(browser === undefined)('below a path of a reverse proxy', () => {
  it('the page labels an image, its links lead to its views, and each view can be reloaded', async () => {
    const page = await (browser as Browser).newPage();
    const errors: string[] = [];
    page.on('console', (message) => void (message.type() === 'error' && errors.push(message.text())));
    page.on('pageerror', (error) => void errors.push(String(error)));
    await page.goto(base);
    await page.getByLabel('Images', { exact: true }).setInputFiles(cat);
    await page.getByRole('button', { name: 'Label 1 photo' }).click();
    await page.waitForURL(`${base}jobs/*`);
    await page.getByText('tiger cat').first().waitFor();
    const job = page.url();
    await page.reload();
    await page.getByText('tiger cat').first().waitFor();
    const picture = page.getByRole('list', { name: 'Photos', exact: true }).locator('img');
    await expect.poll(() => picture.evaluate((img: HTMLImageElement) => img.naturalWidth)).toBeGreaterThan(0);

    await page.getByRole('link', { name: 'Jobs', exact: true }).click();
    await page.getByRole('heading', { name: 'Jobs' }).waitFor();
    expect(page.url()).toBe(`${base}jobs`);
    await page.locator('a.job-row-name').click();
    expect(page.url()).toBe(job);
    await page.goBack();
    expect(page.url()).toBe(`${base}jobs`);
    await page.getByRole('link', { name: 'Find', exact: true }).click();
    await page.getByRole('link', { name: 'cat', exact: true }).click();
    await page.locator('.found-photo').waitFor();
    expect(page.url()).toBe(`${base}find?q=cat`);
    await page.getByRole('link', { name: 'Workers' }).click();
    await page.getByText(/^Idle|wanted/).waitFor();
    await page.reload();
    await page.getByText(/^Idle|wanted/).waitFor();
    await page.getByRole('link', { name: 'imgcls, start page' }).click();
    expect(page.url()).toBe(base);

    await page.goto(`${base}docs`);
    await page.getByRole('heading', { name: 'Classify one small image immediately' }).waitFor();
    expect(errors).toEqual([]);
    expect(front.astray).toEqual([]);
  });
});

describe('the service below a path of a reverse proxy', () => {
  it('has a Location that leads to the job, and a document whose server is the service', async () => {
    const body = new FormData();
    body.append('files', new Blob(['not an image']), 'a.jpg');
    const created = await fetch(`${base}v1/jobs`, { method: 'POST', body });
    const job = new URL(created.headers.get('location') ?? '', created.url);
    expect(job.pathname).toMatch(new RegExp(`^${PREFIX}/v1/jobs/\\w{26}$`));
    expect((await fetch(job)).status).toBe(200);
    const document = await fetch(`${base}openapi.json`);
    const { servers } = await document.json();
    expect(new URL(servers[0].url, document.url).href).toBe(base);
  });

  it('sends the files of the page compressed', async () => {
    const html = await (await fetch(base)).text();
    const script = /src="(.*?\.js)"/.exec(html)?.[1] ?? '';
    const { headers } = await fetch(new URL(script, base), { headers: { 'accept-encoding': 'gzip' } });
    expect(headers.get('content-encoding')).toBe('gzip');
    expect(headers.get('vary')).toMatch(/accept-encoding/i);
  });
});
