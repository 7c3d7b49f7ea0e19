/** What is left of a job once it ended, read where nothing fails. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { readJob } from '../../src/core/job/job-record.ts';
import { JOBS_PREFIX, requestQueueName } from '../../src/core/job/keys.ts';
import { listShards, readShard } from '../../src/core/job/shard.ts';
import { listAttempts, readOutcomes } from '../../src/results/ledger.ts';
import type { Found } from './checker.ts';
import type { FaultPlan } from './plan.ts';
import type { Processes } from './processes.ts';

/** The job that is in the cluster; of a run there is one at most. */
export async function findJob(open: () => Cloud): Promise<string | undefined> {
  const cloud = open();
  try {
    return (await Array.fromAsync(cloud.output.listFolders(JOBS_PREFIX)))[0];
  } finally {
    await cloud.close();
  }
}

/** Resolves when all of an unfinished job is announced and has had no request left for so long: no outcome will come. */
export async function untilQuiet(open: () => Cloud, quietMs: number, signal: AbortSignal): Promise<void> {
  const cloud = open();
  try {
    let quietSinceMs: number | undefined;
    while (!signal.aborted && (quietSinceMs === undefined || performance.now() - quietSinceMs < quietMs)) {
      await wait(500);
      quietSinceMs = (await isQuiet(cloud)) ? (quietSinceMs ?? performance.now()) : undefined;
    }
  } finally {
    await cloud.close();
  }
}

async function isQuiet({ output, queues, cluster }: Cloud): Promise<boolean> {
  const [job] = await Array.fromAsync(output.listFolders(JOBS_PREFIX));
  if (job === undefined || (await readJob(output, job)).state !== 'sealed') return false;
  const { waiting, inFlight, delayed } = await queues.open(requestQueueName(cluster)).depth();
  return waiting + inFlight + delayed === 0;
}

/** @param printed by the submitter that saw the job's end. */
export async function collect(processes: Processes, open: () => Cloud, printed: string): Promise<Found> {
  const job = await findJob(open);
  if (job === undefined) return { ledger: [], raw: [], printed, lines: '', json: '' };
  const { stdout: lines } = await processes.calmly('results', job);
  const { stdout: json } = await processes.calmly('results', job, '--format', 'ndjson');
  const cloud = open();
  try {
    const ledger = await Array.fromAsync(readOutcomes(cloud.output, job));
    const raw: Found['raw'][number][] = [];
    for (const attempt of await listAttempts(cloud.output, job))
      for await (const range of listShards(cloud.output, job, { attempt }))
        for (const outcome of await readShard(cloud.output, job, range)) raw.push({ attempt, outcome });
    return { ledger, raw, printed, lines, json };
  } finally {
    await cloud.close();
  }
}

/** The faults that the processes of a run have noted, by kind. */
export async function notedFaults({ folder }: FaultPlan): Promise<Record<string, number>> {
  const lines = (await readFile(path.join(folder, 'faults.log'), 'utf8').catch(() => '')).split('\n');
  const counts: Record<string, number> = {};
  for (const kind of lines) if (kind !== '') counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
