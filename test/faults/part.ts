/** The part of one process in a fault run: its role and its number in that role give it its own stream of chance. */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Random } from '../../src/bench/random.ts';
import { type FaultPlan, PLAN_VARIABLE, randomFor } from './plan.ts';

export interface Part {
  plan: FaultPlan;
  /** 0 for the first process of the role. */
  number: number;
  random: Random;
  /** Counts a fault. Written at once: the process may be about to end. */
  note(kind: string): void;
}

/** Undefined outside of fault runs. */
export function takePart(role: string): Part | undefined {
  const file = process.env[PLAN_VARIABLE];
  if (file === undefined) return undefined;
  const plan: FaultPlan = JSON.parse(readFileSync(file, 'utf8'));
  const number = takeNumber(plan.folder, role);
  return {
    plan,
    number,
    random: randomFor(plan.seed, role, number),
    note: (kind) => appendFileSync(path.join(plan.folder, 'faults.log'), `${kind}\n`),
  };
}

/** Whoever makes the folder has its number. */
function takeNumber(folder: string, role: string): number {
  for (let number = 0; ; number++) {
    try {
      mkdirSync(path.join(folder, `${role}-${number}`));
      return number;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}
