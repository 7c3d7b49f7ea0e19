import type { Cloud } from '../core/cloud/ports.ts';
import type { Chore } from '../core/fleet/chore.ts';
import type { ControllerTiming } from '../core/fleet/controller-timing.ts';
import { drainDeadLetters } from '../results/dead-letters.ts';
import { settleJobs } from '../results/settle-jobs.ts';
import { expireImages, sweepIdempotencyKeys, sweepResponseQueues, sweepStatuses } from '../results/sweep.ts';
import { systemClock } from './system-clock.ts';

/** The maintenance tasks of a controller. They keep state: create one set for each controller. */
export const openChores = (cloud: Cloud, { restingListEveryMs }: ControllerTiming): Chore[] => [
  drainDeadLetters(cloud, systemClock),
  settleJobs(cloud, systemClock, { restingListEveryMs }),
  sweepResponseQueues(cloud, systemClock),
  sweepStatuses(cloud, systemClock),
  sweepIdempotencyKeys(cloud, systemClock),
  ...(cloud.kind === 'local' ? [expireImages(cloud, systemClock)] : []),
];
