// Measures the throughput of a job of 2 KB thumbnails without a model: on S3 in packs and as one object each, on one machine
// read in place and copied (in packs). The model runner only reads them. Each repetition measures both; the result is their ratio.
//
//     npm run bench:tiny -- [--images 100000] [--repeat 5] [--cloud local|moto]
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { standInEnvironment, startMoto } from '../test/contract/moto.ts';
import { median } from './median.ts';
import { makeStandInCluster } from './stand-in-cluster.ts';

const repository = path.resolve(import.meta.dirname, '..');
const bin = path.join(repository, 'bin', 'imgcls.js');
const { values: flags } = parseArgs({
  options: {
    images: { type: 'string', default: '100000' },
    repeat: { type: 'string', default: '5' },
    cloud: { type: 'string', default: 'local' },
  },
});
const images = Number(flags.images);
const BYTES = 2048;
const FOLDER_NAMES = 1000;
/** The slower way first. */
const WAYS =
  flags.cloud === 'moto'
    ? { 'one-object-each': { IMGCLS_PACK_BELOW_BYTES: '0' }, packed: { IMGCLS_PACK_BELOW_BYTES: '32768' } }
    : { copied: { IMGCLS_LOCAL_FILES: 'copy' }, 'in-place': { IMGCLS_LOCAL_FILES: 'in-place' } };

const work = await mkdtemp(path.join(tmpdir(), 'imgcls-tiny-'));
const children = new Set<ChildProcess>();
const moto = flags.cloud === 'moto' ? await startMoto() : undefined;
try {
  await main();
} finally {
  for (const child of children) child.kill();
  await moto?.close();
  await rm(work, { recursive: true, force: true, maxRetries: 10 });
}

async function main(): Promise<void> {
  const folder = path.join(work, 'thumbnails');
  await makeThumbnails(folder);
  const ratios: number[] = [];
  for (let at = 0; at < Number(flags.repeat); at++) {
    const rates: number[] = [];
    for (const [way, settings] of Object.entries(WAYS))
      rates.push(await measure(folder, `${way}-${at}`, settings));
    const [slower = 0, faster = 0] = rates;
    ratios.push(faster / slower);
    const shown = Object.keys(WAYS).map((way, place) => `${way} ${rates[place]?.toFixed(0)} images/s`);
    console.log(`${at + 1}: ${shown.join(', ')}, ratio ${(faster / slower).toFixed(2)}`);
  }
  console.log(
    `${images} images of ${BYTES} bytes, ${flags.cloud}: median of the ratios ${median(ratios).toFixed(2)} (${ratios.length} repetitions)`,
  );
}

/** All different, so that each must be stored. */
async function makeThumbnails(folder: string): Promise<void> {
  for (let index = 0; index < images; index++) {
    const group = path.join(folder, String(Math.floor(index / FOLDER_NAMES)).padStart(4, '0'));
    if (index % FOLDER_NAMES === 0) await mkdir(group, { recursive: true });
    await writeFile(path.join(group, `${String(index).padStart(7, '0')}.jpg`), randomBytes(BYTES));
  }
}

/** Images per second, from the start of `imgcls label` to its end. */
async function measure(folder: string, cluster: string, settings: NodeJS.ProcessEnv): Promise<number> {
  const env = {
    ...process.env,
    ...(moto && standInEnvironment(moto.url)),
    ...(moto && (await makeStandInCluster(moto.url, cluster))),
    IMGCLS_CLUSTER: cluster,
    IMGCLS_DATA_DIR: path.join(work, cluster),
    ...settings,
    IMGCLS_MODEL: 'efficientnet-lite0',
    IMGCLS_RUNNER_ENTRY: path.join(import.meta.dirname, 'children', 'instant-runner.ts'),
  };
  const worker = moto && start(['worker'], env);
  const startMs = performance.now();
  const output = path.join(work, `${cluster}.csv`);
  const upload = start(['upload', folder, '--format', 'csv', '--output', output], env);
  const [code] = await once(upload, 'exit');
  const seconds = (performance.now() - startMs) / 1000;
  if (code !== 0 || (await stat(output)).size === 0) throw new Error(`The upload exited with code ${code}.`);
  worker?.kill();
  if (worker !== undefined) await once(worker, 'exit');
  await rm(path.join(work, cluster), { recursive: true, force: true, maxRetries: 10 });
  return images / seconds;
}

function start(args: string[], env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, [bin, ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}
