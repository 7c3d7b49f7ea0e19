import type { ListedObject, Store } from '../cloud/ports.ts';
import { FLEET_PREFIX } from '../job/keys.ts';
import type { Clock } from '../runtime/clock.ts';
import { WORKER_GONE_MS } from './fleet.ts';

/** Status objects young enough to be of a live worker. A killed worker leaves its last status behind. */
export async function* liveReports(
  output: Store,
  clock: Pick<Clock, 'nowMs'>,
  signal?: AbortSignal,
): AsyncGenerator<ListedObject> {
  for await (const info of output.list(FLEET_PREFIX, signal && { signal }))
    if (clock.nowMs() - info.modifiedAtMs < WORKER_GONE_MS) yield info;
}
