import type { Cloud } from '../core/cloud/ports.ts';
import { deadLetterQueueName, interactiveQueueName, requestQueueName } from '../core/job/keys.ts';
import { messagesOf } from './estimator.ts';
import type { FleetDriver } from './fleet.ts';

/**
 * Whether a cluster that was at rest has anything to do: a message in a queue, or a machine that costs money. This look
 * costs next to nothing; it reads no bucket. True also if a part cannot be read: a whole look then says why.
 */
export async function needsController(
  { cluster, queues }: Pick<Cloud, 'cluster' | 'queues'>,
  driver: Pick<FleetDriver, 'members'>,
): Promise<boolean> {
  const names = [requestQueueName, interactiveQueueName, deadLetterQueueName].map((name) => name(cluster));
  try {
    const [members, ...depths] = await Promise.all([
      driver.members(),
      ...names.map((name) => queues.open(name).depth()),
    ]);
    return depths.some((depth) => messagesOf(depth) > 0) || members.some(({ state }) => state !== 'stopped');
  } catch {
    return true;
  }
}
