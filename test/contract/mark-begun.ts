import type { Cloud } from '../../src/core/cloud/ports.ts';
import { dropsOf, placeOf } from '../../src/core/drop/drop.ts';
import { parseMessage } from '../../src/core/drop/notification.ts';
import { markBegun } from '../../src/core/job/dead-letter.ts';
import { rangeOf } from '../../src/core/job/shard.ts';

/** Marks the batch of a message as a worker does that begins it and dies. */
export async function markAsBegun(cloud: Cloud, body: string): Promise<void> {
  const message = parseMessage(body);
  const places =
    'request' in message
      ? [{ job: message.request.job, range: rangeOf(message.request) }]
      : dropsOf(message.notification, cloud.input.bucket).drops.map(placeOf);
  for (const place of places) await markBegun(cloud.output, place, new AbortController().signal);
}
