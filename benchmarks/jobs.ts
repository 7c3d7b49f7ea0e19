// Measures the submitter's memory for large jobs, and the time of a small job while a large one runs.
//
//     npm run bench:jobs -- [--large 20000] [--repeat 3]
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const repository = path.resolve(import.meta.dirname, '..');
const bin = path.join(repository, 'bin', 'imgcls.js');
const { values: flags } = parseArgs({
  options: { large: { type: 'string', default: '20000' }, repeat: { type: 'string', default: '3' } },
});
const large = Number(flags.large);
const work = await mkdtemp(path.join(tmpdir(), 'imgcls-bench-'));
const children = new Set<ChildProcess>();
try {
  await main();
} finally {
  for (const child of children) child.kill();
  await rm(work, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const folders = {
    large: await tinyImages(large),
    tenth: await tinyImages(large / 10),
    small: await tinyImages(20),
  };

  for (const [name, folder] of [
    ['a tenth', folders.tenth],
    ['all', folders.large],
  ] as const) {
    const { seconds, peakMb, outcomes } = await upload(folder, path.join(work, `memory-${name}`));
    console.log(
      `${name}: ${outcomes} images in ${seconds.toFixed(1)} s (${(outcomes / seconds).toFixed(0)} images/s), submitter's peak ${peakMb.toFixed(0)} MB`,
    );
  }

  for (let i = 0; i < Number(flags.repeat); i++) {
    const cold = await upload(folders.small, path.join(work, `cold-${i}`));
    const warm = await uploadBesideWorker(folders.small, path.join(work, `warm-${i}`));
    const dataDir = path.join(work, `shared-${i}`);
    const big = upload(folders.large, dataDir);
    // By then workers run and the request queue is long.
    await wait(5000);
    const meanwhile = await upload(folders.small, dataDir);
    const times = (alone: number) => `${(meanwhile.seconds / alone).toFixed(2)} times`;
    console.log(
      `20 images during a job of ${large}: ${meanwhile.seconds.toFixed(2)} s; alone without a worker ${cold.seconds.toFixed(2)} s (${times(cold.seconds)}), ` +
        `alone with a worker running ${warm.seconds.toFixed(2)} s (${times(warm.seconds)})`,
    );
    const { outcomes } = await big;
    if (outcomes !== large) throw new Error(`The large job has ${outcomes} outcomes.`);
  }
}

/** An upload that finds a worker with its model loaded. */
async function uploadBesideWorker(folder: string, dataDir: string) {
  const worker = spawn(process.execPath, [bin, 'worker'], {
    env: { ...process.env, IMGCLS_DATA_DIR: dataDir },
    stdio: 'ignore',
  });
  children.add(worker);
  await upload(folder, dataDir);
  const measured = await upload(folder, dataDir);
  worker.kill();
  await once(worker, 'exit');
  children.delete(worker);
  return measured;
}

/** Different images of 64 x 64 pixels, about 2 KB each, a thousand per folder. */
async function tinyImages(count: number): Promise<string> {
  const folder = path.join(work, `tiny-${count}`);
  const original = sharp(path.join(repository, 'samples', 'cat.jpg')).resize(96, 96);
  const picture = await original.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  for (let index = 0; index < count; index++) {
    const subfolder = path.join(folder, String(Math.floor(index / 1000)).padStart(4, '0'));
    if (index % 1000 === 0) await mkdir(subfolder, { recursive: true });
    const image = sharp(picture.data, { raw: picture.info })
      .extract({ left: index % 32, top: Math.floor(index / 32) % 32, width: 64, height: 64 })
      .linear(1, (index >> 10) / 4);
    await writeFile(path.join(subfolder, `${index}.jpg`), await image.jpeg({ quality: 85 }).toBuffer());
  }
  return folder;
}

/** One `imgcls label` as a process of its own: its time, its number of distinct outcomes, and its peak memory (Linux). */
async function upload(folder: string, dataDir: string) {
  await mkdir(dataDir, { recursive: true });
  const output = path.join(dataDir, `${path.basename(folder)}.ndjson`);
  const startMs = performance.now();
  const child = spawn(
    process.execPath,
    [bin, 'upload', folder, '--fresh', '--format', 'ndjson', '--output', output],
    {
      env: { ...process.env, IMGCLS_DATA_DIR: dataDir },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  children.add(child);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = once(child, 'exit');
  let peakMb = 0;
  while (child.exitCode === null && child.signalCode === null) {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    peakMb = Math.max(peakMb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    await Promise.race([exited, wait(50)]);
  }
  const [code] = await exited;
  children.delete(child);
  if (code !== 0) throw new Error(`upload ended with ${code}: ${stderr}`);
  const seconds = (performance.now() - startMs) / 1000;
  const lines = (await readFile(output, 'utf8')).trimEnd().split('\n');
  return { seconds, peakMb, outcomes: new Set(lines.map((line) => JSON.parse(line).index)).size };
}
