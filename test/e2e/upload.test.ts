import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readControllerLock } from '../../src/core/fleet/controller-lock.ts';
import { CONTROLLER_TIMING } from '../../src/core/fleet/controller-timing.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { manifestOf } from '../../src/upload/resume.ts';
import { withFlippedBits } from './mutate.ts';
import { oddImages, writeOddImages } from './odd-images.ts';
import {
  type InstalledPackage,
  installPackage,
  processesOf,
  repository,
  sharedFolder,
  start,
  USUAL_RUNNERS,
} from './package.ts';

const samples = path.join(repository, 'samples');
const shared = sharedFolder();

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

const ndjson = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

async function lockHolder(dataDir: string): Promise<string | undefined> {
  const cloud = createLocalCloud({ dataDir, cluster: 'default' });
  try {
    return (await readControllerLock(cloud.output))?.record.holder;
  } finally {
    await cloud.close();
  }
}

describe('imgcls upload', () => {
  it('labels the samples rightly, with nothing installed but the package, and leaves no process behind', async () => {
    const dataDir = await installed.emptyFolder();
    const expected: Record<string, string[]> = JSON.parse(
      await readFile(path.join(samples, 'expected.json'), 'utf8'),
    );
    const args = ['upload', samples, '--format', 'ndjson'];
    const { code, stdout, stderr } = await start(installed.bin, dataDir, args, USUAL_RUNNERS).finished;
    expect(code, stderr).toBe(0);
    const outcomes = ndjson(stdout);
    expect(outcomes.map(({ name }) => name)).toEqual(Object.keys(expected).sort());
    for (const { name, wnid, label, score, labels } of outcomes) {
      expect(expected[name], `${name} is labelled ${label}`).toContain(wnid);
      expect(labels[0]).toEqual({ wnid, label, score });
      expect(labels).toHaveLength(5);
    }
    expect(stderr).toMatch(/efficientnet-lite0/);
    expect(await processesOf(dataDir)).toEqual([]);
  });

  it('writes one line an image to a pipe, and the same job again from the ledger', async () => {
    const dataDir = await installed.dataDir();
    const upload = await start(installed.bin, dataDir, ['upload', samples]).finished;
    expect(upload.stdout).toMatch(/^(\S+, .+\n){12}$/);
    expect(upload.stdout).toMatch(/^barn\.webp, .+\nboats\.webp, .+\ncat\.jpg, .+\ncoffee\.jpg, espresso\n/);
    const job = /job (\w{26})/.exec(upload.stderr)?.[1] ?? '';
    expect(upload.stderr).toMatch(/^12 images, 0 errors in [\d.]+ s \([\d.]+ images\/s\), job /m);
    const again = await start(installed.bin, dataDir, ['results', job]).finished;
    expect(again).toMatchObject({ code: 0, stdout: upload.stdout });
    const categories = await start(installed.bin, dataDir, ['results', job, '--level', 'category']).finished;
    expect(categories.stdout).toBe(
      [
        'barn.webp, building\n',
        'boats.webp, boat\n',
        'cat.jpg, cat\n',
        'coffee.jpg, drink\n',
        'dam.webp, structure\n',
        'frying-pan.webp, kitchenware\n',
        'goldfish.webp, fish\n',
        'mountains.jpg, landscape\n',
        'rocket.jpg, weapon\n',
        'screwdriver.webp, tool\n',
        'tape-measure.webp, stationery\n',
        'tripod.png, camera\n',
      ].join(''),
    );
    const waited = await start(installed.bin, dataDir, ['results', job, '--wait']).finished;
    expect(waited.stderr, 'reading is not classifying').toMatch(
      new RegExp(`^12 images, 0 errors, job ${job}$`, 'm'),
    );
  });

  it('refuses categories of a model with other classes, before it reads an image', async () => {
    const dataDir = await installed.dataDir();
    const own = path.join(dataDir, 'own');
    await cp(path.join(repository, 'models', 'efficientnet-lite0'), own, { recursive: true });
    const labels = Array.from({ length: 1000 }, (_, at) => ({ wnid: `own${at}`, label: `class ${at}` }));
    await writeFile(path.join(own, 'labels.json'), JSON.stringify(labels));
    const run = (...args: string[]) => start(installed.bin, dataDir, args).finished;
    const imported = await run('model', 'import', own, '--name', 'own');
    expect(imported.code, imported.stderr).toBe(0);
    const refused = {
      code: 2,
      stdout: '',
      stderr: expect.stringContaining(
        'The model own/int8 has no categories: its classes are not those of ImageNet.',
      ),
    };
    expect(await run('label', samples, '--model', 'own', '--level', 'category')).toMatchObject(refused);
    expect((await run('jobs', '--format', 'ndjson')).stdout).toBe('');
    await run('label', samples, '--model', 'own', '--no-wait');
    expect(await run('results', '--level', 'category')).toMatchObject(refused);
  });

  it('gives every odd file one outcome with the right code, classifies the good ones, and ends with 3', async () => {
    const dataDir = await installed.dataDir();
    const folder = path.join(dataDir, 'odd');
    await writeOddImages(folder, path.join(samples, 'cat.jpg'));
    const { code, stdout, stderr } = await start(installed.bin, dataDir, [
      'upload',
      folder,
      '--format',
      'ndjson',
    ]).finished;
    expect(code, stderr).toBe(3);
    const codes = Object.fromEntries(ndjson(stdout).map(({ name, error }) => [name, error?.code]));
    expect(codes).toEqual(oddImages);
    expect(ndjson(stdout)).toHaveLength(Object.keys(oddImages).length);
  });

  it('marks and counts unreliable labels in every format, and prints none of a damaged image with --strict', async () => {
    const dataDir = await installed.dataDir();
    const folder = path.join(dataDir, 'doubtful');
    await mkdir(folder);
    const jpeg = await readFile(path.join(samples, 'coffee.jpg'));
    await writeFile(path.join(folder, 'cut.jpg'), jpeg.subarray(0, 0.8 * jpeg.length));
    await writeFile(path.join(folder, 'flipped.jpg'), withFlippedBits(jpeg, 20));
    await writeFile(path.join(folder, 'good.jpg'), jpeg);
    await sharp(jpeg).resize(64, 64).toFile(path.join(folder, 'tiny.jpg'));
    await sharp({ create: { width: 300, height: 300, channels: 3, background: '#fff' } })
      .png()
      .toFile(path.join(folder, 'white.png'));

    const upload = await start(installed.bin, dataDir, ['upload', folder, '--format', 'table']).finished;
    expect(upload.code, upload.stderr).toBe(0);
    expect(upload.stdout).toMatch(/^cut\.jpg\tespresso\t.*\tdamaged$/m);
    expect(upload.stderr.match(/^warning: .*/gm)).toEqual([
      'warning: 2 images are damaged: their labels come from the parts that could be decoded.',
      'warning: 1 image has one colour: its label is unreliable.',
      'warning: 1 image has fewer than 96 pixels on its shorter side: its label is unreliable.',
    ]);

    const job = /job (\w{26})/.exec(upload.stderr)?.[1] ?? '';
    const results = (...flags: string[]) =>
      start(installed.bin, dataDir, ['results', job, ...flags]).finished;
    const csv = await results('--format', 'csv');
    const [header = '', ...rows] = csv.stdout.trimEnd().split('\r\n');
    const column = header.split(',').indexOf('warning');
    const warnings = ['damaged', 'damaged', '', 'low_resolution', 'uniform'];
    expect(rows.map((row) => row.split(',')[column])).toEqual(warnings);
    expect(csv.stderr).toContain('warning: 2 images are damaged');

    const strict = await results('--format', 'ndjson', '--strict');
    expect(strict.code).toBe(3);
    expect(strict.stderr).not.toMatch(/^warning: .* damaged/m);
    expect(strict.stderr).toMatch(/^error: 2 images failed:\n {2}cut\.jpg: The image is damaged\. /m);
    const damaged = {
      error: { code: 'truncated', message: expect.stringMatching(/^The image is damaged\. /) },
    };
    expect(ndjson(strict.stdout)).toEqual([
      { index: 0, name: 'cut.jpg', ...damaged },
      { index: 1, name: 'flipped.jpg', ...damaged },
      expect.objectContaining({ name: 'good.jpg', label: 'espresso' }),
      expect.objectContaining({ name: 'tiny.jpg', warning: 'low_resolution' }),
      expect.objectContaining({ name: 'white.png', warning: 'uniform' }),
    ]);
  });

  it('submits a job without waiting, and another process waits for it', async () => {
    const dataDir = await installed.dataDir();
    const submitted = await start(installed.bin, dataDir, ['upload', samples, '--no-wait']).finished;
    expect(submitted.code).toBe(0);
    expect(await processesOf(dataDir)).toEqual([]);
    const job = submitted.stdout.trim();
    expect(submitted.stderr).toContain(
      `12 images submitted. No worker is running. Run "imgcls results ${job} --wait"`,
    );
    expect(submitted.stderr).toContain('Keep the files until the job is done');
    const early = await start(installed.bin, dataDir, ['results', job]).finished;
    expect(early, 'the exit code for an unfinished job').toMatchObject({ code: 1, stdout: '' });
    const waited = await start(installed.bin, dataDir, ['results', job, '--wait', '--format', 'csv'])
      .finished;
    expect(waited.code, waited.stderr).toBe(0);
    expect(waited.stdout.trimEnd().split('\r\n')).toHaveLength(13);
    expect(await processesOf(dataDir)).toEqual([]);
  });

  it.each([
    [['upload', 'nowhere'], 2, /Cannot read nowhere/],
    [['upload', samples, '--no-wait', '--output', 'o.csv'], 2, /Cannot use --output with --no-wait/],
    [['upload', samples, '--output', 'no/o.csv'], 2, /Cannot write to no\/o\.csv: no such folder\.$/m],
    [['upload'], 2, /^error: Missing required argument 'inputs'\.\nhint: imgcls label --help\n$/],
    [
      ['upload', '.', '--format', 'xml'],
      2,
      /^error: Invalid value 'xml' for --format\. Allowed choices are .*\.\nhint: imgcls label --help\n$/,
    ],
    [['upload', '.', '--top-k', '0'], 2, /--top-k must be 1 to 100, not 0/],
    [['upload', samples, '--model', 'efficientnet-lite0/fp32'], 2, /fp32/],
    [['upload', samples, '--model', 'nosuch'], 2, /nosuch.* is not installed/],
    [['results', 'nosuch'], 2, /No job nosuch/],
  ])('answers %j with exit code %i and a message', async (args, expectedCode, message) => {
    const { code, stdout, stderr } = await start(installed.bin, await installed.dataDir(), args).finished;
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect({ code, stdout }).toEqual({ code: expectedCode, stdout: '' });
  });

  it('waits for descriptors, of which it has 32: no file and no folder of many is left out', async () => {
    const dataDir = await installed.dataDir();
    const folder = await installed.emptyFolder();
    const names: string[] = [];
    for (let at = 0; at < 90; at++) {
      const name = `${Math.floor(at / 15)}/sub folder/${String(at).padStart(3, '0')}.jpg`;
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), String(at).repeat(2000));
      names.push(name);
    }
    const args = ['upload', folder, '--copy', '--no-wait', '--concurrency', '64'];
    const under = ['prlimit', '--nofile=32'];
    const { code, stdout, stderr } = await start(installed.bin, dataDir, args, {}, under).finished;
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/too many files are open in this process\. Retrying\./);
    const cloud = createLocalCloud({ dataDir, cluster: 'default' });
    const entries = (
      await Array.fromAsync(manifestOf(cloud.output, { id: stdout.trim(), attempt: 1 }))
    ).flat();
    await cloud.close();
    expect(entries.map(({ name }) => name)).toEqual(names);
    expect(entries.filter((entry) => 'error' in entry)).toEqual([]);
  });

  it('fails for a folder without images, and leaves no job behind', async () => {
    const dataDir = await installed.dataDir();
    await mkdir(path.join(dataDir, 'notes'));
    await writeFile(path.join(dataDir, 'notes', 'a.txt'), 'text');
    const { code, stderr } = await start(installed.bin, dataDir, ['upload', 'notes']).finished;
    expect(code).toBe(2);
    expect(stderr).toMatch(/No images found in notes\.\nhint: Folders are searched for image file names/);
    const none = await start(installed.bin, dataDir, ['upload', '*.png']).finished;
    expect(none.stderr).toMatch(/No images found in \*\.png\.\n$/);
    const list = await start(installed.bin, dataDir, ['upload', '-']).finished;
    expect(list).toMatchObject({ code: 2, stdout: '' });
    expect(list.stderr).toMatch(/^error: The list on standard input is empty\.$/m);
  });

  it.runIf(shared)(
    'labels the 60 images that were too many for the seed system and its 27 tiny ones in one job',
    async () => {
      const dataDir = await installed.dataDir();
      const seed = path.join(shared ?? '', 'images', 'seed');
      const { code, stdout, stderr } = await start(installed.bin, dataDir, [
        'upload',
        seed,
        '--format',
        'ndjson',
      ]).finished;
      expect(code, stderr).toBe(0);
      expect(new Set(ndjson(stdout).map(({ name }) => name)).size).toBe(87);
    },
  );
});

describe('several submitters on one data folder', () => {
  const many = async (dataDir: string, count: number, name: string) => {
    const folder = path.join(dataDir, name);
    await mkdir(folder);
    const cat = await sharp(path.join(samples, 'cat.jpg')).resize(200, 200).jpeg().toBuffer();
    // Decoders ignore bytes after the end of an image; its digest changes.
    for (let index = 0; index < count; index++)
      await writeFile(
        path.join(folder, `${name}-${String(index).padStart(4, '0')}.jpg`),
        Buffer.concat([cat, Buffer.from(String(index))]),
      );
    return folder;
  };

  it('each get exactly their own outcomes', async () => {
    const dataDir = await installed.dataDir();
    const [a, b] = [await many(dataDir, 40, 'a'), await many(dataDir, 40, 'b')];
    const [forA, forB] = await Promise.all(
      [a, b].map(
        (folder) => start(installed.bin, dataDir, ['upload', folder, '--format', 'ndjson']).finished,
      ),
    );
    for (const [finished, name] of [
      [forA, 'a'],
      [forB, 'b'],
    ] as const) {
      expect(finished?.code, finished?.stderr).toBe(0);
      const names = ndjson(finished?.stdout ?? '').map((outcome) => outcome.name);
      expect(names).toEqual(
        Array.from({ length: 40 }, (_, index) => `${name}-${String(index).padStart(4, '0')}.jpg`),
      );
    }
    expect(await processesOf(dataDir)).toEqual([]);
  });

  it('end though the one that ran the controller is killed midway', async () => {
    const dataDir = await installed.dataDir();
    const [a, b] = [await many(dataDir, 300, 'a'), await many(dataDir, 300, 'b')];
    const first = start(installed.bin, dataDir, ['upload', a]);
    await expect
      .poll(() => processesOf(dataDir).then((found) => found.length), { timeout: 60_000 })
      .toBeGreaterThan(2);
    const second = start(installed.bin, dataDir, ['upload', b, '--format', 'ndjson']);
    await expect.poll(() => second.stderr(), { timeout: 60_000 }).toMatch(/Model/);
    const holder = await lockHolder(dataDir);
    first.kill('SIGKILL');
    // Sooner than the controller lock would expire.
    await expect
      .poll(() => lockHolder(dataDir), { timeout: CONTROLLER_TIMING.local.lockTtlMs * 0.8 })
      .not.toBe(holder);
    const finished = await second.finished;
    expect(finished.code, finished.stderr).toBe(0);
    expect(ndjson(finished.stdout)).toHaveLength(300);
    // A's job is unfinished, so B leaves the workers running for the next controller. Without one, they end by themselves.
    await expect.poll(() => processesOf(dataDir), { timeout: 60_000, interval: 500 }).toEqual([]);
  });

  it('print how to continue when they are interrupted, and leave nothing running', async () => {
    const dataDir = await installed.dataDir();
    const folder = await many(dataDir, 300, 'a');
    const running = start(installed.bin, dataDir, ['upload', folder]);
    await expect
      .poll(() => processesOf(dataDir).then((found) => found.length), { timeout: 60_000 })
      .toBeGreaterThan(2);
    running.kill('SIGINT');
    const { code, stderr } = await running.finished;
    expect(code).toBe(130);
    expect(stderr).toMatch(/^Interrupted\.\nhint: Run "imgcls .*" to continue/m);
    expect(await processesOf(dataDir)).toEqual([]);
  });
});
