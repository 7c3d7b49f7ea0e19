/** One fault run: a job under faults and kills that a seed decides, and what the checker says of its end. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { type Expected, violations } from './checker.ts';
import { drive, Killer, Stopper } from './drive.ts';
import { collect, findJob, notedFaults, untilQuiet } from './evidence.ts';
import { type RunImage, writeInputs } from './inputs.ts';
import { drawPlan, type FaultPlan, randomFor } from './plan.ts';
import type { Pool } from './pool.ts';
import { LEASE_SECONDS, Processes } from './processes.ts';

/** A cluster of one run's own. */
export interface Cluster {
  /** Settings of the run's processes. */
  env: NodeJS.ProcessEnv;
  /** Flags that `upload` needs. */
  uploadFlags: readonly string[];
  /** What runs beside the submitter. */
  helpers: readonly string[][];
  /** Which commands may hold the controller lock, and when others take it. */
  mayHoldLock(role: string): boolean;
  lockTtlMs: number;
  /** The same cluster, without faults. */
  open(): Cloud;
  /** Faults that the world itself injected, by kind. */
  injected(): Record<string, number>;
  close(): Promise<void>;
}

/** What runs happen on. */
export interface World {
  kind: 'local' | 'moto';
  prepare(run: { seed: number; dataDir: string }): Promise<Cluster>;
}

export interface RunOptions {
  seed: number;
  world: World;
  /** An empty folder for everything that the run leaves. */
  folder: string;
  /** The `imgcls` that is put to the test. */
  bin: string;
  pool: Pool;
  /** In place of what the seed decides. */
  changes?: Partial<FaultPlan>;
  timeoutMs?: number;
  /** A job hangs, too, if none of its requests has been left for so long. */
  quietMs?: number;
  /** Ends the run early. */
  signal?: AbortSignal;
}

export interface RunReport {
  seed: number;
  kind: World['kind'];
  images: number;
  bad: number;
  /** Processes killed from outside, at moments; those killed at a call are among the faults. */
  kills: number;
  stops: number;
  /** How many of each kind. */
  faults: Record<string, number>;
  seconds: number;
  violations: string[];
}

const LEASE_MS = 1000 * LEASE_SECONDS;

/** A run that takes longer hangs. Each controller that is killed while no worker lives may cost two times to live of its lock. */
const TIMEOUT_MS = 180_000;

export async function faultRun(options: RunOptions): Promise<RunReport> {
  const { seed, world, folder, pool, bin } = options;
  const startMs = performance.now();
  const dataDir = path.join(folder, 'data');
  const planFile = path.join(folder, 'plan.json');
  const plan = { ...drawPlan(seed, path.join(folder, 'faults')), ...options.changes };
  await mkdir(plan.folder, { recursive: true });
  await mkdir(dataDir);
  await writeFile(planFile, JSON.stringify(plan));
  const images = await writeInputs(path.join(folder, 'photos'), pool, randomFor(seed, 'inputs'));
  const cluster = await world.prepare({ seed, dataDir });
  const processes = new Processes({ bin, dataDir, cwd: folder, env: cluster.env, plan: planFile });
  try {
    const { kills, stops, wrong } = await check(options, { plan, cluster, processes, images });
    return {
      seed,
      kind: world.kind,
      images: images.length,
      bad: images.filter(({ sample }) => sample.code !== undefined).length,
      kills,
      stops,
      faults: { ...(await notedFaults(plan)), ...cluster.injected() },
      seconds: (performance.now() - startMs) / 1000,
      violations: wrong,
    };
  } finally {
    await processes.end();
    await cluster.close();
  }
}

interface Prepared {
  plan: FaultPlan;
  cluster: Cluster;
  processes: Processes;
  images: readonly RunImage[];
}

async function check(
  { seed, pool, timeoutMs = TIMEOUT_MS, quietMs, signal }: RunOptions,
  { plan, cluster, processes, images }: Prepared,
): Promise<{ kills: number; stops: number; wrong: string[] }> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const ended = new AbortController();
  const quiet = new AbortController();
  const watching = quietMs && untilQuiet(cluster.open, quietMs, ended.signal).then(() => quiet.abort());
  const killer = new Killer(processes, randomFor(seed, 'kills'), plan.kills);
  const limitMs = (role: string) =>
    cluster.mayHoldLock(role) ? Math.max(cluster.lockTtlMs, LEASE_MS) : LEASE_MS;
  const stopper = new Stopper({ processes, random: randomFor(seed, 'stops'), most: plan.stops, limitMs });
  const harming = Promise.all([killer.run(ended.signal), stopper.run(ended.signal)]);
  const settled = async () => {
    ended.abort();
    await harming;
  };
  const driven = await drive({
    ...cluster,
    processes,
    findJob: () => findJob(cluster.open),
    settled,
    signal: AbortSignal.any([timeout, quiet.signal, ...(signal ? [signal] : [])]),
  });
  await settled();
  await watching;
  const problem = 'problem' in driven ? [driven.problem] : [];
  const found = await collect(processes, cluster.open, 'printed' in driven ? driven.printed : '');
  const expected = images.map((image) => expectedOf(image, pool.labels));
  return { kills: killer.kills, stops: stopper.stops, wrong: [...problem, ...violations(expected, found)] };
}

function expectedOf({ name, sample }: RunImage, labels: Pool['labels']): Expected {
  if (sample.code !== undefined) return { name, result: { code: sample.code } };
  const label = labels.get(sample.file);
  if (label === undefined) throw new Error(`The run without faults gave no label for ${sample.file}.`);
  return { name, result: { label } };
}
