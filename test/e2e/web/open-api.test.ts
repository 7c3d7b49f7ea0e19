/// <reference lib="dom" />
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createClient } from '@hey-api/openapi-ts';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonOf } from '../../contract/python.ts';
import { until } from '../../contract/until.ts';
import { type InstalledPackage, installPackage, repository } from '../package.ts';
import { openBrowser } from './browser.ts';
import { type Service, startService } from './up.ts';

const run = promisify(execFile);
const browser = await openBrowser();

let installed: InstalledPackage;
let service: Service;
beforeAll(async () => {
  installed = await installPackage();
  service = await startService(installed.bin, await installed.dataDir(), ['up'], {
    IMGCLS_REQUESTS_PER_MINUTE: '10000000',
  });
});
afterAll(async () => {
  await service?.stop();
  await installed?.remove();
  await browser?.close();
});

describe('the OpenAPI document', () => {
  it('describes every response of the service (schemathesis, all checks)', async () => {
    const python = await pythonOf(path.join(import.meta.dirname, 'requirements.txt'));
    // Not its own script: that contains the path where the environment was created, and the environment was moved.
    const schemathesis = ['-c', 'from schemathesis.cli import schemathesis; schemathesis()'];
    const args = [
      ...schemathesis,
      '--config-file',
      path.join(import.meta.dirname, 'schemathesis.toml'),
      'run',
    ];
    const { stdout } = await run(
      python,
      [
        ...args,
        `${service.url}/openapi.json`,
        '--checks',
        'all',
        '--max-examples',
        '30',
        '--request-timeout',
        '15',
      ],
      { cwd: await installed.dataDir(), maxBuffer: 16 * 1024 * 1024 },
    ).catch((error: { stdout: string; stderr: string }) => {
      throw new Error(`schemathesis found:\n${error.stdout.slice(0, 8000)}\n${error.stderr}`);
    });
    expect(stdout).toMatch(/No issues found|passed/i);
    console.info(stdout.slice(stdout.indexOf('SUMMARY')));
  });

  it('makes a client that uploads an image, names others and gets results (openapi-ts)', async () => {
    const folder = await installed.dataDir();
    await createClient({
      input: `${service.url}/openapi.json`,
      output: folder,
      plugins: ['@hey-api/client-fetch', '@hey-api/sdk', '@hey-api/typescript'],
      logs: { file: false, level: 'silent' },
    });
    const client = await import(/* @vite-ignore */ path.join(folder, 'index.ts'));
    const { client: connection } = await import(/* @vite-ignore */ path.join(folder, 'client.gen.ts'));
    connection.setConfig({ baseUrl: service.url });

    const cat = await readFile(path.join(repository, 'samples', 'cat.jpg'));
    const submitted = await client.submitJob({ body: { files: [new File([cat], 'cat.jpg')], topK: 2 } });
    const { id } = submitted.data;
    await until('the job is done', async () =>
      (await client.getJob({ path: { id } })).data.state === 'finished' ? true : undefined,
    );
    const { data: results } = await client.getResults({
      path: { id },
      headers: { accept: 'application/json' },
    });
    expect(results.outcomes).toMatchObject([{ name: 'cat.jpg', label: 'tiger cat' }]);

    const named = await client.submitNamedJob({ body: { inputs: ['s3://elsewhere/photos'] } });
    expect(named.error).toMatchObject({ status: 403, detail: expect.stringContaining('"elsewhere"') });
  });

  it('has no schema that no route uses, besides those of events', async () => {
    const document = await (await fetch(`${service.url}/openapi.json`)).text();
    const { schemas } = JSON.parse(document).components;
    const unused = Object.keys(schemas).filter((name) => !document.includes(`#/components/schemas/${name}"`));
    const directUploads = ['UploadsRequest', 'OfferedUploads', 'UploadedJob'];
    expect(unused).toEqual([...directUploads, 'JobEvent']);
  });

  it('has a reference at /docs', async () => {
    const answer = await fetch(`${service.url}/docs`);
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/swagger-ui/);
  });

  it.skipIf(browser === undefined)(
    'shows the reference in a browser, without requests to other hosts or over TLS',
    async () => {
      const policy = (await fetch(`${service.url}/docs`)).headers.get('content-security-policy');
      expect(policy).toMatch(/^default-src 'none'/);
      expect(policy).not.toMatch(/upgrade-insecure-requests|validator|https:/);
      const page = await (browser as Browser).newPage();
      const consoleErrors: string[] = [];
      const otherHosts: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error') consoleErrors.push(message.text());
      });
      page.on('pageerror', (error) => consoleErrors.push(String(error)));
      page.on('request', (request) => {
        if (!/^(http:\/\/127\.0\.0\.1:|blob:|data:)/.test(request.url())) otherHosts.push(request.url());
      });
      await page.goto(`${service.url}/docs`);
      await page.getByText('Classify one small image immediately').click();
      await page.getByRole('button', { name: 'Try it out' }).waitFor();
      expect(consoleErrors).toEqual([]);
      expect(otherHosts).toEqual([]);
    },
  );
});
