/// <reference lib="dom" />
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createClient } from '@hey-api/openapi-ts';
import type { OpenAPIV3_1 } from 'openapi-types';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleOf } from '../../../src/web/reference/examples.ts';
import { operationsOf } from '../../../src/web/reference/operations.ts';
import { pythonOf } from '../../contract/python.ts';
import { until } from '../../contract/until.ts';
import { type InstalledPackage, installPackage, repository } from '../package.ts';
import { accessibilityViolations } from './accessibility.ts';
import { openBrowser } from './browser.ts';
import { type Service, startService } from './up.ts';

const run = promisify(execFile);
/** To each operation, besides those at the bounds of its schema. Every run has others. */
const RANDOM_REQUESTS = '10';
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
        RANDOM_REQUESTS,
        '--request-timeout',
        '15',
      ],
      { cwd: await installed.emptyFolder(), maxBuffer: 16 * 1024 * 1024 },
    ).catch((error: { stdout: string; stderr: string }) => {
      // Before them are thousands of lines of progress.
      const failures = error.stdout.slice(error.stdout.indexOf('FAILURES'));
      throw new Error(`schemathesis found:\n${failures.slice(0, 8000)}\n${error.stderr}`);
    });
    expect(stdout).toMatch(/No issues found|passed/i);
    console.info(stdout.slice(stdout.indexOf('SUMMARY')));
  });

  it('makes a client that uploads an image, names others and gets results (openapi-ts)', async () => {
    const folder = await installed.emptyFolder();
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
});

describe('the examples', () => {
  const samples = path.join(repository, 'samples');
  /** Fails for statuses of errors; streams end after two seconds. */
  const curl = `curl() { command curl -sS --fail-with-body --max-time "$SECONDS_AT_MOST" "$@"; }`;
  const runExample = async (source: string, env: NodeJS.ProcessEnv) =>
    await run('sh', ['-c', `${curl}; ${source}`], {
      cwd: samples,
      env: { ...process.env, IMGCLS: service.url, SECONDS_AT_MOST: '30', ...env },
      maxBuffer: 16 * 1024 * 1024,
    }).then(
      ({ stdout }) => ({ code: 0, stdout }),
      ({ code, stdout }: { code: number; stdout: string }) => ({ code, stdout }),
    );
  /** A job of a photograph, a text, and as many further ones. */
  async function submit(more = 0): Promise<string> {
    const cat = await readFile(path.join(samples, 'cat.jpg'));
    const form = new FormData();
    for (let at = 0; at <= more; at++) form.append('files', new Blob([cat, String(at)]), `${at}.jpg`);
    form.append('files', new Blob(['a text']), 'notes.jpg');
    form.append('fresh', 'true');
    const answer = await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form });
    return ((await answer.json()) as { id: string }).id;
  }
  async function finished(job: string): Promise<string> {
    await until('the job is finished', async () => {
      const { state } = (await (await fetch(`${service.url}/v1/jobs/${job}`)).json()) as { state: string };
      return state === 'finished' || undefined;
    });
    return job;
  }

  it('of all operations work as they are, in a shell', async () => {
    const answer = await fetch(`${service.url}/openapi.json`);
    const operations = operationsOf((await answer.json()) as OpenAPIV3_1.Document);
    expect(operations.filter(({ example }) => example === undefined)).toEqual([]);
    const pictures = await installed.emptyFolder();
    const job = await finished(await submit());
    const jobOf = async (id: string): Promise<string> => {
      // Many photographs, so that the job is not over before it is cancelled.
      if (id === 'cancelJob') return await submit(300);
      return id === 'retryJob' || id === 'deleteJob' ? await finished(await submit()) : job;
    };
    for (const { id, example = '' } of operations) {
      // Files that an example writes do not belong into the repository.
      const source = example
        .replace('-o ', `-o ${pictures}/`)
        .replace(/-([bc]) cookies/, `-$1 ${pictures}/cookies`);
      const env = { JOB: await jobOf(id), TOKEN: 'any', ...(id === 'followJob' && { SECONDS_AT_MOST: '2' }) };
      const { code, stdout } = await runExample(source, env);
      if (id === 'followJob')
        expect([code, stdout], id).toEqual([28, expect.stringContaining('event: snapshot')]);
      else if (id === 'submitNamedJob')
        expect(stdout, 'the service allows no bucket').toContain('The service is not allowed to read bucket');
      else expect(code, `${id}: ${source}\n${stdout}`).toBe(0);
    }
  });

  it('of a service with a token have it', () => {
    expect(exampleOf('getJob', true)).toBe('curl -H "authorization: Bearer $TOKEN" "$IMGCLS/v1/jobs/$JOB"');
    expect(exampleOf('isAlive', true)).toBe('curl "$IMGCLS/healthz"');
  });
});

describe('the reference at /docs', () => {
  it('is made from the document, and has no script', async () => {
    const answer = await fetch(`${service.url}/docs`);
    expect(answer.status).toBe(200);
    const policy = answer.headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'/);
    expect(policy).not.toMatch(/unsafe|upgrade-insecure-requests|https:/);
    const html = await answer.text();
    expect(html).not.toContain('<script');
    expect(html).toContain(`IMGCLS=${service.url}`);
    expect(html).toContain('<a href="find">Find</a>');
    for (const id of ['submitJob', 'getThumbnail', 'findPhotographs']) expect(html).toContain(`id="${id}"`);
  });

  it.skipIf(browser === undefined)('is accessible and fits, at 1440 and 390 pixels', async () => {
    const page = await (browser as Browser).newPage();
    const consoleErrors: string[] = [];
    const others: string[] = [];
    page.on('console', (message) => consoleErrors.push(message.text()));
    page.on('request', (request) => {
      if (!request.url().startsWith(service.url)) others.push(request.url());
    });
    for (const [width, address] of [
      [1440, 'docs'],
      [390, 'docs/'],
    ] as const) {
      await page.setViewportSize({ width, height: 800 });
      await page.goto(`${service.url}/${address}`);
      await page.getByRole('link', { name: 'Get a thumbnail of an image of a job' }).click();
      expect(new URL(page.url()).hash).toBe('#getThumbnail');
      const [scrolled, shown] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      expect(scrolled).toBeLessThanOrEqual(shown as number);
    }
    expect(await accessibilityViolations(page)).toEqual([]);
    expect(consoleErrors).toEqual([]);
    expect(others).toEqual([]);
    await page.close();
  });
});
