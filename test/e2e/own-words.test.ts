/** Jobs of three kinds of model at once: one label of many, any number of labels, and labels that the job brings itself. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pythonWith } from '../../benchmarks/peers/environments.ts';
import { until } from '../contract/until.ts';
import { tinyOnnx } from '../integration/model/tiny-onnx.ts';
import { type InstalledPackage, installPackage, processesOf, type Running, start } from './package.ts';
import { openBrowser } from './web/browser.ts';
import { type Service, startService } from './web/up.ts';

const IMAGES = 150;
const SIDE = 96;
/** A worker and its two runners, each with two small models, and the bundled one. */
const WORKER_BYTES = 600e6;
const python = await pythonWith('pool.txt').catch((error: unknown) => {
  if (process.env.CI) throw error;
  console.warn(`SKIPPED: tests of own labels need Python and package indexes. ${error}`);
});

const browser = await openBrowser();

let installed: InstalledPackage;
let dataDir: string;
const running: Running[] = [];
const imgcls = (...args: string[]): Running => {
  const one = start(installed.bin, dataDir, args, { IMGCLS_LEASE_SECONDS: '4', IMGCLS_RUNNERS: '1' });
  running.push(one);
  return one;
};

/** Labels of each model; no two models have one in common. */
const LABELS = {
  classic: ['red', 'green', 'blue'],
  many: ['warm', 'cold', 'bright'],
  'tiny-clip': ['an invoice', 'a receipt', 'a cat'],
};
type Model = keyof typeof LABELS;

async function importTiny(name: 'classic' | 'many', activation: string): Promise<void> {
  const folder = path.join(dataDir, 'sources', name);
  await mkdir(folder, { recursive: true });
  const seed = name === 'classic' ? 1 : 2;
  await writeFile(path.join(folder, 'model.onnx'), tinyOnnx({ shape: ['N', 3, 64, 64], classes: 3, seed }));
  const labels = LABELS[name].map((label, at) => ({ wnid: String(at), label }));
  await writeFile(path.join(folder, 'labels.json'), JSON.stringify(labels));
  const recipe = { activation, preprocess: { resizeShortestSide: 64, cropSize: 64 } };
  await writeFile(path.join(folder, 'model.json'), JSON.stringify(recipe));
  const { code, stderr } = await imgcls('model', 'import', folder).finished;
  expect(code, stderr).toBe(0);
}

async function writePhotos(folder: string): Promise<void> {
  await mkdir(folder);
  for (let at = 0; at < IMAGES; at++) {
    const background = { r: (7 * at) % 256, g: (11 * at) % 256, b: (13 * at) % 256 };
    const picture = sharp({ create: { width: SIDE, height: SIDE, channels: 3, background } }).png();
    await picture.toFile(path.join(folder, `${String(at).padStart(3, '0')}.png`));
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the expectations check its shape.
const jsonOf = async (url: string, init: RequestInit = {}): Promise<any> =>
  await (await fetch(url, init)).json();

const submit = (model: Model, photos: string, ...flags: string[]) => {
  const own = model === 'tiny-clip' ? ['--labels', LABELS[model].join(', ')] : [];
  return imgcls('upload', photos, '--model', model, ...own, ...flags);
};

interface Line {
  name: string;
  label: string;
  model: string;
  labels: { label: string; score: number }[];
}
const linesOf = (stdout: string): Line[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe.skipIf(python === undefined)('three kinds of model on two workers', () => {
  let photos: string;
  beforeAll(async () => {
    installed = await installPackage();
    dataDir = await installed.dataDir();
    photos = path.join(dataDir, 'photos');
    await writePhotos(photos);
    await importTiny('classic', 'softmax');
    await importTiny('many', 'sigmoid');
    const script = path.join(import.meta.dirname, '../parity/words/models.py');
    await promisify(execFile)(python ?? '', [script, path.join(dataDir, 'sources')]);
    const { code, stderr } = await imgcls('model', 'import', path.join(dataDir, 'sources/tiny-clip'))
      .finished;
    expect(code, stderr).toBe(0);
  });
  afterAll(async () => {
    await browser?.close();
    for (const { kill } of running) kill('SIGKILL');
    await until('all processes have ended', async () => (await processesOf(dataDir)).length === 0);
    await installed?.remove();
  });

  it('give each image the labels of its own job, also if a worker is killed meanwhile', async () => {
    const models = Object.keys(LABELS) as Model[];
    const jobs = new Map<Model, string>();
    for (const model of models) {
      const { stdout, stderr } = await submit(model, photos, '--no-wait').finished;
      expect(stdout, stderr).toMatch(/^\w{26}\n$/);
      jobs.set(model, stdout.trim());
    }
    const victim = imgcls('worker', '--id', 'victim');
    const survivor = imgcls('worker', '--id', 'survivor', '--idle-exit', '6');
    await until('the victim has classified images', async () => {
      const { stdout } = await imgcls('status', '-f', 'json').finished;
      const { workers } = JSON.parse(stdout);
      for (const { rssBytes } of workers) expect(rssBytes).toBeLessThan(WORKER_BYTES);
      return workers.some(
        ({ id, state }: { id: string; state: string }) => id === 'victim' && state === 'busy',
      );
    });
    victim.kill('SIGKILL');
    const { code, stderr } = await survivor.finished;
    expect(code, stderr).toBe(0);
    for (const [model, job] of jobs) {
      const lines = linesOf((await imgcls('results', job, '-f', 'ndjson').finished).stdout);
      expect(lines.map(({ name }) => path.basename(name))).toEqual(
        Array.from({ length: IMAGES }, (_, at) => `${String(at).padStart(3, '0')}.png`),
      );
      for (const { labels, model: by } of lines) {
        expect(by).toBe(`${model}/fp32`);
        expect(labels.map(({ label }) => label).sort()).toEqual([...LABELS[model]].sort());
        const sum = labels.reduce((total, { score }) => total + score, 0);
        if (model !== 'many') expect(sum).toBeCloseTo(1, 5);
      }
      expect(new Set(lines.map(({ label }) => label)).size).toBeGreaterThan(1);
    }
    const other = await submit('tiny-clip', photos, '-f', 'ndjson', '--fresh').finished;
    const results = await imgcls('results', jobs.get('tiny-clip') ?? '', '-f', 'ndjson').finished;
    const scores = (stdout: string) => linesOf(stdout).map(({ labels }) => labels);
    expect(scores(results.stdout)).toEqual(scores(other.stdout));
  });

  it('are evaluated by the folders of photographs, whose names are the labels', async () => {
    const folder = path.join(dataDir, 'sorted');
    for (const [at, label] of ['an_invoice', 'a cat'].entries()) {
      await mkdir(path.join(folder, label), { recursive: true });
      for (const name of [`${at}.png`, `${at + 2}.png`])
        await cp(path.join(photos, `00${name}`), path.join(folder, label, name));
    }
    const { code, stdout, stderr } = await imgcls('eval', folder, '--model', 'tiny-clip', '-f', 'json')
      .finished;
    expect(code, stderr).toBe(0);
    const [{ images, confusions, top1, top5 }] = JSON.parse(stdout);
    const wrong = confusions.reduce((sum: number, one: { images: number }) => sum + one.images, 0);
    expect({ images, top5, wrong }).toEqual({ images: 4, top5: 1, wrong: 4 * (1 - top1) });
    for (const { truth, predicted } of confusions)
      expect([truth.label, predicted.label].sort()).toEqual(['a cat', 'an invoice']);
    const calibrated = await imgcls('eval', folder, '--model', 'tiny-clip', '--calibrate').finished;
    expect(calibrated.stderr).toContain('its scores depend on the labels of each job');
  });

  it('take the labels of an earlier job for known, but not those of one with other labels', async () => {
    const again = await submit('tiny-clip', photos, '-f', 'ndjson').finished;
    expect(again.stderr).toContain(`${IMAGES} known`);
    const others = ['upload', photos, '--model', 'tiny-clip', '--labels', 'a receipt, a cat', '-f', 'ndjson'];
    const { stdout, stderr } = await imgcls(...others).finished;
    expect(stderr).not.toContain('known');
    for (const { labels } of linesOf(stdout)) expect(labels).toHaveLength(2);
  });

  describe('of the service', () => {
    let service: Service;
    beforeAll(async () => {
      service = await startService(installed.bin, dataDir);
    });
    afterAll(async () => await service?.stop());

    it('get the labels of a request, for jobs and single images, and are refused without them', async () => {
      const { models } = await jsonOf(`${service.url}/v1/models`);
      const own = models.flatMap((model: { title: string; zeroShot: boolean }) =>
        model.zeroShot ? [model.title] : [],
      );
      expect(own).toEqual(['tiny-clip/fp32']);

      const [photo] = linesOf((await submit('tiny-clip', photos, '-f', 'ndjson').finished).stdout);
      const body = await readFile(path.join(photos, '000.png'));
      const classify = (query: Record<string, string>) =>
        jsonOf(`${service.url}/v1/classify?${new URLSearchParams(query)}`, {
          method: 'POST',
          headers: { 'content-type': 'image/png' },
          body,
        });
      const labels = LABELS['tiny-clip'].join(', ');
      expect((await classify({ model: 'tiny-clip', labels })).labels).toEqual(photo?.labels);
      expect((await classify({ model: 'tiny-clip', labels: 'a, b' })).labels).toHaveLength(2);
      expect(await classify({ model: 'tiny-clip' })).toMatchObject({
        status: 422,
        detail: 'tiny-clip/fp32 has no labels of its own.',
        hint: expect.stringContaining('labels=cat, dog, bird'),
      });
      expect(await classify({ model: 'classic', labels })).toMatchObject({
        status: 422,
        detail: 'classic/fp32 has labels of its own and takes no others.',
      });

      const upload = async (fields: Record<string, string>) => {
        const form = new FormData();
        for (const [name, value] of Object.entries(fields)) form.append(name, value);
        form.append('files', new Blob([body]), '000.png');
        return await jsonOf(`${service.url}/v1/jobs`, { method: 'POST', body: form });
      };
      const refused = await upload({ model: 'tiny-clip' });
      expect(refused).toMatchObject({ status: 422, detail: 'tiny-clip/fp32 has no labels of its own.' });
      const job = await upload({ model: 'tiny-clip', labels });
      const results = async () => (await jsonOf(`${service.url}/v1/jobs/${job.id}/results`)).outcomes[0];
      const found = await until('the outcome', results);
      expect(found.labels).toEqual(photo?.labels);
    });

    it.skipIf(browser === undefined)('get the labels that are written on the page', async () => {
      const page = await (browser as Browser).newPage();
      await page.goto(service.url);
      await page.getByLabel('Images', { exact: true }).setInputFiles([path.join(photos, '000.png')]);
      await page.getByText('Options').click();
      const field = page.getByRole('textbox', { name: 'Your own labels' });
      await page.getByLabel('Model').selectOption('tiny-clip/fp32');
      await field.fill('left, right');
      await page.getByRole('button', { name: 'Label 1 photo' }).click();
      await page.waitForURL(/\/jobs\/\w{26}$/);
      await page
        .getByText(/^(left|right)$/)
        .first()
        .waitFor();
      await page.close();
    });
  });
});
