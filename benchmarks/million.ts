// Measures memory, time and processor time of jobs of ten thousand to a million images, without a model.
// Submitter, queue, workers and waiter are real; the model runner answers at once. On a busy machine the processor time is
// more meaningful than the wall time.
//
//     npm run bench:million -- [--images 10000,100000,1000000] [--profile FOLDER]
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, linkSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
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
    /** A folder for CPU profiles of the processes. */
    profile: { type: 'string' },
  },
});

/** Hard links per file: file systems limit them, and the store keeps each content once. */
const LINKS = 1000;
const FOLDER_NAMES = 1000;
/** Subfolders per folder. */
const FOLDER_FOLDERS = 100;
/** The unit of processor time in /proc. */
const TICKS_PER_SECOND = 100;

/** The last figures of a process that works on the data folder. */
interface ProcessFigures {
  /** Submitter, worker or runner. */
  role: string;
  peakMb: number;
  cpuSeconds: number;
}

interface Measured {
  images: number;
  seconds: number;
  roles: Map<string, Omit<ProcessFigures, 'role'>>;
}

const work = await mkdtemp(path.join(tmpdir(), 'imgcls-million-'));
const children = new Set<ChildProcess>();
try {
  await main();
} finally {
  for (const child of children) child.kill();
  await rm(work, { recursive: true, force: true, maxRetries: 10 });
}

async function main(): Promise<void> {
  // An unreported first run fills Node's compile cache, which takes memory itself.
  await measure(1);
  const all: Measured[] = [];
  for (const images of flags.images.split(',').map(Number)) {
    const measured = await measure(images);
    all.push(measured);
    console.log(textOf(measured));
  }
  const [first, ...rest] = all;
  for (const { images, roles } of rest)
    for (const [role, { peakMb }] of roles) {
      const times = (peakMb / (first?.roles.get(role)?.peakMb ?? Number.NaN)).toFixed(2);
      console.log(
        `${images} images: peak memory of the ${role} is ${times} times that of ${first?.images} images`,
      );
    }
}

/** A tree with a thousand names per folder: hard links to as few files as file systems allow. */
async function makeTree(root: string, images: number): Promise<void> {
  const contents = path.join(work, 'contents');
  await mkdir(contents);
  for (let index = 0; index < images; index++) {
    const content = path.join(contents, String(Math.floor(index / LINKS)));
    if (index % LINKS === 0) await writeFile(content, `content ${index} `.repeat(50));
    const name = path.join(root, nameOf(index));
    if (index % FOLDER_NAMES === 0) await mkdir(path.dirname(name), { recursive: true });
    linkSync(content, name);
  }
  await rm(contents, { recursive: true });
}

function nameOf(index: number): string {
  const folder = Math.floor(index / FOLDER_NAMES);
  const digits = (value: number, width: number) => String(value).padStart(width, '0');
  const folders = `${digits(Math.floor(folder / FOLDER_FOLDERS), 4)}/${digits(folder % FOLDER_FOLDERS, 2)}`;
  return `${folders}/photograph-${digits(index, 7)}.jpg`;
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
      // Runners get no setting.
      IMGCLS_TEST_DATA_DIR: dataDir,
      IMGCLS_RUNNER_ENTRY: runner,
      ...(flags.profile !== undefined && {
        NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${path.resolve(flags.profile)}`,
      }),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  children.add(child);
  const exited = once(child, 'exit');
  const watch = watchProcesses(dataDir);
  while (child.exitCode === null && child.signalCode === null) {
    await watch.poll();
    await Promise.race([exited, sleep(250)]);
  }
  children.delete(child);
  const seconds = (performance.now() - startMs) / 1000;
  if (child.exitCode !== 0) throw new Error(`The upload ended with ${child.exitCode ?? child.signalCode}.`);
  await check(output, images);
  for (const folder of [root, dataDir, output]) await rm(folder, { recursive: true });
  return { images, seconds, roles: watch.byRole() };
}

/** Checks that every index is there once, in order, with its name. */
async function check(output: string, images: number): Promise<void> {
  let next = 0;
  for await (const line of createInterface({ input: createReadStream(output) })) {
    const { index, name } = JSON.parse(line);
    if (index !== next || name !== nameOf(next))
      throw new Error(`Line ${next} has image ${index} (${name}) instead of image ${next}.`);
    next++;
  }
  if (next !== images) throw new Error(`${images} images have ${next} outcomes.`);
}

/** The kernel's figures of every process that works on the data folder (Linux). */
function watchProcesses(dataDir: string) {
  const otherPids = new Set<string>();
  const byPid = new Map<string, ProcessFigures>();
  return {
    async poll(): Promise<void> {
      for (const pid of await readdir('/proc')) {
        if (!/^\d+$/.test(pid) || otherPids.has(pid)) continue;
        const environment = await readProc(pid, 'environ');
        if (!environment.includes(`_DATA_DIR=${dataDir}\0`)) otherPids.add(pid);
        else {
          const found = await figuresOf(pid);
          if (found !== undefined) byPid.set(pid, found);
        }
      }
    },
    /** The largest peak of the processes of each role, and their total processor time. */
    byRole(): Measured['roles'] {
      const roles: Measured['roles'] = new Map();
      for (const { role, peakMb, cpuSeconds } of byPid.values()) {
        const before = roles.get(role) ?? { peakMb: 0, cpuSeconds: 0 };
        const peak = Math.max(before.peakMb, peakMb);
        roles.set(role, { peakMb: peak, cpuSeconds: before.cpuSeconds + cpuSeconds });
      }
      return roles;
    },
  };
}

/** Undefined if the process is ending. */
async function figuresOf(pid: string): Promise<ProcessFigures | undefined> {
  const [command, status, stat] = await Promise.all([
    readProc(pid, 'cmdline'),
    readProc(pid, 'status'),
    readProc(pid, 'stat'),
  ]);
  const peak = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  if (peak === undefined) return undefined;
  // User and system time. The name before may contain any character, hence the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const role = { upload: 'submitter', worker: 'worker' }[command.split('\0')[2] ?? ''] ?? 'runner';
  const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  return { role, peakMb: Number(peak) / 1024, cpuSeconds };
}

async function readProc(pid: string, file: string): Promise<string> {
  return await readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
}

function textOf({ images, seconds, roles }: Measured): string {
  const parts = [...roles].map(
    ([role, { peakMb, cpuSeconds }]) => `${role} ${peakMb.toFixed(0)} MB, ${cpuSeconds.toFixed(1)} s`,
  );
  return `${images} images in ${seconds.toFixed(1)} s (${(images / seconds).toFixed(0)} images/s); peak memory and processor time: ${parts.join('; ')}`;
}
