/**
 * Fault runs for as long as one likes; exit code 1 when one failed:
 *
 *     npm run test:soak -- [--minutes N | --runs N] [--seed S] [--cloud local|moto|both] [--parallel N] [--keep]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startMoto } from '../contract/moto.ts';
import { repository } from '../e2e/package.ts';
import { randomFor } from './plan.ts';
import { openPool } from './pool.ts';
import { faultRuns, lineOf, type SeededRun, summaryOf } from './runs.ts';
import { localWorld, motoWorld } from './worlds.ts';

const { values: flags } = parseArgs({
  options: {
    minutes: { type: 'string' },
    runs: { type: 'string' },
    seed: { type: 'string', default: '1' },
    cloud: { type: 'string', default: 'both' },
    parallel: { type: 'string', default: String(2 * availableParallelism()) },
    /** The folders also of runs that went well. */
    keep: { type: 'boolean', default: false },
  },
});
/** Of ten runs where both clouds are wanted: the embedded one is the quicker by far. */
const MOTO_SHARE = 2;
/** Processes of a run that are stopped for longer than their leases and their lock. */
const MOST_STOPS = 4;
/** Each stop may delay the job by as long as it takes. */
const TIMEOUT_MS = 420_000;

const stopped = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.abort());
const moto = flags.cloud === 'local' ? undefined : await startMoto();
const bin = path.join(repository, 'bin', 'imgcls.js');
try {
  process.exitCode = await soak();
} finally {
  await moto?.close();
}

async function soak(): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-faults-'));
  const pool = await openPool(path.join(folder, 'pool'), bin);
  const reports = await faultRuns({
    bin,
    pool,
    runs: seeds(),
    parallel: Number(flags.parallel),
    folder,
    keep: flags.keep,
    signal: stopped.signal,
    onReport(report, kept) {
      console.log(lineOf(report));
      if (report.violations.length > 0)
        console.log(
          `  kept in ${kept}; again: npm run test:soak -- --runs 1 --seed ${report.seed} --cloud ${report.kind}`,
        );
    },
  });
  console.log(summaryOf(reports));
  if (reports.some(({ violations }) => violations.length > 0)) return 1;
  if (flags.keep) console.log(`kept in ${folder}`);
  else await rm(folder, { recursive: true });
  return reports.length > 0 ? 0 : 1;
}

function* seeds(): Generator<SeededRun> {
  const onMoto = moto && motoWorld(moto.url);
  const endMs = performance.now() + 60_000 * Number(flags.minutes ?? Number.POSITIVE_INFINITY);
  const most = Number(flags.runs ?? (flags.minutes === undefined ? 10 : Number.POSITIVE_INFINITY));
  for (let run = 0; run < most && performance.now() < endMs && !stopped.signal.aborted; run++) {
    const isOnMoto = flags.cloud === 'moto' || (flags.cloud === 'both' && run % 10 < MOTO_SHARE);
    if (isOnMoto && onMoto === undefined && flags.cloud === 'moto') return;
    const seed = Number(flags.seed) + run;
    const stops = randomFor(seed, 'soak').below(MOST_STOPS + 1);
    yield {
      seed,
      world: isOnMoto && onMoto ? onMoto : localWorld,
      changes: { stops },
      timeoutMs: TIMEOUT_MS,
    };
  }
}
