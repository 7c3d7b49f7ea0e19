import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMoto } from '../contract/moto.ts';
import { repository } from '../e2e/package.ts';
import { CALM, type FaultPlan, type Sabotage } from './plan.ts';
import { openPool, type Pool } from './pool.ts';
import type { RunReport } from './run.ts';
import { faultRuns, lineOf, type RunsOptions, summaryOf } from './runs.ts';
import { localWorld, motoWorld } from './worlds.ts';

/** A clone runs module by module, so that others can be put in their place; the package is bundled. */
const bin = path.join(repository, 'bin', 'imgcls.js');
const PARALLEL = 3;

const moto = await startMoto();
const onMoto = moto && motoWorld(moto.url);

let folder: string;
let pool: Pool;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-faults-'));
  pool = await openPool(path.join(folder, 'pool'), bin);
});
afterAll(async () => {
  await moto?.close();
  await rm(folder, { recursive: true, force: true });
});

async function run(runs: RunsOptions['runs']): Promise<RunReport[]> {
  const reports = await faultRuns({ bin, pool, folder, runs, parallel: PARALLEL });
  console.log([...reports.map(lineOf), summaryOf(reports)].join('\n'));
  return reports;
}

/** What is wrong, and the seed that shows it again: `npm run test:soak -- --runs 1 --seed SEED --cloud KIND`. */
const wrong = (reports: readonly RunReport[]): string[] =>
  reports.flatMap(({ kind, seed, violations }) => violations.map((each) => `${kind} ${seed}: ${each}`));

describe.concurrent('a job whose cloud fails and whose processes are killed', () => {
  it('gives every image its one outcome, on the embedded cloud', async () => {
    const reports = await run([1, 2, 3, 4, 5, 6].map((seed) => ({ seed, world: localWorld })));
    expect(wrong(reports)).toEqual([]);
    expect(reports.some(({ kills }) => kills > 0)).toBe(true);
    expect(reports.some(({ faults }) => Object.keys(faults).length > 0)).toBe(true);
  });

  it.skipIf(onMoto === undefined)('gives every image its one outcome, over S3 and SQS', async () => {
    const reports = await run(onMoto ? [11, 12].map((seed) => ({ seed, world: onMoto })) : []);
    expect(wrong(reports)).toEqual([]);
  });
});

describe('the checker of fault runs notices a system that', () => {
  const cases: [string, Sabotage | undefined, RegExp | undefined][] = [
    ['acknowledges messages before it has done the work', 'acknowledge-first', /: lost: image/],
    ['announces not every image', 'lose-announcements', /: lost: image/],
    ['writes a second outcome for an image', 'contradict-shards', /: doubled: image/],
    ['writes a wrong label', 'wrong-label', /: wrong outcome: image/],
    ['writes a name that only looks the same', 'wrong-name', /: wrong name: image/],
    ['is sound, and then it says nothing', undefined, undefined],
  ];
  /** Nothing fails, but the first worker is killed right after its first acknowledgement. */
  const killed: Partial<FaultPlan> = {
    faults: CALM,
    kills: 0,
    skewMs: 0,
    runnerDies: 0,
    workerEndsAfter: 'delete from request queue',
  };
  const FIRST_SEED = 21;
  /** A submitter sees the end of a job within a second of its last acknowledgement. */
  const QUIET_MS = 5000;

  let found: RunReport[];
  beforeAll(async () => {
    found = await run(
      cases.map(([, sabotage], place) => ({
        seed: FIRST_SEED + place,
        world: localWorld,
        changes: { ...killed, ...(sabotage && { sabotage }) },
        quietMs: QUIET_MS,
      })),
    );
  });

  it.each(cases)('%s', (_, sabotage, message) => {
    const place = cases.findIndex(([, each]) => each === sabotage);
    const problems = wrong(found.filter(({ seed }) => seed === FIRST_SEED + place));
    expect(problems).toEqual(message ? expect.arrayContaining([expect.stringMatching(message)]) : []);
  });
});
