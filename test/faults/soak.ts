/**
 * Fault runs one after the other, several side by side:
 *
 *     npm run test:soak -- [--runs N | --minutes N] [--seed S] [--cloud local|moto|both] [--parallel N] [--keep]
 */

import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startMoto } from '../contract/moto.ts';
import { writePool } from './inputs.ts';
import { faultRun, labelsOf, type RunReport, type World } from './run.ts';
import { localWorld, motoWorld } from './worlds.ts';

const { values: flags } = parseArgs({
  options: {
    runs: { type: 'string' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    cloud: { type: 'string', default: 'local' },
    parallel: { type: 'string', default: String(2 * availableParallelism()) },
    keep: { type: 'boolean', default: false },
  },
});

const work = await mkdtemp(path.join(tmpdir(), 'imgcls-faults-'));
const moto = flags.cloud === 'local' ? undefined : await startMoto();
try {
  process.exitCode = await main();
} finally {
  await moto?.close();
}

async function main(): Promise<number> {
  const worlds: World[] = [
    ...(flags.cloud === 'moto' ? [] : [localWorld]),
    ...(moto === undefined ? [] : [motoWorld(moto.url)]),
  ];
  const folder = path.join(work, 'pool');
  const samples = await writePool(folder);
  const labels = await labelsOf(folder, path.join(work, 'labels'));
  const deadline = performance.now() + 60_000 * Number(flags.minutes ?? Number.POSITIVE_INFINITY);
  const runs = Number(flags.runs ?? (flags.minutes === undefined ? 10 : Number.POSITIVE_INFINITY));
  const reports: RunReport[] = [];
  let started = 0;
  const runOne = async () => {
    while (started < runs && performance.now() < deadline) {
      const seed = Number(flags.seed) + started;
      const world = worlds[started++ % worlds.length] as World;
      const own = path.join(work, `run-${seed}`);
      await mkdir(own);
      const report = await faultRun({ seed, world, folder: own, pool: { folder, samples, labels } });
      reports.push(report);
      console.log(lineOf(report));
      if (report.violations.length === 0 && !flags.keep) await rm(own, { recursive: true });
      else
        console.log(
          `  kept in ${own}\n  again: npm run test:soak -- --runs 1 --seed ${seed} --cloud ${world.kind}`,
        );
    }
  };
  await Promise.all(Array.from({ length: Number(flags.parallel) }, runOne));
  return summarize(reports);
}

function counts(faults: Record<string, number>): string {
  return (
    Object.entries(faults)
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ') || 'none'
  );
}

function lineOf({ seed, kind, images, bad, kills, faults, seconds, violations }: RunReport): string {
  const verdict = violations.length === 0 ? 'ok' : `FAILED\n  ${violations.slice(0, 10).join('\n  ')}`;
  return `seed ${seed} on ${kind}: ${images} images (${bad} bad), ${kills} kills, faults: ${counts(faults)}; ${seconds.toFixed(1)} s: ${verdict}`;
}

async function summarize(reports: readonly RunReport[]): Promise<number> {
  const faults: Record<string, number> = {};
  for (const report of reports)
    for (const [kind, count] of Object.entries(report.faults)) faults[kind] = (faults[kind] ?? 0) + count;
  const sum = (of: (report: RunReport) => number) => reports.reduce((total, report) => total + of(report), 0);
  const found = (what: string) =>
    sum(({ violations }) => violations.filter((one) => one.startsWith(what)).length);
  const failed = reports.filter(({ violations }) => violations.length > 0).length;
  console.log(
    `${reports.length} runs, ${sum(({ images }) => images)} images (${sum(({ bad }) => bad)} bad), ${sum(({ kills }) => kills)} kills; faults: ${counts(faults)}\n` +
      `${found('lost')} lost, ${found('doubled')} doubled, ${failed} runs failed`,
  );
  if (failed === 0 && !flags.keep) await rm(work, { recursive: true });
  return failed === 0 ? 0 : 1;
}
