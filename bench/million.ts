// Jobs of ten thousand to a million images by the real submitter, queue, workers and waiter, with a model runner that
// answers at once: memory, time, images a second.
//
//     npm run bench:million -- [--images 10000,100000,1000000] [--profile FOLDER]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const repository = path.resolve(import.meta.dirname, '..');
const bin = path.join(repository, 'bin', 'imgcls.js');
const runner = path.join(import.meta.dirname, 'children', 'instant-runner.ts');
const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '10000,100000,1000000' },
    /** Where CPU profiles of the processes go. */
    profile: { type: 'string' },
  },
});

/** Names of one file at most: file systems limit them, and the store keeps each content once. */
const LINKS = 1000;
const FOLDER_NAMES = 1000;

interface Measured {
  images: number;
  seconds: number;
  /** Peak resident memory by role, in MB. */
  peaksMb: Record<string, number>;
}

const work = await mkdtemp(path.join(tmpdir(), 'imgcls-million-'));
try {
  const all: Measured[] = [];
  for (const images of flags.images.split(',').map(Number)) {
    const measured = await measure(images);
    all.push(measured);
    console.log(inWords(measured));
  }
  const [first] = all;
  const last = all.at(-1);
  if (first !== undefined && last !== undefined && last !== first) {
    for (const [role, peakMb] of Object.entries(last.peaksMb))
      console.log(
        `${role}: ${(peakMb / (first.peaksMb[role] ?? Number.NaN)).toFixed(2)} times the peak of ${first.images} images`,
      );
  }
} finally {
  await rm(work, { recursive: true, force: true });
}

/** Generated names, a thousand to a folder: hard links to as few files as file systems allow. */
async function makeTree(root: string, images: number): Promise<void> {
  const contents = path.join(work, 'contents');
  await mkdir(contents, { recursive: true });
  for (let index = 0; index < images; index++) {
    const content = path.join(contents, String(Math.floor(index / LINKS)));
    if (index % LINKS === 0) await writeFile(content, `content ${index} `.repeat(50));
    const folder = path.join(root, nameOf(index, '').slice(0, 4));
    if (index % FOLDER_NAMES === 0) await mkdir(folder, { recursive: true });
    await link(content, path.join(root, nameOf(index, '.jpg')));
  }
  await rm(contents, { recursive: true });
}

function nameOf(index: number, ending: string): string {
  return `${String(Math.floor(index / FOLDER_NAMES)).padStart(4, '0')}/photograph-${String(index).padStart(7, '0')}${ending}`;
}

async function measure(images: number): Promise<Measured> {
  const root = path.join(work, `photos-${images}`);
  const dataDir = path.join(work, `data-${images}`);
  const output = path.join(work, `out-${images}.ndjson`);
  await mkdir(root);
  await makeTree(root, images);
  const startMs = performance.now();
  const child = spawn(process.execPath, [bin, 'upload', root, '--format', 'ndjson', '--output', output], {
    env: {
      ...process.env,
      IMGCLS_DATA_DIR: dataDir,
      IMGCLS_RUNNER_ENTRY: runner,
      ...(flags.profile !== undefined && {
        NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${path.resolve(flags.profile)}`,
      }),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const exited = once(child, 'exit');
  const peaksMb: Record<string, number> = {};
  while (child.exitCode === null && child.signalCode === null) {
    await notePeaks(dataDir, peaksMb);
    await Promise.race([exited, sleep(250)]);
  }
  const seconds = (performance.now() - startMs) / 1000;
  if (child.exitCode !== 0) throw new Error(`The upload ended with ${child.exitCode ?? child.signalCode}.`);
  await check(output, images);
  for (const folder of [root, dataDir, output]) await rm(folder, { recursive: true });
  return { images, seconds, peaksMb };
}

/** Every index once and in order, under its name. */
async function check(output: string, images: number): Promise<void> {
  let next = 0;
  for await (const line of createInterface({ input: createReadStream(output) })) {
    const { index, name } = JSON.parse(line);
    if (index !== next || name !== nameOf(next, '.jpg'))
      throw new Error(`Line ${next} is of image ${index}, ${name}.`);
    next++;
  }
  if (next !== images) throw new Error(`There are ${next} outcomes of ${images} images.`);
}

/** The kernel's own peak of every process that works on the data folder (Linux). */
async function notePeaks(dataDir: string, peaksMb: Record<string, number>): Promise<void> {
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const environment = await readFile(`/proc/${pid}/environ`, 'latin1').catch(() => '');
    if (!environment.includes(`IMGCLS_DATA_DIR=${dataDir}\0`)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    const role = { upload: 'submitter', worker: 'worker' }[command.split('\0')[2] ?? ''] ?? 'runner';
    const peak = /VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'latin1').catch(() => ''));
    peaksMb[role] = Math.max(peaksMb[role] ?? 0, Number(peak?.[1] ?? 0) / 1024);
  }
}

function inWords({ images, seconds, peaksMb }: Measured): string {
  const peaks = Object.entries(peaksMb).map(([role, peakMb]) => `${role} ${peakMb.toFixed(0)} MB`);
  return `${images} images in ${seconds.toFixed(1)} s (${(images / seconds).toFixed(0)} images/s); peaks: ${peaks.join(', ')}`;
}
