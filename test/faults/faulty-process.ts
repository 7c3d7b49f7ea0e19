/** What this process of a fault run suffers: its number in the run decides, so that a seed gives the same faults again. */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Cloud } from '../../src/core/ports.ts';
import { faultyCloud } from './faulty-cloud.ts';
import { type FaultPlan, PLAN_VARIABLE, randomFor } from './plan.ts';
import { sabotaged } from './sabotage.ts';

const plan: FaultPlan = JSON.parse(readFileSync(process.env[PLAN_VARIABLE] ?? '', 'utf8'));
const random = randomFor(plan.seed, takeNumber());

/** Added to the wall clock, in milliseconds. */
export const skewMs = Math.round((2 * random.next() - 1) * plan.skewMs);

export function troubled(cloud: Cloud): Cloud {
  const note = (kind: string) => appendFileSync(path.join(plan.folder, 'faults.log'), `${kind}\n`);
  const faulty = faultyCloud(cloud, { faults: plan.faults, random, note });
  return plan.sabotage === undefined ? faulty : sabotaged(faulty, plan.sabotage);
}

/** The first that makes the folder has the number. */
function takeNumber(): number {
  for (let number = 0; ; number++) {
    try {
      mkdirSync(path.join(plan.folder, `process-${number}`));
      return number;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
