import type { Store } from '../core/cloud/ports.ts';
import { findObject, findReadable } from '../core/cloud/read-object.ts';
import { type ControllerReport, controllerReport } from '../core/fleet/fleet.ts';
import { CONTROLLER_REPORT_KEY } from '../core/job/keys.ts';
import { parseVersioned } from '../core/runtime/versioned.ts';

const parse = (text: string) => parseVersioned(controllerReport, text, 'controller report');

/** The last controller's report; undefined if there is none, or none that this version can read. */
export async function readReport(output: Store): Promise<ControllerReport | undefined> {
  return await findReadable(output, CONTROLLER_REPORT_KEY, parse);
}

/**
 * As {@link readReport}, for the controller, which replaces it.
 * @throws {InvalidObjectError} @throws {NewerVersionError}
 */
export async function findReport(output: Store): Promise<ControllerReport | undefined> {
  return (await findObject(output, CONTROLLER_REPORT_KEY, parse))?.value;
}

export async function writeReport(output: Store, report: ControllerReport): Promise<void> {
  await output.put(CONTROLLER_REPORT_KEY, Buffer.from(JSON.stringify(report)));
}
