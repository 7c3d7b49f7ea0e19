import { messageOf } from '../core/runtime/errors.ts';
import type { Log } from '../core/runtime/log.ts';
import type { FleetDriver } from './fleet.ts';
import type { FailedMachine } from './policy/trial.ts';

/** Asks the driver why a launch failed. Without its answer the failure is still counted and reported. */
export async function whyFailed(
  { id, why }: FailedMachine,
  { driver, log }: { driver: Pick<FleetDriver, 'explain'>; log: Log },
): Promise<string> {
  const sentences = [`Worker ${id}: ${why}.`];
  try {
    const known = await driver.explain?.(id);
    if (known !== undefined) sentences.push(known);
  } catch (error) {
    log.warn({ machine: id, error: messageOf(error) }, 'Failed to read why a machine failed.');
  }
  return sentences.join(' ');
}
