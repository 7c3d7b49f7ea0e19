import type { ListedObject, Store } from '../cloud/ports.ts';
import { FLEET_PREFIX } from '../job/keys.ts';
import type { Clock } from '../runtime/clock.ts';
import { WORKER_GONE_MS } from './fleet.ts';

/** The reports of workers that are there, as far as their age tells: one that was killed leaves its last report behind. */
export async function* liveReports(
  output: Store,
  clock: Pick<Clock, 'nowMs'>,
  signal?: AbortSignal,
): AsyncGenerator<ListedObject> {
  for await (const info of output.list(FLEET_PREFIX, signal && { signal }))
    if (clock.nowMs() - info.modifiedAtMs < WORKER_GONE_MS) yield info;
}
