// Measures the throughput of the whole pipeline (store, queue, worker, model, ledger) as a share of the in-memory ceiling.
//
//     npm run bench:pipeline -- [--count 1000] [--bytes 100000] [--repeat 5] [--model FILE_OR_FOLDER] [--images FOLDER]
//
// Ceiling: benchmarks/ceiling.ts, one process per core. Warm: `imgcls upload` while a worker runs. Cold: `imgcls upload` alone,
// which starts its worker and ends it. Each repetition measures all three; the result is their ratio.

import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { makePhotographs } from '../src/bench/photographs.ts';
import { installPackage } from '../test/e2e/package.ts';
import { median } from './median.ts';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values: flags } = parseArgs({
  options: {
    count: { type: 'string', default: '1000' },
    bytes: { type: 'string', default: '100000' },
    repeat: { type: 'string', default: '5' },
    model: { type: 'string' },
    images: { type: 'string', default: path.join(here, '..', 'samples') },
  },
});
const count = Number(flags.count);
const processes = availableParallelism();
const MEMORY_POLL_MS = 1000;
const run = promisify(execFile);

const installed = await installPackage();
const { bin } = installed;
const work = await mkdtemp(path.join(tmpdir(), 'imgcls-bench-'));
const sources = path.resolve(flags.images);
// Kept for later runs with the same originals.
const photographs = path.join(
  tmpdir(),
  `imgcls-bench-${hash('sha256', sources).slice(0, 8)}-${flags.bytes}-bytes`,
);
const children = new Set<ChildProcess>();
const freshDataDir = () => mkdtemp(path.join(work, 'data-'));
try {
  await main();
} finally {
  for (const child of children) child.kill();
  await installed.remove();
  await rm(work, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const made = await makePhotographs(photographs, {
    sources: flags.images,
    count,
    bytes: Number(flags.bytes),
  });
  const folder = path.join(work, 'photos');
  await mkdir(folder);
  await Promise.all(
    made.map(async (file) => writeFile(path.join(folder, path.basename(file)), await readFile(file))),
  );

  const model = await installModel();
  const ceiling = await startCeiling(model, made);
  const rows: { ceiling: number; warm: number; cold: number }[] = [];
  let memory = '';
  for (let i = 0; i < Number(flags.repeat); i++) {
    const limit = await ceiling.measure();
    const warm = await measureWarm(folder, model);
    memory = warm.memory;
    const cold = await measureUpload(folder, await freshDataDir(), model);
    rows.push({ ceiling: limit, warm: warm.perSecond, cold: cold.perSecond });
    console.log(
      `${i + 1}: ceiling ${limit.toFixed(1)}, warm ${warm.perSecond.toFixed(1)}, cold ${cold.perSecond.toFixed(1)} images/s`,
    );
  }
  const ratio = (of: 'warm' | 'cold') => (100 * median(rows.map((row) => row[of] / row.ceiling))).toFixed(1);
  console.log(`
${count} photographs of ${flags.bytes} bytes, model ${model.name}/${model.variant}, ${processes} cores of ${cpus()[0]?.model}
in-memory ceiling  ${median(rows.map((row) => row.ceiling)).toFixed(1)} images/s
worker running     ${median(rows.map((row) => row.warm)).toFixed(1)} images/s, ${ratio('warm')} % of the ceiling
no worker running  ${median(rows.map((row) => row.cold)).toFixed(1)} images/s, ${ratio('cold')} % of the ceiling
medians of ${rows.length}; percentages are medians of the ratios of each repetition
peak memory        ${memory}`);
}

interface InstalledModel {
  name: string;
  variant: string;
  file: string;
  inputName: string;
  mean: number[];
  std: number[];
  env: NodeJS.ProcessEnv;
  /** Contains only the models; every measured run gets a copy. */
  dataDir: string;
}

/** The measured model: imported if a file is given, else the default one. */
async function installModel(): Promise<InstalledModel> {
  const dataDir = path.join(work, 'models-of');
  const env = { ...process.env, IMGCLS_DATA_DIR: dataDir };
  const args = flags.model === undefined ? [] : [path.resolve(flags.model)];
  if (args.length > 0)
    await run(process.execPath, [bin, 'model', 'import', ...args, '--name', 'benchmarked'], { env });
  const { stdout } = await run(process.execPath, [bin, 'model', 'list', '--format', 'json'], { env });
  const wanted = args.length > 0 ? 'benchmarked' : 'efficientnet-lite0';
  const found = JSON.parse(stdout).find(({ name }: { name: string }) => name === wanted);
  const manifest = JSON.parse(await readFile(path.join(found.dir, 'model.json'), 'utf8'));
  return {
    name: wanted,
    variant: manifest.variant,
    file: path.join(found.dir, 'model.onnx'),
    inputName: manifest.input.name,
    mean: manifest.preprocess.mean,
    std: manifest.preprocess.std,
    env: { ...env, IMGCLS_MODEL: wanted },
    dataDir,
  };
}

async function startCeiling(model: InstalledModel, files: string[]) {
  const started = await Promise.all(
    Array.from({ length: processes }, async (_, id) => {
      const share = files.filter((_file, index) => index % processes === id);
      const task = path.join(work, `ceiling-${id}.json`);
      const { file, inputName, mean, std } = model;
      await writeFile(task, JSON.stringify({ model: file, inputName, mean, std, files: share }));
      const child = fork(path.join(here, 'ceiling.ts'), [task]);
      children.add(child);
      await once(child, 'message');
      return child;
    }),
  );
  return {
    /** Images per second of all processes together. Each does its share of `count`. */
    async measure(): Promise<number> {
      const reports = started.map((child) => once(child, 'message'));
      for (const child of started) child.send({ count: Math.ceil(count / processes) });
      const done = await Promise.all(reports);
      return done.reduce((sum, [report]) => sum + (1000 * report.count) / report.ms, 0);
    },
  };
}

/** One `imgcls upload`. Checks that every photograph has one label and no error. */
async function measureUpload(folder: string, dataDir: string, model: InstalledModel) {
  await copyModels(model, dataDir);
  const output = path.join(work, 'results.ndjson');
  const startMs = performance.now();
  await run(process.execPath, [bin, 'upload', folder, '--format', 'ndjson', '--output', output], {
    env: { ...model.env, IMGCLS_DATA_DIR: dataDir },
  });
  const ms = performance.now() - startMs;
  const outcomes = (await readFile(output, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const names = new Set(outcomes.filter(({ error }) => error === undefined).map(({ name }) => name));
  if (outcomes.length !== count || names.size !== count)
    throw new Error(`Only ${names.size} of ${count} photographs have a label.`);
  return { perSecond: (1000 * count) / ms };
}

/** `imgcls upload` while a worker runs with its model loaded. */
async function measureWarm(folder: string, model: InstalledModel) {
  const dataDir = await freshDataDir();
  await copyModels(model, dataDir);
  const env = { ...model.env, IMGCLS_DATA_DIR: dataDir };
  const worker = spawn(process.execPath, [bin, 'worker'], { env, stdio: 'ignore' });
  children.add(worker);
  const [first = ''] = await readdir(folder);
  await run(process.execPath, [bin, 'upload', path.join(folder, first)], { env });
  let memory = '';
  let peak = 0;
  // Polled during the job, because its end frees memory.
  const polling = setInterval(async () => {
    const now = await memoryOf(worker.pid ?? 0);
    if (Number.parseInt(now, 10) <= peak) return;
    peak = Number.parseInt(now, 10);
    memory = now;
  }, MEMORY_POLL_MS);
  const { perSecond } = await measureUpload(folder, dataDir, model);
  clearInterval(polling);
  worker.kill();
  await once(worker, 'exit');
  children.delete(worker);
  return { perSecond, memory };
}

async function copyModels(model: InstalledModel, dataDir: string): Promise<void> {
  await cp(path.join(model.dataDir, 'models'), path.join(dataDir, 'models'), { recursive: true }).catch(
    () => {},
  );
}

/** Current memory of a process and its children; shared memory counts once (Linux). */
async function memoryOf(pid: number): Promise<string> {
  const pssMb = async (id: string | number) => {
    const rollup = await readFile(`/proc/${id}/smaps_rollup`, 'utf8').catch(() => '');
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) / 1024;
  };
  const listed = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const all = await Promise.all([pid, ...listed.trim().split(' ').filter(Boolean)].map(pssMb));
  const total = all.reduce((sum, mb) => sum + mb, 0);
  return `${total.toFixed(0)} MB PSS (${all.map((mb) => mb.toFixed(0)).join(' + ')})`;
}
