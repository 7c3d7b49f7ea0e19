import { cp, mkdir } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InstalledPackage, installPackage, processesOf, repository, start } from './package.ts';

const samples = path.join(repository, 'samples');

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

/** No image can be classified: a runner would end at once. */
const NO_RUNNERS = { IMGCLS_RUNNER_ENTRY: path.join(repository, 'no-such-runner.js') };

const ndjson = (text: string) => text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
const labelsOf = (text: string) => ndjson(text).map(({ name, label, score }) => ({ name, label, score }));

describe('imgcls upload of a folder that was labelled before', () => {
  it('prints the same labels without classifying any photograph, and classifies only what was added', async () => {
    const dataDir = await installed.dataDir();
    const photos = path.join(dataDir, 'photos');
    await cp(samples, photos, { recursive: true });
    const upload = (flags: string[], env = {}) =>
      start(installed.bin, dataDir, ['upload', photos, '--format', 'ndjson', ...flags], env).finished;
    const first = await upload([]);
    expect(first.code, first.stderr).toBe(0);

    const again = await upload([], NO_RUNNERS);
    expect(again.code, again.stderr).toBe(0);
    expect(labelsOf(again.stdout)).toEqual(labelsOf(first.stdout));
    expect(again.stderr).toMatch(/^12 images \(12 known already\), 0 errors, job /m);
    expect(ndjson(again.stdout).every(({ known, ms }) => known === true && ms === 0)).toBe(true);

    await mkdir(path.join(photos, 'more'));
    const picture = sharp({ create: { width: 200, height: 200, channels: 3, background: 'navy' } });
    await picture.png().toFile(path.join(photos, 'more', 'a.png'));
    const estimate = await start(installed.bin, dataDir, ['label', photos, '--dry-run']).finished;
    expect(estimate.stdout).toMatch(/^images +13, .*\n +about 12 of them have predictions already/m);
    const grown = await upload([]);
    expect(grown.stderr).toMatch(/^13 images \(12 known already\), 0 errors in /m);
    expect(ndjson(grown.stdout).filter(({ known }) => known !== true)).toMatchObject([
      { name: 'more/a.png' },
    ]);

    const fresh = await upload(['--fresh']);
    expect(fresh.stderr).toMatch(/^13 images, 0 errors in /m);
    expect(labelsOf(fresh.stdout)).toEqual(labelsOf(grown.stdout));
    expect(ndjson(fresh.stdout).some(({ known }) => known === true)).toBe(false);
    expect(await processesOf(dataDir)).toEqual([]);
  });

  it('is done when --no-wait ends, and says so', async () => {
    const dataDir = await installed.dataDir();
    const run = (...args: string[]) => start(installed.bin, dataDir, args).finished;
    const first = await run('upload', samples, '--format', 'csv');
    const { stdout, stderr } = await run('upload', samples, '--no-wait');
    const job = stdout.trim();
    expect(stderr).toContain(
      `12 images submitted. All have an outcome. Run "imgcls results ${job}" to print them.`,
    );
    const results = await run('results', job, '--format', 'csv');
    const withoutMs = (csv: string) => csv.replaceAll(/int8,\d+(\.\d)?,/g, 'int8,');
    expect(withoutMs(results.stdout)).toBe(withoutMs(first.stdout));
  });
});
