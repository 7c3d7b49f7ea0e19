/** One fault run: a job under faults and kills that a seed decides, and what the checker says of its end. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../src/bench/random.ts';
import { JOBS_PREFIX } from '../../src/core/keys.ts';
import type { Cloud } from '../../src/core/ports.ts';
import { listShards } from '../../src/core/shard.ts';
import { listAttempts, readOutcomes, readShard } from '../../src/results/ledger.ts';
import { type Expected, type Found, violations } from './checker.ts';
import { type RunImage, type Sample, writeInputs } from './inputs.ts';
import { drawFaults, type FaultPlan, randomFor, type Sabotage } from './plan.ts';
import { Processes } from './processes.ts';

/** What a run happens on. */
export interface World {
  kind: 'local' | 'moto';
  /** A cluster of its own for one run. */
  prepare(run: { seed: number; dataDir: string; random: Random }): Promise<{
    /** Settings of the run's processes. */
    env: NodeJS.ProcessEnv;
    /** Flags that `upload` needs. */
    uploadFlags: string[];
    /** Whether waiters bring workers of their own. */
    bringsWorkers: boolean;
    /** The same cluster, without faults. */
    open(): Cloud;
    /** Faults that the world itself injected, by kind. */
    injected(): Record<string, number>;
    close(): Promise<void>;
  }>;
}

export interface RunOptions {
  seed: number;
  world: World;
  folder: string;
  pool: { folder: string; samples: readonly Sample[]; labels: ReadonlyMap<string, string> };
  sabotage?: Sabotage;
  timeoutMs?: number;
}

export interface RunReport {
  seed: number;
  kind: World['kind'];
  images: number;
  bad: number;
  kills: number;
  /** How many of each kind. */
  faults: Record<string, number>;
  seconds: number;
  violations: string[];
}

const TIMEOUT_MS = 150_000;

/** Purposes of chance. */
const INPUTS = 1_000_001;
const FAULTS = 1_000_002;
const KILLS = 1_000_003;
const WORLD = 1_000_004;

export async function faultRun(options: RunOptions): Promise<RunReport> {
  const { seed, world, folder, pool, sabotage } = options;
  const startMs = performance.now();
  const dataDir = path.join(folder, 'data');
  await mkdir(path.join(folder, 'faults'), { recursive: true });
  await mkdir(dataDir);
  const images = await writeInputs(path.join(folder, 'photos'), pool, randomFor(seed, INPUTS));
  const random = randomFor(seed, FAULTS);
  const plan: FaultPlan = {
    seed,
    folder: path.join(folder, 'faults'),
    faults: drawFaults(random),
    skewMs: random.next() < 0.5 ? 0 : 3_600_000 * random.next(),
    ...(sabotage !== undefined && { sabotage }),
  };
  const planFile = path.join(folder, 'plan.json');
  await writeFile(planFile, JSON.stringify(plan));
  const cluster = await world.prepare({ seed, dataDir, random: randomFor(seed, WORLD) });
  const processes = new Processes({ dataDir, env: cluster.env, plan: planFile, cwd: folder });
  const killer = new Killer(processes, randomFor(seed, KILLS));
  try {
    const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    const terminal = await Promise.race([
      drive({ processes, killer, cluster, flags: cluster.uploadFlags }),
      sleep(timeoutMs, undefined, { ref: false }).then(() => undefined),
    ]);
    const found = await collect(processes, cluster.open, terminal ?? '');
    const expected = images.map((image) => expectedOf(image, pool.labels));
    const hang = terminal === undefined ? [`hang: the job did not end within ${timeoutMs / 1000} s`] : [];
    return {
      seed,
      kind: world.kind,
      images: images.length,
      bad: images.filter(({ sample }) => sample.code !== undefined).length,
      kills: killer.kills,
      faults: { ...(await notedFaults(plan)), ...cluster.injected() },
      seconds: (performance.now() - startMs) / 1000,
      violations: [...hang, ...violations(expected, found)],
    };
  } finally {
    await processes.end();
    await cluster.close();
  }
}

function expectedOf({ name, sample }: RunImage, labels: ReadonlyMap<string, string>): Expected {
  if (sample.code !== undefined) return { name, result: { code: sample.code } };
  const label = labels.get(sample.file);
  if (label === undefined) throw new Error(`The run without faults gave no label for ${sample.file}.`);
  return { name, result: { label } };
}

/** Kills processes at moments that the seed decides; so many that a run ends in time. */
class Killer {
  kills = 0;
  readonly #processes: Processes;
  readonly #random: Random;
  readonly #most: number;

  constructor(processes: Processes, random: Random) {
    this.#processes = processes;
    this.#random = random;
    this.#most = random.below(6);
  }

  /** Goes on beside the run until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const roles = ['upload', 'resume', 'worker', 'scale', 'upload', 'resume'];
    while (this.kills < this.#most && !signal.aborted) {
      await sleep(200 + 1200 * this.#random.next(), undefined, { signal }).catch(() => {});
      const [victim] = this.#processes.running(roles[this.#random.below(roles.length)] ?? '');
      if (victim === undefined || signal.aborted) continue;
      victim.kill();
      this.kills++;
    }
  }
}

interface Drive {
  processes: Processes;
  killer: Killer;
  cluster: Awaited<ReturnType<World['prepare']>>;
  flags: string[];
}

/** Submits, starts again what was killed, and answers what the submitter that saw the end has printed. */
async function drive({ processes, killer, cluster, flags }: Drive): Promise<string> {
  const ended = new AbortController();
  const helpers = cluster.bringsWorkers
    ? [['worker'], ['scale', '--max', '1']].slice(killer.kills % 2)
    : [['worker'], ['worker']];
  const keeping = helpers.map((args) => keepRunning(processes, args, ended.signal));
  const killing = killer.run(ended.signal);
  try {
    for (let job: string | undefined; ; ) {
      const args = job === undefined ? ['upload', 'photos', ...flags] : ['resume', job];
      const { code, signal, stdout, stderr } = await processes.start(...args).ended;
      if (signal === null && (code === 0 || code === 3)) return stdout;
      if (signal === null) throw new Error(`imgcls ${args[0]} ended with ${code}: ${stderr}`);
      job ??= await jobOf(cluster.open);
    }
  } finally {
    ended.abort();
    await Promise.all([...keeping, killing]);
  }
}

async function keepRunning(processes: Processes, args: string[], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const started = processes.start(...args);
    const stop = () => started.kill();
    signal.addEventListener('abort', stop, { once: true });
    await started.ended;
    signal.removeEventListener('abort', stop);
    await sleep(200, undefined, { signal }).catch(() => {});
  }
}

async function jobOf(open: () => Cloud): Promise<string | undefined> {
  const cloud = open();
  try {
    return (await Array.fromAsync(cloud.output.listFolders(JOBS_PREFIX)))[0];
  } finally {
    await cloud.close();
  }
}

async function collect(processes: Processes, open: () => Cloud, terminal: string): Promise<Found> {
  const job = await jobOf(open);
  if (job === undefined) return { ledger: [], raw: [], terminal, json: '' };
  const { stdout: json } = await processes.calmly('results', job, '--format', 'ndjson');
  const cloud = open();
  try {
    const ledger = await Array.fromAsync(readOutcomes(cloud.output, job));
    const raw: Found['raw'][number][] = [];
    for (const attempt of await listAttempts(cloud.output, job))
      for await (const range of listShards(cloud.output, job, { attempt }))
        for (const outcome of await readShard(cloud.output, job, range)) raw.push({ attempt, outcome });
    return { ledger, raw, terminal, json };
  } finally {
    await cloud.close();
  }
}

async function notedFaults({ folder }: FaultPlan): Promise<Record<string, number>> {
  const lines = (await readFile(path.join(folder, 'faults.log'), 'utf8').catch(() => '')).split('\n');
  const counts: Record<string, number> = {};
  for (const kind of lines) if (kind !== '') counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** The labels that the pool gets where nothing goes wrong. */
export async function labelsOf(pool: string, dataDir: string): Promise<Map<string, string>> {
  await mkdir(dataDir, { recursive: true });
  const processes = new Processes({ dataDir, env: {}, plan: '', cwd: path.dirname(pool) });
  try {
    const { stdout, stderr } = await processes.calmly('upload', pool, '--format', 'ndjson');
    const outcomes = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    if (outcomes.length === 0) throw new Error(`The run without faults gave nothing: ${stderr}`);
    return new Map(outcomes.flatMap(({ name, label }) => (label === undefined ? [] : [[name, label]])));
  } finally {
    await processes.end();
    await rm(dataDir, { recursive: true, force: true });
  }
}
