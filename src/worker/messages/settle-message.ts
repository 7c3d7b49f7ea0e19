/** How a message leaves this worker: acknowledged, deleted, released, or moved to the dead-letter queue. */

import type { Cloud, Queue } from '../../core/cloud/ports.ts';
import type { RequestMessage } from '../../core/job/messages.ts';
import { sendResponses } from '../../core/job/responses.ts';
import type { Shard } from '../../core/job/shard.ts';
import { messageOf, type PoisonError } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import type { HeldMessage } from './held-message.ts';
import type { LeaseKeeper } from './lease.ts';
import { type RetryOptions, withRetries } from './retry.ts';

export interface SettleTools extends Omit<RetryOptions, 'signal'> {
  cloud: Cloud;
  workerId: string;
  /** The queue that the message came from. */
  queue: Queue;
  leases: LeaseKeeper;
  log: Log;
}

/** The longest time for which a message is released. */
export const MAX_RELEASE_MS = 15 * 60_000;

/** Sends the response, then deletes the message: a worker that ends in between leads to a redelivery, not to a lost response. */
export async function acknowledge(
  held: HeldMessage,
  request: RequestMessage,
  shard: Shard,
  tools: SettleTools,
): Promise<void> {
  held.begin();
  const { cloud, workerId: worker } = tools;
  const respond = () => sendResponses(cloud, request, { worker, shards: [shard] }, held.signal);
  await withRetries(respond, { ...tools, signal: held.signal });
  await deleteMessage(held, tools);
}

/** Deletes the message. If that fails, the message is redelivered. */
export async function deleteMessage(held: HeldMessage, tools: SettleTools): Promise<void> {
  const { receipt } = held.message;
  held.begin();
  await tools.leases.release(receipt);
  const lost = await withRetries(() => tools.queue.delete([receipt]), { ...tools, signal: held.signal });
  if (lost.length > 0)
    tools.log.debug(held.logFields, 'Message lease expired before the delete; it may be redelivered.');
}

/** Makes the message visible to other workers after `forMs`; 0 is at once. If that fails, its lease expires. */
export async function release(
  held: HeldMessage,
  forMs: number,
  { leases, queue, log }: Pick<SettleTools, 'leases' | 'queue' | 'log'>,
): Promise<void> {
  const { receipt } = held.message;
  try {
    await leases.release(receipt);
    if (!held.leaseLost) await queue.extend([receipt], forMs);
  } catch (error) {
    const fields = { ...held.logFields, error: messageOf(error) };
    log.warn(fields, 'Failed to release message; it is redelivered when its lease expires.');
  }
}

/** Moves a poison message to the dead-letter queue. If that fails, the queue itself does so after enough deliveries. */
export async function moveToDeadLetterQueue(
  held: HeldMessage,
  error: PoisonError,
  tools: SettleTools & { deadLetters: Queue },
): Promise<void> {
  const { body, groupId } = held.message;
  const fields = { ...held.logFields, reason: error.message };
  held.begin();
  try {
    await withRetries(() => tools.deadLetters.send([{ body, ...(groupId !== undefined && { groupId }) }]), {
      ...tools,
      signal: held.signal,
    });
    tools.log.warn(fields, 'Moved poison message to the dead-letter queue.');
    await deleteMessage(held, tools);
  } catch (cause) {
    tools.log.error(
      { ...fields, error: messageOf(cause) },
      'Failed to move poison message to the dead-letter queue.',
    );
    await release(held, MAX_RELEASE_MS, tools);
  }
}

/** Deletes a poison message of a queue that has no dead-letter queue. */
export async function discard(held: HeldMessage, error: PoisonError, tools: SettleTools): Promise<void> {
  tools.log.warn({ ...held.logFields, reason: error.message }, 'Discarded poison message.');
  try {
    await deleteMessage(held, tools);
  } catch (cause) {
    const fields = { ...held.logFields, error: messageOf(cause) };
    tools.log.debug(fields, 'Failed to delete poison message; it will expire.');
  }
}
