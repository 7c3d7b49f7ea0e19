import type { Store } from '../core/cloud/ports.ts';
import { type ControllerReport, controllerReport } from '../core/fleet/fleet.ts';
import { CONTROLLER_REPORT_KEY } from '../core/job/keys.ts';
import { ObjectMissingError, PoisonError } from '../core/runtime/errors.ts';
import { parseVersioned } from '../core/runtime/versioned.ts';

/** The last controller's report; undefined if there is none, or none that this version can read. */
export async function readReport(output: Store): Promise<ControllerReport | undefined> {
  try {
    const { body } = await output.get(CONTROLLER_REPORT_KEY);
    return parseVersioned(controllerReport, new TextDecoder().decode(body), 'controller report');
  } catch (error) {
    if (error instanceof ObjectMissingError || error instanceof PoisonError) return undefined;
    throw error;
  }
}

export async function writeReport(output: Store, report: ControllerReport): Promise<void> {
  await output.put(CONTROLLER_REPORT_KEY, Buffer.from(JSON.stringify(report)));
}
