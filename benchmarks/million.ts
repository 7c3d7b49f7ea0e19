// Jobs of ten thousand to a million images by the real submitter, queue, workers and waiter, with a model runner that
// answers at once: memory, time, images a second, and processor time, which says more than the clock on a busy machine.
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
    /** Where CPU profiles of the processes go. */
    profile: { type: 'string' },
  },
});

/** Names of one file at most: file systems limit them, and the store keeps each content once. */
const LINKS = 1000;
const FOLDER_NAMES = 1000;
/** Folders in a folder. */
const FOLDER_FOLDERS = 100;
/** The kernel counts processor time in these, wherever Linux runs today. */
const TICKS_PER_SECOND = 100;

/** A process that works on the data folder, as it was last seen. */
interface Seen {
  /** Submitter, worker or runner. */
  role: string;
  peakMb: number;
  cpuSeconds: number;
}

interface Measured {
  images: number;
  seconds: number;
  roles: Map<string, Omit<Seen, 'role'>>;
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
  // Nothing is told of a first one: it fills Node's cache of compiled code, which takes memory of its own.
  await measure(1);
  const all: Measured[] = [];
  for (const images of flags.images.split(',').map(Number)) {
    const measured = await measure(images);
    all.push(measured);
    console.log(inWords(measured));
  }
  const [first, ...rest] = all;
  for (const { images, roles } of rest)
    for (const [role, { peakMb }] of roles) {
      const times = (peakMb / (first?.roles.get(role)?.peakMb ?? Number.NaN)).toFixed(2);
      console.log(`${images} images: the ${role}'s peak is ${times} times that of ${first?.images}`);
    }
}

/** Generated names, a thousand to a folder: hard links to as few files as file systems allow. */
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
    await watch.look();
    await Promise.race([exited, sleep(250)]);
  }
  children.delete(child);
  const seconds = (performance.now() - startMs) / 1000;
  if (child.exitCode !== 0) throw new Error(`The upload ended with ${child.exitCode ?? child.signalCode}.`);
  await check(output, images);
  for (const folder of [root, dataDir, output]) await rm(folder, { recursive: true });
  return { images, seconds, roles: watch.byRole() };
}

/** Every index once and in order, under its name. */
async function check(output: string, images: number): Promise<void> {
  let next = 0;
  for await (const line of createInterface({ input: createReadStream(output) })) {
    const { index, name } = JSON.parse(line);
    if (index !== next || name !== nameOf(next))
      throw new Error(`Line ${next} is of image ${index}, ${name}.`);
    next++;
  }
  if (next !== images) throw new Error(`There are ${next} outcomes of ${images} images.`);
}

/** The kernel's own figures of every process that works on the data folder (Linux). */
function watchProcesses(dataDir: string) {
  const strangers = new Set<string>();
  const seen = new Map<string, Seen>();
  return {
    async look(): Promise<void> {
      for (const pid of await readdir('/proc')) {
        if (!/^\d+$/.test(pid) || strangers.has(pid)) continue;
        const environment = await readOf(pid, 'environ');
        if (!environment.includes(`IMGCLS_DATA_DIR=${dataDir}\0`)) strangers.add(pid);
        else {
          const found = await lookAt(pid);
          if (found !== undefined) seen.set(pid, found);
        }
      }
    },
    /** The largest peak among the processes of a role, and the processor time of all of them. */
    byRole(): Measured['roles'] {
      const roles: Measured['roles'] = new Map();
      for (const { role, peakMb, cpuSeconds } of seen.values()) {
        const before = roles.get(role) ?? { peakMb: 0, cpuSeconds: 0 };
        const peak = Math.max(before.peakMb, peakMb);
        roles.set(role, { peakMb: peak, cpuSeconds: before.cpuSeconds + cpuSeconds });
      }
      return roles;
    },
  };
}

/** Undefined where the process is ending. */
async function lookAt(pid: string): Promise<Seen | undefined> {
  const [command, status, stat] = await Promise.all([
    readOf(pid, 'cmdline'),
    readOf(pid, 'status'),
    readOf(pid, 'stat'),
  ]);
  const peak = /VmHWM:\s+(\d+)/.exec(status)?.[1];
  if (peak === undefined) return undefined;
  // After the name, which may hold anything: user and system time.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const role = { upload: 'submitter', worker: 'worker' }[command.split('\0')[2] ?? ''] ?? 'runner';
  const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  return { role, peakMb: Number(peak) / 1024, cpuSeconds };
}

async function readOf(pid: string, file: string): Promise<string> {
  return await readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '');
}

function inWords({ images, seconds, roles }: Measured): string {
  const parts = [...roles].map(
    ([role, { peakMb, cpuSeconds }]) => `${role} ${peakMb.toFixed(0)} MB, ${cpuSeconds.toFixed(1)} s`,
  );
  return `${images} images in ${seconds.toFixed(1)} s (${(images / seconds).toFixed(0)} images/s); peak memory and processor time: ${parts.join('; ')}`;
}
