/** What inject.ts puts around the cloud and the clock of this process. */
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { faultyCloud } from './faulty-cloud.ts';
import { takePart } from './part.ts';
import { sabotaged } from './sabotage.ts';

const [, , role = ''] = process.argv;
const part = takePart(role);
if (part === undefined) throw new Error('This is no process of a fault run.');
const { plan, number, random, note } = part;

/** Added to the wall clock, in milliseconds. */
export const skewMs = Math.round((2 * random.next() - 1) * plan.skewMs);

/** @param transient makes the error by which the program knows a fault of the world. */
export function troubled(cloud: Cloud, transient: (message: string) => Error): Cloud {
  const { workerEndsAfter, sabotage, mortal } = plan;
  const faulty = faultyCloud(cloud, {
    faults: number < mortal ? plan.faults : { ...plan.faults, killed: 0 },
    ...(workerEndsAfter !== undefined && role === 'worker' && number === 0 && { endsAfter: workerEndsAfter }),
    random,
    note,
    transient,
    end: () => process.kill(process.pid, 'SIGKILL'),
  });
  return sabotage === undefined ? faulty : sabotaged(faulty, sabotage);
}
